//! `updates`: what has become of updates.

use std::collections::BTreeMap;

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::UpdateState;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::rows::{Keys, status};
use crate::sql::UPDATES;
use crate::store::Shared;

/// Updates of one tenant: their numbers, and what identifies them.
#[derive(Default)]
struct OfTenant<'a> {
    numbers: Vec<usize>,
    keys: Keys,
    ids: Vec<&'a str>,
}

impl Shared {
    pub(crate) async fn updates(&self, asked: &[(RunKey, String)]) -> Result<Vec<UpdateState>> {
        let mut tenants = BTreeMap::<Uuid, OfTenant<'_>>::new();
        for (number, (run, id)) in asked.iter().enumerate() {
            let of_tenant = tenants.entry(run.tenant).or_default();
            of_tenant.numbers.push(number);
            of_tenant.keys.push(*run);
            of_tenant.ids.push(id);
        }
        let mut states = vec![UpdateState::Unknown; asked.len()];
        for (tenant, OfTenant { numbers, keys, ids }) in tenants {
            let params: crate::link::Params<'_> = &[&keys.shards, &keys.tenants, &keys.runs, &ids];
            for row in self.in_tenant(tenant, UPDATES, params).await? {
                let at = usize::try_from(row.get::<_, i64>("update") - 1).ok();
                if let Some(number) = at.and_then(|at| numbers.get(at)) {
                    states[*number] = state(&row)?;
                }
            }
        }
        Ok(states)
    }
}

fn state(row: &Row) -> Result<UpdateState> {
    let status = status(row)?;
    Ok(match (row.get("reply"), row.get("error")) {
        (Some(reply), _) => UpdateState::Answered(Ok(reply)),
        (None, Some(error)) => UpdateState::Answered(Err(error)),
        (None, None) if status.is_open() => UpdateState::Open,
        (None, None) => UpdateState::Ended(status, row.get("successor")),
    })
}
