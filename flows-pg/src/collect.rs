//! `collect`: message flags go down, and the inboxes behind them are read.
//!
//! A page of each is read. The flag goes down first: a message that comes in between raises it again.

use flows_core::error::Result;
use flows_core::store::{Collected, Page};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::link::Link;
use crate::load::pages;
use crate::rows::{Keys, key};
use crate::sql::COLLECT;
use crate::store::Shared;
use crate::unfinished::Request;

/// Runs whose messages one call collects; the flags of the others stay up.
const CHUNK: i64 = 2000;

impl Shared {
    pub(crate) async fn collect(&self, worker: Uuid) -> Result<Vec<Collected>> {
        let lent = self.claimer_for(worker).await?;
        let number = self.next_request();
        let pending = self.unfinished.begin(worker, Request::Collect(number));
        let collected = collect(lent.link(), worker, number).await?;
        pending.finish();
        lent.give_back();
        Ok(collected)
    }
}

async fn collect(link: Link<'_>, worker: Uuid, number: i64) -> Result<Vec<Collected>, Fault> {
    let rows = link.query(COLLECT, &[&worker, &CHUNK, &number]).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys = rows.iter().map(key).collect::<Keys>();
    let pages = pages(link, &keys, &vec![i64::MIN; rows.len()], false).await?;
    let collected = |(row, page): (&Row, Page)| {
        let Page { messages: inbox, more } = page;
        Collected { run: key(row), sent: row.get("sent"), inbox, more }
    };
    Ok(rows.iter().zip(pages).map(collected).collect())
}
