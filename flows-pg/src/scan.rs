//! `scan`: runs of all tenants, a shard after the other, read and not touched.
//!
//! In a transaction that the server lets only read, with one snapshot for runs and journals, so that
//! a scan of a live database sees each run as it was at some moment.

use flows_core::error::{Error, Result};
use flows_core::ids::{RunKey, SHARDS};
use flows_core::store::{Activation, RunStatus, Scan, ScanKind, Scanned};
use futures_util::future::join;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::link::Link;
use crate::load::{Share, load};
use crate::rows::{activation, key, status};
use crate::sql::{ENTER_SCAN, SCAN_CLOSED, SCAN_OPEN};
use crate::store::Shared;

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl Shared {
    pub(crate) async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        let tx = self.borrow_client().await?;
        let scanned = read(tx.link(), scan).await;
        Ok(tx.end(scanned).await?)
    }
}

async fn read(link: Link<'_>, scan: &Scan) -> Result<Scanned, Fault> {
    let enter = link.prepare(ENTER_SCAN).await?;
    let (begun, entered) = join(link.begin(BEGIN), link.send(&enter, &[])).await;
    begun?;
    entered?;
    let RunKey { shard, tenant, run } = scan.from;
    let limit = i64::try_from(scan.limit).unwrap_or(i64::MAX);
    let page = match scan.runs {
        ScanKind::Open => link.query(SCAN_OPEN, &[&shard, &run, &tenant, &limit]).await?,
        ScanKind::Closed => link.query(SCAN_CLOSED, &[&shard, &tenant, &run, &limit]).await?,
    };
    let wanted = |row: &&Row| {
        scan.workflow.as_deref().is_none_or(|name| name == row.get::<_, &str>("workflow"))
    };
    let runs = page.iter().filter(wanted).map(found).collect::<Result<Vec<_>, Error>>()?;
    let (runs, statuses): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    let runs = load(link, runs.into_iter().map(|run| (run, true)).collect(), Share::ALL).await?;
    Ok(Scanned { runs: runs.into_iter().zip(statuses).collect(), next: next(scan, &page) })
}

fn found(row: &Row) -> Result<(Activation, RunStatus), Error> {
    let (run, _) = activation(row)?;
    Ok((run, status(row)?))
}

/// Behind the last run of a full page; behind the shard, where the page has come to its end.
fn next(scan: &Scan, page: &[Row]) -> Option<RunKey> {
    if page.len() >= scan.limit {
        return page.last().map(key);
    }
    let shard = scan.from.shard + 1;
    let goes_on = scan.runs == ScanKind::Open && shard < SHARDS;
    goes_on.then_some(RunKey { shard, tenant: Uuid::nil(), run: Uuid::nil() })
}
