//! `read_items`: what a run has published, page by page.

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{ItemPage, STREAM_PAGE, StoredItem};
use tokio_postgres::Row;

use crate::rows::status;
use crate::sql::READ_ITEMS;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn read_items(&self, run: RunKey, from: i64) -> Result<Option<ItemPage>> {
        let most = i64::try_from(STREAM_PAGE).unwrap_or(i64::MAX);
        let params: crate::link::Params<'_> = &[&run.shard, &run.tenant, &run.run, &from, &most];
        let rows = self.in_tenant(run.tenant, READ_ITEMS, params).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let (status, successor) = (status(first)?, first.get("successor"));
        Ok(Some(ItemPage { items: rows.iter().filter_map(item).collect(), status, successor }))
    }
}

/// Without items, there is a row for the run alone.
fn item(row: &Row) -> Option<StoredItem> {
    let position = row.get::<_, Option<i64>>("item_position")?;
    Some(StoredItem { position, item: row.get("item") })
}
