//! Schedules: creating and updating, finding, and what is done with one by hand.

use std::future::{Future, IntoFuture};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::access::Access;
use super::execution::{AnyWorkflow, Execution};
use super::list::check_limit;
use super::start::Start;
use super::tenant::Tenant;
use crate::definition::{Workflow, WorkflowInput};
use crate::error::{Error, ErrorKind, Result, storable};
use crate::ids::RunKey;
use crate::payload::check_size;
use crate::schedule::{Overlap, SchedulePolicy, ScheduleProgress, ScheduleSpec, name_of};
use crate::store::{ConflictPolicy, InTransaction, NewRun, PATIENCE, ScheduleChange, ScheduleRow};
use crate::time::Timestamp;

/// The longest id, in bytes: the id of a run has the time besides.
const LONGEST_ID: usize = 200;
/// How late a time may fire, unless the schedule says otherwise.
const CATCH_UP: Duration = Duration::from_secs(86_400);
/// Runs of one backfill, at most.
const BACKFILL: usize = 1_000;
/// How often a change is tried, against workers that fire.
const TRIES: usize = 20;

/// Creates a schedule, or updates the one that has its id; await it to get its [`ScheduleHandle`].
#[must_use = "nothing is scheduled unless this is awaited"]
pub struct SetSchedule<'t, W: Workflow> {
    access: Access<'t>,
    id: String,
    policy: SchedulePolicy,
    start: Start<'t, W>,
}

impl<'t, W: Workflow> SetSchedule<'t, W> {
    pub(super) fn new(
        tenant: &Tenant,
        id: String,
        spec: ScheduleSpec,
        start: Start<'t, W>,
    ) -> Self {
        let policy = SchedulePolicy { spec, overlap: Overlap::default(), catch_up: CATCH_UP };
        Self { access: Access::new(tenant.clone()), id, policy, start }
    }

    /// What happens while the run that it started last is open. Default: [`Overlap::Skip`].
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.policy.overlap = overlap;
        self
    }

    /// How late a time may still fire, after an outage. Times that are older are passed over. Default: one day.
    pub fn catch_up(mut self, window: Duration) -> Self {
        self.policy.catch_up = window;
        self
    }

    /// Options of the runs that it starts: queue, priority, time limit, retry policy, attributes, headers. Their ids
    /// are the schedule's with the time, as `nightly@2026-03-29T01:00:00Z`.
    pub fn runs_with(mut self, options: impl FnOnce(Start<'t, W>) -> Start<'t, W>) -> Self {
        self.start = options(self.start);
        self
    }

    /// Creates or updates it inside a transaction of the application. The engine neither commits nor rolls back the
    /// transaction.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.access = self.access.within(tx);
        self
    }

    async fn run(self) -> Result<ScheduleHandle<'t>> {
        check_id(&self.id)?;
        self.policy.check()?;
        let (_, template) = self.start.checked()?;
        let template = NewRun { on_conflict: ConflictPolicy::Reject, ..template };
        if template.spec.workflow_id.is_some()
            || template.start_at.is_some()
            || template.delay.is_some()
        {
            return Err(Error::invalid(
                "runs of a schedule have ids and start times of the schedule's own",
            ));
        }
        let handle = ScheduleHandle { access: self.access, id: self.id.into() };
        let policy = self.policy;
        handle.set(&policy, &template).await?;
        Ok(handle)
    }
}

impl<'t, W: Workflow> IntoFuture for SetSchedule<'t, W> {
    type Output = Result<ScheduleHandle<'t>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The schedules of a tenant.
#[must_use = "it reads nothing until `list` is awaited"]
pub struct Schedules {
    tenant: Tenant,
    limit: usize,
    after: String,
}

impl Schedules {
    pub(super) fn new(tenant: Tenant) -> Self {
        Self { tenant, limit: 100, after: String::new() }
    }

    /// Maximum number of schedules, from 1 to 10,000. Default 100.
    pub fn limit(mut self, schedules: usize) -> Self {
        self.limit = schedules;
        self
    }

    /// Lists those whose ids come after this one: the next page.
    pub fn after(mut self, id: impl Into<String>) -> Self {
        self.after = id.into();
        self
    }

    /// The schedules, by id.
    ///
    /// # Errors
    /// When the limit is out of range, or the database cannot be reached.
    pub async fn list(&self) -> Result<Vec<ScheduleInfo>> {
        check_limit(self.limit)?;
        let store = &self.tenant.inner.store;
        let rows = store.schedules(self.tenant.id(), &self.after, self.limit).await?;
        Ok(rows.iter().map(ScheduleInfo::from).collect())
    }

    /// A handle of the schedule of that id. Making it reads nothing.
    pub fn get<'t>(&self, id: impl Into<String>) -> ScheduleHandle<'t> {
        ScheduleHandle { access: Access::new(self.tenant.clone()), id: id.into().into() }
    }
}

/// What is known of a schedule.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct ScheduleInfo {
    /// Its id.
    pub id: String,
    /// The workflow that it starts.
    pub workflow: String,
    /// Its version.
    pub version: u32,
    /// Its times.
    pub spec: ScheduleSpec,
    /// What happens while a run is open.
    pub overlap: Overlap,
    /// How late a time may still fire.
    pub catch_up: Duration,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// The time that it fires next, without jitter; `None` if it is paused or over.
    pub next: Option<SystemTime>,
    /// The last time for which it has started a run.
    pub fired: Option<SystemTime>,
    /// How many times wait for the open run to end.
    pub waiting: usize,
    /// The workflow id of the run that it started last.
    pub last_run: Option<String>,
    /// Whether that run is open.
    pub is_running: bool,
}

impl From<&ScheduleRow> for ScheduleInfo {
    fn from(row: &ScheduleRow) -> Self {
        let ScheduleRow { policy, progress, template, .. } = row;
        let next = policy.spec.next_after(progress.decided).ok().flatten();
        Self {
            id: row.id.to_string(),
            workflow: template.spec.workflow.to_string(),
            version: template.spec.version,
            spec: policy.spec.clone(),
            overlap: policy.overlap,
            catch_up: policy.catch_up,
            paused: progress.paused.clone(),
            next: next.filter(|_| progress.paused.is_none()).map(Into::into),
            fired: progress.fired.map(Into::into),
            waiting: progress.waiting.len(),
            last_run: row.last_id.as_deref().map(Into::into),
            is_running: row.open.is_some(),
        }
    }
}

/// A schedule: pauses, resumes, triggers, fills up and deletes it.
pub struct ScheduleHandle<'t> {
    access: Access<'t>,
    id: Arc<str>,
}

impl<'t> ScheduleHandle<'t> {
    /// The same schedule, inside a transaction of the application: what is done with it happens if and when that
    /// commits.
    pub fn with_tx<'x, S, T: InTransaction<S>>(self, tx: &'x T) -> ScheduleHandle<'x> {
        let access = Access::new(self.access.tenant.clone());
        ScheduleHandle { access: access.within(tx), id: self.id }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is known of it.
    ///
    /// # Errors
    /// `NotFound` when there is no such schedule.
    pub async fn describe(&self) -> Result<ScheduleInfo> {
        Ok(ScheduleInfo::from(&self.row().await?))
    }

    /// The next times at which it fires, without jitter; none if it is paused.
    ///
    /// # Errors
    /// `NotFound` when there is no such schedule.
    pub async fn next(&self, times: usize) -> Result<Vec<SystemTime>> {
        let row = self.row().await?;
        if row.progress.paused.is_some() {
            return Ok(Vec::new());
        }
        Ok(row.policy.spec.after(row.progress.decided.into())?.take(times).collect())
    }

    /// Pauses it: it does not fire, and runs that wait for the open one are not started. `note` says why. Pausing it
    /// again replaces the note.
    ///
    /// # Errors
    /// `NotFound` when there is no such schedule.
    pub async fn pause(&self, note: impl Into<String>) -> Result<()> {
        let note = storable(note.into());
        check_size(note.len(), self.access.tenant.inner.payload_limit(), || {
            "note of a pause".to_owned()
        })?;
        self.change(|row| {
            row.progress.paused = Some(note.clone());
            Ok(Vec::new())
        })
        .await
        .map(drop)
    }

    /// Resumes it. Times that have passed meanwhile do not fire; [`backfill`](Self::backfill) starts their runs.
    ///
    /// # Errors
    /// `NotFound` when there is no such schedule.
    pub async fn resume(&self) -> Result<()> {
        self.change(|row| {
            if row.progress.paused.take().is_some() {
                row.progress.decided = row.now;
            }
            Ok(Vec::new())
        })
        .await
        .map(drop)
    }

    /// Starts a run now, whatever the overlap policy says and also while the schedule is paused.
    ///
    /// # Errors
    /// `NotFound` when there is no such schedule.
    pub async fn trigger(&self) -> Result<Execution<AnyWorkflow>> {
        let started = self.change(|row| Ok(vec![row.run_at(row.now)])).await?;
        let id = started.first().and_then(|run| run.spec.workflow_id.as_deref().map(str::to_owned));
        Ok(self.access.tenant.execution(id.unwrap_or_default()))
    }

    /// Starts the runs of all times from the first to the last of the range, both included, at once and whatever the
    /// overlap policy says: at most 1,000. Times that have a run are left alone, so a backfill may be repeated.
    /// Answers how many times the range has.
    ///
    /// # Errors
    /// `NotFound` when there is no such schedule; `InvalidInput` for a range with more times.
    pub async fn backfill(&self, range: RangeInclusive<SystemTime>) -> Result<usize> {
        let (from, to) = (Timestamp::from(*range.start()), Timestamp::from(*range.end()));
        let started = self.change(|row| {
            let times = row.policy.between(from, to, BACKFILL)?;
            Ok(times.into_iter().map(|at| row.run_at(at)).collect())
        });
        Ok(started.await?.len())
    }

    /// Deletes it. Runs that it has started go on. Deleting it again is no error.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn delete(&self) -> Result<()> {
        for _ in 0..TRIES {
            let Some(row) = self.found().await?.1 else { return Ok(()) };
            let (tenant, id, expected) = (row.tenant(), Arc::clone(&row.id), Some(row.version()));
            let change = ScheduleChange {
                tenant,
                id,
                expected,
                row: None,
                starts: Vec::new(),
                limit: PATIENCE,
            };
            if self.access.store().change_schedule(&change).await? {
                return Ok(());
            }
        }
        Err(self.contended())
    }

    /// The store's time, and the schedule.
    async fn found(&self) -> Result<(Timestamp, Option<ScheduleRow>)> {
        self.access.store().find_schedule(self.access.tenant.id(), &self.id).await
    }

    async fn row(&self) -> Result<ScheduleRow> {
        self.found().await?.1.ok_or_else(|| {
            let message = format!("there is no schedule `{}` in this tenant", self.id);
            Error::new(ErrorKind::NotFound, message)
        })
    }

    /// Changes it, against workers that fire it at the same time; gives the runs that were started.
    async fn change(
        &self,
        mut decide: impl FnMut(&mut ScheduleRow) -> Result<Vec<NewRun>>,
    ) -> Result<Vec<NewRun>> {
        for _ in 0..TRIES {
            let mut row = self.row().await?;
            let starts = decide(&mut row)?;
            row.due_at = row.due()?;
            let change = row.change(starts, PATIENCE);
            if self.access.store().change_schedule(&change).await? {
                self.access.tell_of_starts(&change.starts);
                return Ok(change.starts);
            }
        }
        Err(self.contended())
    }

    /// Creates or updates it. What is as it should be stays as it is.
    async fn set(&self, policy: &SchedulePolicy, template: &NewRun) -> Result<()> {
        for _ in 0..TRIES {
            let (now, found) = self.found().await?;
            let change = match found {
                Some(row) if row.policy == *policy && is_same(&row.template, template) => {
                    return Ok(());
                }
                Some(row) => updated(row, policy, template)?,
                None => self.created(now, policy, template)?,
            };
            if self.access.store().change_schedule(&change).await? {
                return Ok(());
            }
        }
        Err(self.contended())
    }

    fn created(
        &self,
        now: Timestamp,
        policy: &SchedulePolicy,
        template: &NewRun,
    ) -> Result<ScheduleChange> {
        let mut row = ScheduleRow {
            id: Arc::clone(&self.id),
            template: template.clone(),
            policy: policy.clone(),
            progress: ScheduleProgress { decided: now, ..ScheduleProgress::default() },
            due_at: None,
            revision: 0,
            last_id: None,
            open: None,
            now,
        };
        row.due_at = row.due()?;
        Ok(ScheduleChange { expected: None, ..row.change(Vec::new(), PATIENCE) })
    }

    fn contended(&self) -> Error {
        let message = format!("the schedule `{}` kept changing; try again", self.id);
        Error::new(ErrorKind::Unavailable, message)
    }
}

/// Times that have passed are not fired by the new specification.
fn updated(
    mut row: ScheduleRow,
    policy: &SchedulePolicy,
    template: &NewRun,
) -> Result<ScheduleChange> {
    let expected = Some(row.version());
    if row.policy.spec != policy.spec {
        row.progress.decided = row.progress.decided.max(row.now);
    }
    row.policy = policy.clone();
    row.template = template.clone();
    row.due_at = row.due()?;
    Ok(ScheduleChange { expected, ..row.change(Vec::new(), PATIENCE) })
}

/// Whether both start the same runs.
fn is_same(one: &NewRun, other: &NewRun) -> bool {
    one.spec == other.spec && one.attributes == other.attributes
}

fn check_id(id: &str) -> Result<()> {
    crate::limits::check_name("schedule id", id)?;
    if id.len() > LONGEST_ID {
        let message =
            format!("the schedule id has {} bytes; allowed are 1 to {LONGEST_ID}", id.len());
        return Err(Error::invalid(message));
    }
    Ok(())
}

impl ScheduleRow {
    /// The run of a time of it.
    pub(crate) fn run_at(&self, at: Timestamp) -> NewRun {
        let id: Arc<str> = format!("{}@{}", self.id, name_of(at)).into();
        let key = RunKey::new(self.tenant(), Some(&id));
        NewRun { key, ..self.template.clone() }.with(|spec| spec.workflow_id = Some(id))
    }
}

impl Tenant {
    /// Creates a schedule, or updates the one that has this id: at each of its times a run of the workflow that this is
    /// the input of is started, once, by whichever worker is there.
    ///
    /// Await it; or set options first: `.overlap(…)`, `.catch_up(…)`, `.runs_with(…)`, `.with_tx(&tx)`. A schedule
    /// that is as it should be already is left alone.
    pub fn schedule<'t, I: WorkflowInput>(
        &self,
        id: impl Into<String>,
        spec: impl Into<ScheduleSpec>,
        input: I,
    ) -> SetSchedule<'t, I::Workflow> {
        SetSchedule::new(self, id.into(), spec.into(), self.start(input))
    }

    /// Schedules: listing them, and a handle of each.
    pub fn schedules(&self) -> Schedules {
        Schedules::new(self.clone())
    }
}
