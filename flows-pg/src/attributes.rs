//! Search attributes: those that starts give and runs set, as columns; and those of runs that are listed.

use std::collections::HashMap;

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{AttributeValue, Attributes, NewRun, RunView};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::rows::{Keys, columns};
use crate::scope::Scope;
use crate::sql::{LIST_ATTRIBUTES, SET_ATTRIBUTES};
use crate::store::Shared;

columns! {
    /// Attributes of runs, each with the number of journal rows that its run has with it.
    SetAttributes<'a> from (key: RunKey, number: i32, name: &'a str, value: &AttributeValue), of key;
    names: &'a str = name;
    rows: i32 = number;
    values: Vec<u8> = value.encode();
}

impl<'a> SetAttributes<'a> {
    /// Those that starts give, in the order of their keys.
    pub(crate) fn of_starts(runs: impl IntoIterator<Item = &'a NewRun>) -> Self {
        let mut given = runs.into_iter().filter(|run| run.attributes.is_some()).collect::<Vec<_>>();
        given.sort_by_key(|run| run.key);
        let mut columns = Self::default();
        for run in given {
            for (name, value) in run.attributes.iter().flat_map(|attributes| attributes.iter()) {
                columns.push(run.key, 0, name, value);
            }
        }
        columns
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Gives runs that have started in this transaction their attributes.
pub(crate) async fn set(scope: Scope<'_>, given: &SetAttributes<'_>) -> Result<(), Fault> {
    if given.is_empty() {
        return Ok(());
    }
    scope.query(SET_ATTRIBUTES, &given.params()).await.map(drop)
}

/// The attributes in two columns of arrays.
pub(crate) fn of_row(row: &Row) -> Attributes {
    let names = row.get::<_, Option<Vec<String>>>("names").unwrap_or_default();
    let values = row.get::<_, Option<Vec<Vec<u8>>>>("values").unwrap_or_default();
    let known = |(name, value): (String, Vec<u8>)| Some((name, AttributeValue::decode(&value)?));
    names.into_iter().zip(values).filter_map(known).collect()
}

impl Shared {
    /// Reads the attributes of runs that are listed.
    pub(crate) async fn read_attributes(&self, tenant: Uuid, runs: &mut [RunView]) -> Result<()> {
        let keys = runs.iter().map(|run| run.key).collect::<Keys>();
        let rows =
            self.in_tenant(tenant, LIST_ATTRIBUTES, &[&tenant, &keys.shards, &keys.runs]).await?;
        let found = rows.iter().map(|row| (row.get::<_, Uuid>("run_id"), of_row(row)));
        let mut found = found.collect::<HashMap<_, _>>();
        for run in runs {
            run.attributes = found.remove(&run.key.run).unwrap_or_default();
        }
        Ok(())
    }
}
