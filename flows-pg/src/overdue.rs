//! `overdue`: runs whose time limit has passed, and whom nobody ends for that.

use flows_core::error::Result;
use flows_core::store::Overdue;
use tokio_postgres::Row;

use crate::rows::{key, parent};
use crate::sql::OVERDUE;
use crate::store::Shared;
use crate::types::duration;

impl Shared {
    pub(crate) async fn overdue(&self, limit: usize) -> Result<Vec<Overdue>> {
        let lent = self.claimer().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = lent.link().query(OVERDUE, &[&limit]).await?;
        lent.give_back();
        Ok(rows.iter().map(overdue).collect())
    }
}

fn overdue(row: &Row) -> Overdue {
    let limit = row.get::<_, Option<i64>>("timeout_us").map(duration);
    Overdue { run: key(row), parent: parent(row), limit: limit.unwrap_or_default() }
}
