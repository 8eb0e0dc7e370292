//! `query`: a value that a run has published.

use flows_core::error::Result;
use flows_core::ids::RunKey;

use crate::sql::QUERY;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn query(&self, run: RunKey, name: &str) -> Result<Option<String>> {
        let params: crate::link::Params<'_> = &[&run.shard, &run.tenant, &run.run, &name];
        let rows = self.in_tenant(run.tenant, QUERY, params).await?;
        Ok(rows.first().map(|row| row.get("value")))
    }
}
