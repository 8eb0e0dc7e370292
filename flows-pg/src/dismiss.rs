//! `dismiss`: a dead letter is not listed any more, and says why.

use flows_core::ids::RunKey;
use flows_core::store::undismissable;

use crate::error::Fault;
use crate::scope::Scope;
use crate::sql::DISMISS;

impl Scope<'_> {
    pub(crate) async fn dismiss(self, dead: RunKey, reason: &str) -> Result<(), Fault> {
        let RunKey { shard, tenant, run } = dead;
        let dismissed = self.query(DISMISS, &[&shard, &tenant, &run, &reason]).await?;
        if dismissed.is_empty() { Err(undismissable(dead).into()) } else { Ok(()) }
    }
}
