//! `survey`: runs of all tenants, a shard after the other, read and not touched.
//!
//! In a transaction that the server lets only read, with one snapshot for runs and journals, so that
//! a survey of a live database sees each run as it was at some moment.

use flows_core::error::{Error, Result};
use flows_core::ids::{RunKey, SHARDS};
use flows_core::store::{Activation, RunStatus, Survey, Surveyable, Surveyed};
use futures_util::future::join;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::link::Link;
use crate::load::{Share, load};
use crate::rows::{activation, key, status};
use crate::sql::{ENTER_SURVEY, SURVEY_CLOSED, SURVEY_OPEN};
use crate::store::Shared;

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl Shared {
    pub(crate) async fn survey(&self, survey: &Survey) -> Result<Surveyed> {
        let tx = self.borrow_client().await?;
        let surveyed = read(tx.link(), survey).await;
        Ok(tx.end(surveyed).await?)
    }
}

async fn read(link: Link<'_>, survey: &Survey) -> Result<Surveyed, Fault> {
    let enter = link.prepare(ENTER_SURVEY).await?;
    let (begun, entered) = join(link.begin(BEGIN), link.send(&enter, &[])).await;
    begun?;
    entered?;
    let RunKey { shard, tenant, run } = survey.from;
    let limit = i64::try_from(survey.limit).unwrap_or(i64::MAX);
    let page = match survey.runs {
        Surveyable::Open => link.query(SURVEY_OPEN, &[&shard, &run, &tenant, &limit]).await?,
        Surveyable::Closed => link.query(SURVEY_CLOSED, &[&shard, &tenant, &run, &limit]).await?,
    };
    let wanted = |row: &&Row| {
        survey.workflow.as_deref().is_none_or(|name| name == row.get::<_, &str>("workflow"))
    };
    let runs = page.iter().filter(wanted).map(found).collect::<Result<Vec<_>, Error>>()?;
    let (runs, statuses): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    let runs = load(link, runs.into_iter().map(|run| (run, true)).collect(), Share::ALL).await?;
    Ok(Surveyed { runs: runs.into_iter().zip(statuses).collect(), next: next(survey, &page) })
}

fn found(row: &Row) -> Result<(Activation, RunStatus), Error> {
    let (run, _) = activation(row)?;
    Ok((run, status(row)?))
}

/// Behind the last run of a full page; behind the shard, where the page has come to its end.
fn next(survey: &Survey, page: &[Row]) -> Option<RunKey> {
    if page.len() >= survey.limit {
        return page.last().map(key);
    }
    let shard = survey.from.shard + 1;
    let goes_on = survey.runs == Surveyable::Open && shard < SHARDS;
    goes_on.then_some(RunKey { shard, tenant: Uuid::nil(), run: Uuid::nil() })
}
