//! `collect`: mail flags go down, and the inboxes behind them are read.
//!
//! The flag goes down first: a letter that comes in between raises it again.

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::Letter;
use uuid::Uuid;

use crate::error::Fault;
use crate::link::Link;
use crate::load::inboxes;
use crate::rows::{Keys, key};
use crate::sql::{COLLECT, COLLECT_AGAIN};
use crate::store::Shared;
use crate::unfinished::Request;

/// Runs whose mail one call collects; the flags of the others stay up.
const CHUNK: i64 = 2000;

impl Shared {
    pub(crate) async fn collect(&self, worker: Uuid) -> Result<Vec<(RunKey, Vec<Letter>)>> {
        let lent = self.claimer().await?;
        let in_doubt = self.unfinished.has_collect(worker);
        let pending = self.unfinished.begin(worker, Request::Collect);
        if in_doubt {
            lent.link().query(COLLECT_AGAIN, &[&worker]).await.map_err(Fault::from)?;
        }
        let mail = collect(lent.link(), worker).await?;
        pending.finish();
        lent.give_back();
        Ok(mail)
    }
}

async fn collect(link: Link<'_>, worker: Uuid) -> Result<Vec<(RunKey, Vec<Letter>)>, Fault> {
    let rows = link.query(COLLECT, &[&worker, &CHUNK]).await?;
    let runs = rows.iter().map(key).collect::<Vec<_>>();
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let keys = runs.iter().copied().collect::<Keys>();
    let inboxes = inboxes(link, &keys).await?;
    Ok(runs.into_iter().zip(inboxes).collect())
}
