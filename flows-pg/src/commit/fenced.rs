//! Which records of an aborted batch have lost their run.

use flows_core::store::Next;
use tokio_postgres::Row;

use super::batch::Batch;
use crate::error::Fault;
use crate::link::Link;
use crate::rows::Keys;
use crate::sql::FENCED;

impl Batch<'_> {
    /// The records, by number, that cannot be written any more. Nothing of the batch was kept, so a
    /// row at one of its positions is somebody else's.
    pub(super) async fn fenced(&self, link: Link<'_>) -> Result<Vec<usize>, Fault> {
        let records = || self.numbers.iter().map(|number| &self.records[*number]);
        let keys = records().map(|record| record.key).collect::<Keys>();
        let positions = records()
            .map(|record| (!record.events.is_empty()).then_some(record.position))
            .collect::<Vec<_>>();
        let moves = records().map(|record| !matches!(record.next, Next::Stay)).collect::<Vec<_>>();
        let claims = records().map(|record| claim(&record.next)).collect::<Vec<_>>();
        let Keys { shards, tenants, runs } = &keys;
        let params: crate::link::Params<'_> =
            &[&self.worker, shards, tenants, runs, &positions, &moves, &claims];
        Ok(self.named_in(&link.query(FENCED, params).await?))
    }

    fn named_in(&self, rows: &[Row]) -> Vec<usize> {
        let at = |row: &Row| usize::try_from(row.get::<_, i64>("record") - 1).ok();
        rows.iter().filter_map(at).map(|at| self.numbers[at]).collect()
    }
}

/// The claim without which a run is lost. One that is to be parked stays, if it has another claim.
fn claim(next: &Next) -> Option<i64> {
    match next {
        Next::Close(close) => close.claim,
        Next::Stay | Next::Park(_) => None,
    }
}
