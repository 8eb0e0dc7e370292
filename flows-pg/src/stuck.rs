//! `stuck`: runs of a tenant that cannot go on, with the reason.

use flows_core::error::Result;
use flows_core::store::RunView;
use uuid::Uuid;

use crate::describe::{parked, view};
use crate::sql::STUCK;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn stuck(&self, tenant: Uuid, limit: usize) -> Result<Vec<RunView>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.in_tenant(tenant, STUCK, &[&tenant, &limit]).await?;
        rows.iter().map(|row| Ok(RunView { placement: Some(parked(row)), ..view(row)? })).collect()
    }
}
