//! Records as the columns of `append.sql`, `turn.sql`, `set_queries.sql` and `park.sql`.

use flows_core::ids::RunKey;
use flows_core::store::{Close, Park, QueryValue, Record};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::Keys;
use crate::types::Time;

/// Journal rows.
#[derive(Default)]
pub(super) struct Rows<'a> {
    keys: Keys,
    positions: Vec<i32>,
    events: Vec<&'a [u8]>,
}

/// Messages that leave the inbox.
#[derive(Default)]
pub(super) struct Consumed {
    keys: Keys,
    seqs: Vec<i64>,
}

/// Runs that end.
#[derive(Default)]
pub(super) struct Ends<'a> {
    keys: Keys,
    statuses: Vec<i16>,
    outputs: Vec<Option<&'a str>>,
    errors: Vec<Option<&'a str>>,
    successors: Vec<Option<Uuid>>,
    dead: Vec<bool>,
    claims: Vec<Option<i64>>,
}

/// Runs that end and have a successor.
#[derive(Default)]
pub(super) struct Successors {
    keys: Keys,
    successors: Vec<Uuid>,
}

/// Values for queries.
#[derive(Default)]
pub(super) struct Queries<'a> {
    keys: Keys,
    names: Vec<&'a str>,
    rows: Vec<i32>,
    values: Vec<&'a str>,
}

/// Runs that are parked.
#[derive(Default)]
pub(super) struct Parks<'a> {
    keys: Keys,
    sent: Vec<i64>,
    claims: Vec<Option<i64>>,
    wakes: Vec<Option<Time>>,
    waits: Vec<&'a str>,
    setbacks: Vec<i16>,
}

impl<'a> Rows<'a> {
    pub(super) fn push(&mut self, record: &'a Record) {
        self.keys.push(record.key);
        self.positions.push(record.position);
        self.events.push(&record.events);
    }

    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 5] {
        let Keys { shards, tenants, runs } = &self.keys;
        [shards, tenants, runs, &self.positions, &self.events]
    }
}

impl Consumed {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.runs.is_empty()
    }

    pub(super) fn push(&mut self, record: &Record) {
        for seq in &record.consumed {
            self.keys.push(record.key);
            self.seqs.push(*seq);
        }
    }

    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 4] {
        let Keys { shards, tenants, runs } = &self.keys;
        [shards, tenants, runs, &self.seqs]
    }
}

impl<'a> Ends<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.runs.is_empty()
    }

    pub(super) fn push(&mut self, record: &Record, close: &'a Close) {
        self.keys.push(record.key);
        self.statuses.push(close.outcome.status.code());
        self.outputs.push(close.outcome.output.as_deref());
        self.errors.push(close.outcome.error.as_deref());
        self.successors.push(close.outcome.successor);
        self.dead.push(close.outcome.is_dead_letter());
        self.claims.push(close.claim);
    }

    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 9] {
        let Keys { shards, tenants, runs } = &self.keys;
        let Self { statuses, outputs, errors, successors, dead, claims, .. } = self;
        [shards, tenants, runs, statuses, outputs, errors, successors, dead, claims]
    }
}

impl Successors {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.runs.is_empty()
    }

    pub(super) fn push(&mut self, record: &Record, close: &Close) {
        if let Some(successor) = close.outcome.successor {
            self.keys.push(record.key);
            self.successors.push(successor);
        }
    }

    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 4] {
        let Keys { shards, tenants, runs } = &self.keys;
        [shards, tenants, runs, &self.successors]
    }
}

impl<'a> Queries<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.runs.is_empty()
    }

    pub(super) fn push(&mut self, record: &'a Record) {
        for QueryValue { name, value } in &record.queries {
            self.keys.push(record.key);
            self.names.push(name);
            self.rows.push(record.rows());
            self.values.push(value);
        }
    }

    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 6] {
        let Keys { shards, tenants, runs } = &self.keys;
        [shards, tenants, runs, &self.names, &self.rows, &self.values]
    }
}

impl<'a> Parks<'a> {
    pub(super) fn keys(&self) -> impl Iterator<Item = RunKey> {
        let Keys { shards, tenants, runs } = &self.keys;
        let keys = shards.iter().zip(tenants).zip(runs);
        keys.map(|((shard, tenant), run)| RunKey { shard: *shard, tenant: *tenant, run: *run })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.runs.is_empty()
    }

    pub(super) fn push(&mut self, record: &Record, park: &'a Park) {
        self.keys.push(record.key);
        self.sent.push(park.sent);
        self.claims.push(park.claim);
        self.wakes.push(park.wake_at.map(Time));
        self.waits.push(park.stuck.as_ref().unwrap_or(&park.waiting_for));
        self.setbacks.push(park.setbacks);
    }

    pub(super) fn params(&self) -> [&(dyn ToSql + Sync); 8] {
        let Keys { shards, tenants, runs } = &self.keys;
        let Self { sent, claims, wakes, waits, setbacks, .. } = self;
        [shards, tenants, runs, sent, wakes, waits, setbacks, claims]
    }
}
