//! `retry_stuck`: a stuck run is due now, because somebody says so.

use flows_core::error::Result;
use flows_core::ids::RunKey;

use crate::sql::RETRY_STUCK;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn retry_stuck(&self, run: RunKey) -> Result<bool> {
        let params: crate::link::Params<'_> = &[&run.shard, &run.tenant, &run.run];
        Ok(!self.in_tenant(run.tenant, RETRY_STUCK, params).await?.is_empty())
    }
}
