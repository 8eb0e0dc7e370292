//! From rows to the library's types, and from keys to columns.

use std::borrow::Cow;
use std::sync::Arc;

use flows_core::error::{Error, ErrorKind};
use flows_core::ids::{RunKey, SHARDS};
use flows_core::payload::{Codec, Payload};
use flows_core::store::{
    Activation, ClosePolicy, InboxMessage, MessageKind, Parent, RareOptions, RunSpec, RunStatus,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::types::{Column, Time, duration, unsigned};

/// Keys as three columns.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) shards: Column<i16>,
    pub(crate) tenants: Column<Uuid>,
    pub(crate) runs: Column<Uuid>,
}

impl Keys {
    pub(crate) fn push(&mut self, key: RunKey) {
        self.shards.push(key.shard);
        self.tenants.push(key.tenant);
        self.runs.push(key.run);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }
}

/// The parameters of a statement that are columns about runs: the runs' keys, then one column for each field,
/// in this order.
macro_rules! columns {
    (
        $(#[$doc:meta])*
        $name:ident$(<$life:lifetime>)? from ($($given:ident: $type:ty),+), of $key:expr;
        $($column:ident: $value:ty = $filled:expr;)+
    ) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name$(<$life>)? {
            pub(crate) keys: crate::rows::Keys,
            $($column: crate::types::Column<$value>,)+
        }

        impl$(<$life>)? $name$(<$life>)? {
            pub(crate) fn push(&mut self, $($given: $type),+) {
                self.keys.push($key);
                $(self.$column.push($filled);)+
            }

            pub(crate) fn params(
                &self,
            ) -> [&(dyn tokio_postgres::types::ToSql + Sync); 3 + [$(stringify!($column)),+].len()] {
                let crate::rows::Keys { shards, tenants, runs } = &self.keys;
                [shards, tenants, runs, $(&self.$column),+]
            }
        }
    };
}

pub(crate) use columns;

impl FromIterator<RunKey> for Keys {
    fn from_iter<I: IntoIterator<Item = RunKey>>(keys: I) -> Self {
        let mut columns = Self::default();
        keys.into_iter().for_each(|key| columns.push(key));
        columns
    }
}

/// Every shard, as a column. (Made by the server, the numbers would be of another type than the
/// column that they are compared with, and a comparison behind a cast is no condition of an index.)
pub(crate) fn shards() -> Vec<i16> {
    (0..SHARDS).collect()
}

/// Lanes in ascending order, as statements that walk from lane to lane need them.
pub(crate) fn ascending(lanes: &[i64]) -> Cow<'_, [i64]> {
    if lanes.is_sorted() {
        return Cow::Borrowed(lanes);
    }
    let mut lanes = lanes.to_vec();
    lanes.sort_unstable();
    Cow::Owned(lanes)
}

/// The key in the columns `shard`, `tenant_id` and `run_id`.
pub(crate) fn key(row: &Row) -> RunKey {
    RunKey { shard: row.get("shard"), tenant: row.get("tenant_id"), run: row.get("run_id") }
}

/// A claimed run, without journal and inbox; and whether it has any. Without an input, which was too large
/// to be read together with others, it is unread.
pub(crate) fn activation(row: &Row) -> Result<(Activation, bool), Error> {
    let load: bool = row.get("load");
    let activation = Activation {
        key: key(row),
        spec: Arc::new(spec(row, None)?), // a worker does not need the predecessor
        started_at: row.get::<_, Time>("started_at").0,
        journal: Vec::new(),
        inbox: Vec::new(),
        more: None,
        unread: row.get::<_, Option<&str>>("input").is_none(),
        claim: row.get("claim"),
        is_new: !load, // it has been ready since its start
        setbacks: row.get("setbacks"),
    };
    Ok((activation, load))
}

/// What a run was started with. A row without input was asked for none, or it is too large.
pub(crate) fn spec(row: &Row, predecessor: Option<Uuid>) -> Result<RunSpec, Error> {
    let text = |column| row.get::<_, Option<&str>>(column);
    let RareOptions { retry, headers } = options(row)?;
    Ok(RunSpec {
        workflow_id: text("workflow_id").map(Arc::from),
        workflow: Arc::from(row.get::<_, &str>("workflow")),
        version: unsigned(row.get("version")),
        queue: Arc::from(row.get::<_, &str>("queue")),
        priority: row.get("priority"),
        input: Arc::from(text("input").unwrap_or_default()),
        attempt: unsigned(row.get::<_, i32>("attempt").into()),
        retry,
        timeout: row.get::<_, Option<i64>>("timeout_us").map(duration),
        parent: parent(row),
        predecessor,
        headers,
    })
}

fn options(row: &Row) -> Result<RareOptions, Error> {
    let Some(json) = row.get::<_, Option<&str>>("options") else {
        return Ok(RareOptions::default());
    };
    serde_json::from_str(json).map_err(|cause| damaged(row, "options", &cause.to_string()))
}

pub(crate) fn parent(row: &Row) -> Option<Parent> {
    let run = row.get::<_, Option<Uuid>>("parent_run")?;
    let packed = row.get::<_, Option<i64>>("parent_op").unwrap_or(0);
    let policy = i16::try_from(packed >> 32).unwrap_or(0);
    let op = unsigned(packed & i64::from(u32::MAX));
    Some(Parent { run, op, on_close: ClosePolicy::from_code(policy) })
}

pub(crate) fn status(row: &Row) -> Result<RunStatus, Error> {
    let code: i16 = row.get("status");
    RunStatus::from_code(code).ok_or_else(|| damaged(row, "status", &format!("{code}")))
}

pub(crate) fn message(row: &Row) -> Result<InboxMessage, Error> {
    let (kind, codec) = (row.get::<_, i16>("kind"), row.get::<_, i16>("codec"));
    let unknown = || {
        let message = format!("a message of kind {kind} and codec {codec} is from a newer build");
        Error::new(ErrorKind::Codec, message)
    };
    Ok(InboxMessage {
        seq: row.get("seq"),
        kind: MessageKind::from_code(kind).ok_or_else(unknown)?,
        name: row.get("name"),
        payload: Payload::from_parts(codec_of(codec).ok_or_else(unknown)?, row.get("payload")),
    })
}

/// The number a codec is stored as.
pub(crate) fn codec_code(codec: Codec) -> i16 {
    match codec {
        Codec::Json => 0,
        Codec::Postcard => 1,
    }
}

fn codec_of(code: i16) -> Option<Codec> {
    match code {
        0 => Some(Codec::Json),
        1 => Some(Codec::Postcard),
        _ => None,
    }
}

fn damaged(row: &Row, what: &str, found: &str) -> Error {
    let message = format!("run {}: its {what} cannot be read: {found}", key(row).run);
    Error::new(ErrorKind::Codec, message)
}
