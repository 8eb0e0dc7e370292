//! `start_owned`: new runs that a worker of this process owns from the beginning.
//!
//! All of a batch in one transaction, whatever their tenants, as the worker. To the worker it is a
//! claim: if its answer is lost, the runs are made ready by its next look or claim. What could not be
//! written that way is started as everything else is.

use std::collections::HashMap;
use std::time::Duration;

use flows_core::error::{Error, Result};
use flows_core::store::{NewRun, Started};
use flows_core::time::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::NewRuns;
use crate::attributes::{self, SetAttributes};
use crate::error::{Fault, Remedy};
use crate::link::{Link, Params};
use crate::scope::Scope;
use crate::sql::START_OWNED;
use crate::store::Shared;
use crate::types::Time;
use crate::unfinished::Request;

/// How long an answer may take, where the pool has other connections to try.
const PROMPTLY: Duration = Duration::from_secs(4);

/// The runs that were started, and when.
struct Owned {
    claim: i64,
    started: HashMap<Uuid, Timestamp>,
}

/// In one statement, or with the attributes of the runs in one transaction.
async fn create(
    link: Link<'_>,
    params: Params<'_>,
    given: &SetAttributes<'_>,
) -> Result<Vec<Row>, Fault> {
    if given.is_empty() {
        return link.query(START_OWNED, params).await;
    }
    link.begin("BEGIN").await?;
    let created = async {
        let rows = link.query(START_OWNED, params).await?;
        attributes::set(Scope::Internal(link), given).await?;
        Ok(rows)
    };
    let created: Result<_, Fault> = created.await;
    let end = if created.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = link.command(end).await;
    let rows = created?;
    ended.map(|()| rows)
}

impl Shared {
    pub(crate) async fn start_owned(
        &self,
        worker: Uuid,
        runs: &[NewRun],
    ) -> Result<Vec<Result<Started>>, Error> {
        let owned = self.create_owned(worker, runs).await?;
        let is_left = |run: &&NewRun| !owned.started.contains_key(&run.key.run);
        let left: Vec<_> = runs.iter().filter(is_left).cloned().collect();
        let mut others = match self.start(&left).await {
            Ok(answers) => answers,
            Err(error) => left.iter().map(|_| Err(error.clone())).collect(),
        }
        .into_iter();
        let answer = |run: &NewRun| match owned.started.get(&run.key.run) {
            Some(at) => Some(Ok(Started::Owned { started_at: *at, claim: owned.claim })),
            None => others.next(),
        };
        Ok(runs.iter().filter_map(answer).collect())
    }

    async fn create_owned(&self, worker: Uuid, runs: &[NewRun]) -> Result<Owned, Fault> {
        let claim = self.next_request();
        let lent = match self.starter().await {
            Ok(lent) => lent.within(PROMPTLY),
            Err(_) => return Ok(Owned { claim, started: HashMap::new() }), // the pool may have one
        };
        let pending = self.unfinished.begin(worker, Request::Claim(claim));
        let columns = NewRuns::sorted(runs);
        let mut params: Vec<&(dyn ToSql + Sync)> = columns.params().to_vec();
        params.extend([&worker as &(dyn ToSql + Sync), &claim]);
        let attributes = SetAttributes::of_starts(runs);
        let rows = match create(lent.link(), &params, &attributes).await {
            Ok(rows) => rows,
            // Whatever came of it: the claim is declared void, and the runs are started otherwise.
            Err(fault) if fault.is_of_connection() => {
                return Ok(Owned { claim, started: HashMap::new() });
            }
            Err(fault) if fault.remedy() == Remedy::None => return Err(fault),
            Err(_) => Vec::new(), // nothing was written
        };
        pending.finish();
        lent.give_back();
        let started =
            rows.iter().map(|row| (row.get("run_id"), row.get::<_, Time>("created_at").0));
        Ok(Owned { claim, started: started.collect() })
    }
}
