//! `list`: runs of a tenant, newest first.

use flows_core::error::Result;
use flows_core::store::{ListFilter, RunView};
use uuid::Uuid;

use crate::describe::view;
use crate::rows::shards;
use crate::sql::LIST;
use crate::store::Shared;
use crate::types::Time;

impl Shared {
    pub(crate) async fn list(&self, tenant: Uuid, filter: &ListFilter) -> Result<Vec<RunView>> {
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        let params: crate::link::Params<'_> = &[
            &tenant,
            &shards(),
            &limit,
            &filter.workflow,
            &filter.version.map(i64::from),
            &filter.status.map(|status| status.code()),
            &filter.created_after.map(Time),
            &filter.created_before.map(Time),
        ];
        let rows = self.in_tenant(tenant, LIST, params).await?;
        rows.iter().map(view).collect()
    }
}
