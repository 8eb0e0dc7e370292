//! `describe`: everything about a run but its journal.

use std::sync::Arc;

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{Attributes, Origin, Placement, RunView};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::attributes::of_row;
use crate::error::Fault;
use crate::pause::pause;
use crate::rows::{key, spec, status};
use crate::scope::Scope;
use crate::sql::DESCRIBE;
use crate::types::{Time, unsigned};

impl Scope<'_> {
    pub(crate) async fn describe(self, run: RunKey) -> Result<Option<RunView>, Fault> {
        let rows = self.query(DESCRIBE, &[&run.shard, &run.tenant, &run.run]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (placement, cancelling) = (placement(row), row.get("cancelling"));
        let (origin, forks, attributes) = (origin(row), row.get("forks"), of_row(row));
        let paused = row.get::<_, bool>("is_paused").then(|| pause(row));
        Ok(Some(RunView { placement, cancelling, origin, forks, paused, attributes, ..view(row)? }))
    }
}

/// A run as lists show it.
pub(crate) fn view(row: &Row) -> Result<RunView> {
    Ok(RunView {
        key: key(row),
        spec: Arc::new(spec(row, row.get("predecessor"))?),
        status: status(row)?,
        output: row.get("output"),
        error: row.get("error"),
        created_at: row.get::<_, Time>("created_at").0,
        closed_at: row.get::<_, Option<Time>>("closed_at").map(|time| time.0),
        successor: row.get("successor"),
        origin: None,
        forks: Vec::new(),
        placement: None,
        inbox: unsigned(row.get("inbox")),
        cancelling: false,
        paused: None,
        attributes: Attributes::new(),
    })
}

fn origin(row: &Row) -> Option<Origin> {
    let run = row.get::<_, Option<Uuid>>("origin")?;
    Some(Origin { run, position: unsigned(row.get::<_, Option<i64>>("forked_at").unwrap_or(0)) })
}

fn placement(row: &Row) -> Option<Placement> {
    if let Some(worker) = row.get::<_, Option<Uuid>>("owner") {
        let name = row.get::<_, Option<String>>("owner_name").unwrap_or_default();
        return Some(Placement::Owned { worker, name });
    }
    if row.get("is_parked") {
        return Some(parked(row));
    }
    row.get::<_, bool>("is_ready").then(|| Placement::Ready { served: row.get("served") })
}

/// The placement of a run that is parked.
pub(crate) fn parked(row: &Row) -> Placement {
    let wake_at = row.get::<_, Option<Time>>("wake_at").map(|time| time.0);
    let words = row.get::<_, Option<String>>("waiting_for");
    let (waiting_for, stuck) = match row.get::<_, Option<i16>>("setbacks").unwrap_or(0) {
        0 => (words.unwrap_or_else(|| "its start time".to_owned()), None),
        1.. => ("a build that can replay it".to_owned(), words),
        _ => ("a worker that tries no other suspect".to_owned(), words),
    };
    Placement::Parked { wake_at, waiting_for, stuck }
}
