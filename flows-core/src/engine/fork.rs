//! Forks: runs that begin with the history of another run. A reset is one that takes the other run's place.

mod prefix;

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use self::prefix::{Edits, Kept, Prefix};
use super::access::Access;
use super::execution::{AnyWorkflow, Execution, Target, terminated};
use super::export::{self, Entry, rows_of};
use super::tenant::Tenant;
use super::waiters::FirstNews;
use crate::clock;
use crate::error::{Error, Result};
use crate::ids::RunKey;
use crate::limits::check_name;
use crate::payload::{Payload, check_size};
use crate::store::{
    self, ClosePolicy, InTransaction, MessageKind, NewRun, OutgoingMessage, Parent, RunSpec,
    RunStatus, RunView, Takes, no_such_run, place_is_taken,
};

/// The most runs that are forked at once: a run, its open children, theirs, and so on.
const RUNS: usize = 1_000;

/// Forks a run when awaited.
#[cfg_attr(not(doctest), doc = include_str!("docs/fork.md"))]
#[must_use = "nothing is forked unless this is awaited"]
pub struct Fork<'t> {
    access: Result<Access<'t>>,
    run: Uuid,
    position: usize,
    mode: ForkMode,
    options: ForkOptions,
}

#[derive(Default)]
struct ForkOptions {
    id: Option<String>,
    input: Option<Result<Payload>>,
    results: Vec<(usize, Result<Payload>)>,
    version: Option<u32>,
    keep_signals: bool,
}

impl ForkOptions {
    /// Refuses results that no activity could give.
    fn check(&self, limit: usize) -> Result<()> {
        let mut sizes =
            self.results.iter().filter_map(|(event, result)| Some((event, result.as_ref().ok()?)));
        sizes.try_for_each(|(event, value)| {
            check_size(value.len(), limit, || format!("result of event {event}"))
        })
    }
}

/// What becomes of the run that is forked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ForkMode {
    /// It stays what it is.
    Beside,
    /// The new run goes on in its place.
    Place,
    /// The same, of a dead letter.
    DeadLetter,
}

impl<'t> Fork<'t> {
    pub(super) fn beside(tenant: Result<Tenant>, run: Uuid, position: usize) -> Self {
        Self::new(tenant.map(Access::new), run, position, ForkMode::Beside)
    }

    pub(super) fn in_place(tenant: Result<Tenant>, run: Uuid, position: usize) -> Self {
        Self::new(tenant.map(Access::new), run, position, ForkMode::Place)
    }

    fn new(access: Result<Access<'t>>, run: Uuid, position: usize, mode: ForkMode) -> Self {
        Self { access, run, position, mode, options: ForkOptions::default() }
    }

    /// The application's id for the new run, which must be free. Default: its run id. A reset takes over the id
    /// of the run that it resets, and no other.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.id = Some(id.into());
        self
    }

    /// Another input. The code sees it from its beginning: what it has decided up to the fork must come out the
    /// same, or the new run is stuck, and says where.
    pub fn input<T: Serialize>(mut self, input: &T) -> Self {
        self.options.input = Some(Payload::published(input));
        self
    }

    /// Another result of the activity that ended with this event of the history, which the fork keeps. An
    /// activity that failed has then succeeded.
    pub fn activity_result<T: Serialize>(mut self, event: usize, result: &T) -> Self {
        self.options.results.push((event, Payload::json(result)));
        self
    }

    /// Another version of the workflow.
    pub fn version(mut self, version: u32) -> Self {
        self.options.version = Some(version);
        self
    }

    /// The new run gets the signals that the other one has received behind the fork, in their order. A reset also
    /// takes over those that the other run has not read.
    pub fn keep_signals(mut self) -> Self {
        self.options.keep_signals = true;
        self
    }

    /// Forks inside a transaction of the application.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.access = self.access.map(|access| access.within(tx));
        self
    }

    async fn run(self) -> Result<Execution<AnyWorkflow>> {
        let access = self.access?;
        if let Some(id) = &self.options.id {
            check_name("workflow id", id)?;
            if self.mode != ForkMode::Beside {
                return Err(Error::invalid(
                    "a reset takes over the workflow id of the run that it resets",
                ));
            }
        }
        let mut forking = Forking::new(&access, self.mode);
        let found = forking.find(RunKey::of_run(access.tenant.id(), self.run)).await?;
        let last = found.history.iter().rposition(|it| !it.recorded.event.is_run_end());
        let most = last.map_or(0, |last| last + 1);
        if self.position > found.history.len() {
            return Err(Error::invalid(format!(
                "the history of run {} has {} events: it cannot be forked behind {}",
                self.run,
                found.history.len(),
                self.position
            )));
        }
        let limit = access.tenant.inner.payload_limit();
        self.options.check(limit)?;
        let kept = Kept::first(&found.history, self.position.min(most));
        forking.add(found, &kept, self.options, None).await?;
        forking.finish().await
    }
}

/// Starts a dead letter again, from its failure.
pub(super) async fn from_failure(access: &Access<'_>, run: Uuid) -> Result<Execution<AnyWorkflow>> {
    let mut forking = Forking::new(access, ForkMode::DeadLetter);
    let found = forking.find(RunKey::of_run(access.tenant.id(), run)).await?;
    if !is_dead(&found.view) {
        return Err(store::no_such_dead_letter(found.view.key));
    }
    let kept = before_failure(&found)?;
    let options = ForkOptions { keep_signals: true, ..ForkOptions::default() };
    forking.add(found, &kept, options, None).await?;
    forking.finish().await
}

/// Of a run that ran out of time, that is what failed.
fn before_failure(found: &ForkSource) -> Result<Kept> {
    match found.view.status {
        RunStatus::TimedOut => Ok(Kept::first(&found.history, found.history.len())),
        _ => Kept::before_failure(&found.history),
    }
}

fn is_dead(view: &RunView) -> bool {
    matches!(view.status, RunStatus::Failed | RunStatus::TimedOut) && view.successor.is_none()
}

impl<'t> IntoFuture for Fork<'t> {
    type Output = Result<Execution<AnyWorkflow>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// A run that is to be forked.
struct ForkSource {
    view: RunView,
    history: Vec<Entry>,
}

/// The forks of a call: of a run, and of the children that it waits for.
struct Forking<'a, 't> {
    access: &'a Access<'t>,
    mode: ForkMode,
    forks: Vec<store::ForkedRun>,
}

impl<'a, 't> Forking<'a, 't> {
    fn new(access: &'a Access<'t>, mode: ForkMode) -> Self {
        Self { access, mode, forks: Vec::new() }
    }

    async fn find(&self, key: RunKey) -> Result<ForkSource> {
        let view = self.access.store().describe(key).await?;
        let view = view.ok_or_else(|| no_such_run(&key.run.to_string()))?;
        let rows = self.access.tenant.inner.store.history(key).await?;
        let history = export::decode(rows_of(&rows), view.status, view.created_at, view.closed_at)?;
        Ok(ForkSource { view, history })
    }

    /// Adds the fork of a run, and of its open children; `parent` is the one that waits for it now. Answers its id.
    fn add<'f>(
        &'f mut self,
        found: ForkSource,
        kept: &'f Kept,
        options: ForkOptions,
        parent: Option<Parent>,
    ) -> Pin<Box<dyn Future<Output = Result<Uuid>> + Send + 'f>> {
        Box::pin(async move {
            let ForkSource { view, history } = found;
            if self.forks.len() >= RUNS {
                let message = format!("the run and its open children are more than {RUNS} runs");
                return Err(Error::invalid(message));
            }
            let takes = self.takes(&view, parent)?;
            let edits = Edits { input: options.input.is_some(), results: options.results };
            let at = clock::system_time().into();
            let mut prefix = Prefix::new(&history, kept, edits, view.key.run, at)?;
            let input = options.input.transpose()?;
            let run = self.new_run(&view, &takes, parent, options.id, options.version, input)?;
            let key = run.key;
            let signals = if options.keep_signals {
                std::mem::take(&mut prefix.later_signals)
            } else {
                Vec::new()
            };
            let number = self.forks.len();
            self.forks.push(store::ForkedRun {
                from: view.key,
                position: u32::try_from(kept.position).unwrap_or(u32::MAX),
                run,
                copied: prefix.copied,
                rewritten: Vec::new(),
                takes_inbox: options.keep_signals && takes.place(),
                takes,
                messages: signals.into_iter().map(|signal| message(key, signal)).collect(),
            });
            let mut renamed = Vec::new();
            for (op, child) in std::mem::take(&mut prefix.children) {
                let parent = Parent { run: key.run, op, on_close: ClosePolicy::default() };
                renamed.push((child, self.add_child(child, parent).await?));
            }
            prefix.rename(&renamed)?;
            self.forks[number].rewritten = prefix.rewritten;
            Ok(key.run)
        })
    }

    /// A child goes on from its failure, or else from where it is; a request to cancel it does not count any more.
    async fn add_child(&mut self, child: Uuid, parent: Parent) -> Result<Uuid> {
        let mut found = self.find(RunKey::of_run(self.access.tenant.id(), child)).await?;
        while let Some(next) = found.view.successor {
            found = self.find(RunKey::of_run(self.access.tenant.id(), next)).await?;
        }
        let kept = match is_dead(&found.view) {
            true => before_failure(&found)?,
            false => Kept::uncancelled(&found.history),
        };
        let on_close = found.view.spec.parent.map_or(parent.on_close, |parent| parent.on_close);
        let options = ForkOptions { keep_signals: true, ..ForkOptions::default() };
        self.add(found, &kept, options, Some(Parent { on_close, ..parent })).await
    }

    fn takes(&self, view: &RunView, parent: Option<Parent>) -> Result<Takes> {
        match self.mode {
            ForkMode::Beside => Ok(Takes::Nothing),
            _ if view.successor.is_some() => Err(place_is_taken(view.key)),
            ForkMode::DeadLetter if parent.is_none() => Ok(Takes::DeadLetter),
            ForkMode::DeadLetter | ForkMode::Place => {
                let (record, close) = terminated("it was reset: another run goes on in its place")?;
                Ok(Takes::Place(record, close))
            }
        }
    }

    fn new_run(
        &self,
        view: &RunView,
        takes: &Takes,
        parent: Option<Parent>,
        id: Option<String>,
        version: Option<u32>,
        input: Option<Payload>,
    ) -> Result<NewRun> {
        let mut spec = RunSpec::clone(&view.spec);
        let key = match (&id, takes.place() || id.is_none()) {
            (Some(id), false) => RunKey::new(view.key.tenant, Some(id)),
            _ => view.key.successor(),
        };
        if !takes.place() {
            (spec.workflow_id, spec.parent, spec.predecessor) = (id.map(Into::into), None, None);
        } else {
            spec.predecessor = Some(view.key.run);
        }
        if parent.is_some() {
            spec.parent = parent;
        }
        spec.version = version.unwrap_or(spec.version);
        if let Some(input) = input {
            let limit = self.access.tenant.inner.payload_limit();
            let what = || format!("input of workflow `{}`", spec.workflow);
            spec.input = input.within(limit, what)?.as_json().unwrap_or("null").into();
        }
        let attributes = Some(&view.attributes).filter(|it| !it.is_empty()).cloned().map(Box::new);
        Ok(NewRun { attributes, ..NewRun::new(key, Arc::new(spec)) })
    }

    async fn finish(self) -> Result<Execution<AnyWorkflow>> {
        let Self { access, forks, .. } = self;
        access.store().fork(&forks).await?;
        let runs: Vec<_> = forks.iter().map(|fork| fork.run.clone()).collect();
        access.tell_of_starts(&runs);
        for fork in &forks {
            if matches!(fork.takes, Takes::Place(..)) {
                access.tell_of_end(fork.from);
            }
        }
        let first = runs.first().ok_or_else(|| Error::invalid("nothing is forked"))?;
        let workflow_id = first.spec.workflow_id.as_deref().map(str::to_owned);
        let (certain, news) = (access.is_certain(), FirstNews::default());
        let target = Target::Run { key: first.key, workflow_id, certain, news };
        Ok(Execution::new(access.tenant.clone(), target))
    }
}

fn message(to: RunKey, (name, payload): (String, Payload)) -> OutgoingMessage {
    OutgoingMessage { to, kind: MessageKind::Signal, name, payload, dedup: None }
}
