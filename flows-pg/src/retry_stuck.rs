//! `retry_stuck`: a stuck run is due now, because somebody says so.

use flows_core::ids::RunKey;

use crate::error::Fault;
use crate::scope::Scope;
use crate::sql::RETRY_STUCK;

impl Scope<'_> {
    pub(crate) async fn retry_stuck(self, run: RunKey) -> Result<bool, Fault> {
        Ok(!self.query(RETRY_STUCK, &[&run.shard, &run.tenant, &run.run]).await?.is_empty())
    }
}
