//! `outcomes`: how runs ended.

use std::collections::BTreeMap;

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::Outcome;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::rows::{Keys, key, status};
use crate::sql::OUTCOMES;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn outcomes(&self, runs: &[RunKey]) -> Result<Vec<(RunKey, Outcome)>> {
        let mut tenants = BTreeMap::<Uuid, Keys>::new();
        runs.iter().for_each(|run| tenants.entry(run.tenant).or_default().push(*run));
        let mut outcomes = Vec::new();
        for (tenant, keys) in tenants {
            let params: crate::link::Params<'_> = &[&keys.shards, &keys.tenants, &keys.runs];
            for row in self.in_tenant(tenant, OUTCOMES, params).await? {
                outcomes.push((key(&row), outcome(&row)?));
            }
        }
        Ok(outcomes)
    }
}

fn outcome(row: &Row) -> Result<Outcome> {
    Ok(Outcome {
        status: status(row)?,
        output: row.get("output"),
        error: row.get("error"),
        successor: row.get("successor"),
    })
}
