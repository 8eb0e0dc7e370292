//! `find`: the newest run of a workflow id.

use flows_core::ids::{RunKey, shard_of};
use uuid::Uuid;

use crate::error::Fault;
use crate::scope::Scope;
use crate::sql::FIND;

impl Scope<'_> {
    pub(crate) async fn find(
        self,
        tenant: Uuid,
        workflow_id: &str,
    ) -> Result<Option<RunKey>, Fault> {
        let shard = shard_of(tenant, workflow_id);
        let rows = self.query(FIND, &[&shard, &tenant, &workflow_id]).await?;
        Ok(rows.first().map(|row| RunKey { shard, tenant, run: row.get("run_id") }))
    }
}
