//! Replays the runs of a live database against this build: every open one, and some that have ended.
//!
//! It reads page by page and keeps only what went wrong. It claims nothing, writes nothing and runs
//! no activity.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use uuid::Uuid;

use super::report::Report;
use crate::clock;
use crate::engine::{Engine, History};
use crate::error::Result;
use crate::ids::{RunKey, SHARDS};
use crate::registry::Registry;
use crate::store::{Activation, RunStatus, Scan, ScanKind, Store};

/// The most runs of one page: their journals are in memory together.
const PAGE: usize = 200;
/// How many closed runs are looked at for each one that is wanted of a workflow.
const EFFORT: usize = 20;

/// Replays the runs of a live database against the workflows of this program; await it.
///
/// All open runs, of all tenants, and a sample of those that have ended. Reads and nothing else, in
/// transactions in which the database refuses writes; needs the right to act as `flows_worker`.
///
/// ```no_run
/// # async fn gate(engine: flows_core::Engine) -> flows_core::Result<()> {
/// let report = flows_core::testing::replay_all(&engine).closed_sample(500).await?;
/// println!("{report}");
/// report.check()?;
/// # Ok(())
/// # }
/// ```
pub fn replay_all(engine: impl Into<Engine>) -> ReplayAll {
    ReplayAll { store: engine.into().store(), registry: None, workflow: None, closed: 100 }
}

/// A replay of a database; await it, or set options first.
#[must_use = "nothing is replayed unless this is awaited"]
pub struct ReplayAll {
    store: Arc<dyn Store>,
    registry: Option<Registry>,
    workflow: Option<String>,
    closed: usize,
}

impl ReplayAll {
    /// Against these definitions. Default: everything annotated in the program.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Only runs of this workflow, in all its versions.
    pub fn workflow(mut self, name: impl Into<String>) -> Self {
        self.workflow = Some(name.into());
        self
    }

    /// How many runs that have ended are replayed as well. They cannot get stuck any more; they show
    /// ways that no open run has gone yet. Taken from every shard, the newest of some tenants.
    /// Default 100.
    pub fn closed_sample(mut self, runs: usize) -> Self {
        self.closed = runs;
        self
    }

    async fn run(self) -> Result<Report> {
        let registry = self.registry.clone().unwrap_or_else(Registry::all);
        let mut report = Report::default();
        let mut from = Some(first_of(0));
        while let Some(start) = from {
            let (page, next) = self.page(ScanKind::Open, start, PAGE).await?;
            page.iter().for_each(|(run, status)| look_at(&mut report, &registry, run, *status));
            from = next;
        }
        let share = self.closed.div_ceil(usize::from(SHARDS.unsigned_abs()));
        for shard in (0..SHARDS).filter(|_| share > 0) {
            let left = self.closed.saturating_sub(report.closed);
            for (run, status) in self.sample(shard, share.min(left)).await? {
                look_at(&mut report, &registry, &run, status);
            }
        }
        report.finish();
        Ok(report)
    }

    async fn page(&self, runs: ScanKind, from: RunKey, limit: usize) -> Result<ScanPage> {
        let scan = Scan { runs, from, workflow: self.workflow.clone(), limit };
        let scanned = self.store.scan(&scan).await?;
        Ok((scanned.runs, scanned.next))
    }

    /// Closed runs of a shard: the newest of a tenant by chance and of those before it, and if they
    /// are not enough, of the last tenants.
    async fn sample(&self, shard: i16, wanted: usize) -> Result<Vec<(Activation, RunStatus)>> {
        let chosen = RunKey { shard, tenant: some_tenant(), run: Uuid::max() };
        let mut sample = self.closed_below(chosen, wanted).await?;
        if sample.len() < wanted {
            let last = RunKey { shard, tenant: Uuid::max(), run: Uuid::max() };
            let more = self.closed_below(last, wanted - sample.len()).await?;
            sample.extend(more.into_iter().filter(|(run, _)| run.key > chosen));
        }
        Ok(sample)
    }

    async fn closed_below(
        &self,
        from: RunKey,
        wanted: usize,
    ) -> Result<Vec<(Activation, RunStatus)>> {
        let (mut found, mut looked_at, mut from) = (Vec::new(), 0, Some(from));
        while let Some(start) = from.filter(|_| found.len() < wanted && looked_at < wanted * EFFORT)
        {
            let limit = wanted.min(PAGE);
            let (page, next) = self.page(ScanKind::Closed, start, limit).await?;
            looked_at += limit;
            found.extend(page);
            from = next;
        }
        found.truncate(wanted);
        Ok(found)
    }
}

type ScanPage = (Vec<(Activation, RunStatus)>, Option<RunKey>);

impl IntoFuture for ReplayAll {
    type Output = Result<Report>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

fn first_of(shard: i16) -> RunKey {
    RunKey { shard, tenant: Uuid::nil(), run: Uuid::nil() }
}

/// A place in the order of tenants, by chance.
fn some_tenant() -> Uuid {
    let part = |share: f64| (share * f64::from(u32::MAX)) as u64;
    let half = || part(clock::random_share()) << 32 | part(clock::random_share());
    Uuid::from_u64_pair(half(), half())
}

fn look_at(report: &mut Report, registry: &Registry, run: &Activation, status: RunStatus) {
    report.count(status);
    if registry.workflow(&run.spec.workflow, run.spec.version).is_none() {
        return report.unregistered(&run.spec.workflow, run.spec.version, status);
    }
    let checked = match History::of_activation(run, status) {
        Ok(history) => super::check(registry, &history, super::WhenEnded::Any),
        Err(error) => Err(super::ReplayError::unreadable(&error)),
    };
    if let Err(error) = checked {
        report.failed(run, status, error);
    }
}
