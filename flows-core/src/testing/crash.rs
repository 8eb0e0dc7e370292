//! `crash_everywhere`: one run undisturbed, then one for every place where its worker can die.
//!
//! Each run has an empty store, a seeded clock and so the same run id; virtual time does not move
//! because of a crash. So everything that differs from the undisturbed run differs because the worker died.

mod elsewhere;
mod first;
mod plan;
mod report;
mod run;
mod verdict;

use std::future::{Future, IntoFuture, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use futures_util::TryFutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::value::RawValue;

use super::as_text::AsText;
use super::mock::{self, Mocks};
use crate::context::{StateMap, Update};
use crate::definition::{Activity, Workflow, WorkflowInput};
use crate::engine::Execution;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::payload::Payload;
use crate::registry::Registry;
use elsewhere::Found;
pub(crate) use plan::CrashPlan;
use plan::CrashPoint;
use run::CrashRun;

#[cfg_attr(not(doctest), doc = include_str!("docs/crash.md"))]
pub fn crash_everywhere<I: WorkflowInput>(input: I) -> CrashEverywhere<I> {
    CrashEverywhere {
        input: Payload::json(&input),
        registry: None,
        id: None,
        headers: Headers::default(),
        messages: Vec::new(),
        mocks: Mocks::default(),
        state: Vec::new(),
        slots: None,
        here_only: false,
        workflow: PhantomData,
    }
}

/// A workflow to run with crashes; await it. See [`crash_everywhere`].
#[must_use = "nothing is run unless this is awaited"]
pub struct CrashEverywhere<I: WorkflowInput> {
    input: Result<Payload>,
    registry: Option<Registry>,
    id: Option<String>,
    headers: Headers,
    messages: Vec<MessagePlan>,
    mocks: Mocks,
    state: Vec<InsertOnce>,
    slots: Option<usize>,
    here_only: bool,
    workflow: PhantomData<fn() -> I>,
}

/// Makes a shared dependency and puts it where activities find it.
type InsertOnce = Box<dyn Fn(&mut StateMap)>;

/// A signal or an update to send to every run.
struct MessagePlan {
    after: Duration,
    send: SendTo,
}

/// Sends it to a run.
type SendTo = Box<dyn Fn(&Execution<AsText>) -> BoxFuture<'static, Result<()>>>;

impl<I: WorkflowInput> CrashEverywhere<I> {
    const NAME: &'static str = <I::Workflow as Workflow>::NAME;

    /// The workflow id of every run. Default: none.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// A header of every run; see [`Start::header`](crate::engine::Start::header).
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sends a signal right after the start; several are sent in this order.
    pub fn signal<T: Serialize>(self, name: impl Into<String>, payload: &T) -> Self {
        self.signal_after(Duration::ZERO, name, payload)
    }

    /// Sends a signal when this much virtual time has passed since the start.
    pub fn signal_after<T: Serialize>(
        self,
        after: Duration,
        name: impl Into<String>,
        payload: &T,
    ) -> Self {
        let name = name.into();
        let payload = Payload::json(payload).and_then(|json| json.decode::<Box<RawValue>>());
        self.message(after, move |exec| match &payload {
            Ok(payload) => exec.signal(&name, payload).into_future(),
            Err(error) => Box::pin(ready(Err(Error::terminal(error.to_string())))),
        })
    }

    /// Sends an update right after the start, and waits for no reply; several are sent in this order.
    pub fn update<U: Update>(self, update: U) -> Self {
        self.update_after(Duration::ZERO, update)
    }

    /// Sends an update when this much virtual time has passed since the start.
    pub fn update_after<U: Update>(self, after: Duration, update: U) -> Self {
        let (request, key) = (Payload::json(&update), format!("update-{}", self.messages.len()));
        self.message(after, move |exec| match request.clone().and_then(|json| json.decode::<U>()) {
            Ok(update) => Box::pin(exec.update(update).dedup(&key).send().map_ok(drop)),
            Err(error) => Box::pin(ready(Err(error))),
        })
    }

    fn message(
        mut self,
        after: Duration,
        send: impl Fn(&Execution<AsText>) -> BoxFuture<'static, Result<()>> + 'static,
    ) -> Self {
        self.messages.push(MessagePlan { after, send: Box::new(send) });
        self
    }

    /// Attempts of this activity call the closure instead of its body, in every run. It should
    /// depend on its input alone, so that it returns the same value in every run.
    pub fn mock<A: Activity>(
        mut self,
        activity: A,
        mock: impl Fn(A::Input) -> Result<A::Output> + Send + 'static,
    ) -> Self {
        self.mocks.activities.extend([mock::closure(activity, mock)]);
        self
    }

    /// Every attempt of this activity returns this value.
    pub fn mock_value<A: Activity>(mut self, activity: A, value: A::Output) -> Self {
        self.mocks.activities.extend([mock::result(activity, Ok(value))]);
        self
    }

    /// New runs of this workflow, for example children, end at once with the closure's result.
    pub fn mock_workflow<W: Workflow>(
        mut self,
        workflow: W,
        mock: impl Fn(W::Input) -> Result<W::Output> + Send + 'static,
    ) -> Self {
        self.mocks.workflows.extend([mock::workflow(workflow, mock)]);
        self
    }

    /// A shared dependency of activities; each run gets a clone. If it has state of its own, create a
    /// new one for each run: [`CrashEverywhere::state_with`].
    pub fn state<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        self.state_with(move || value.clone())
    }

    /// A shared dependency of activities, created anew for each run.
    pub fn state_with<T: Send + Sync + 'static>(mut self, make: impl Fn() -> T + 'static) -> Self {
        self.state.push(Box::new(move |state| state.insert(make())));
        self
    }

    /// How many activities the worker of each run runs at once; see
    /// [`max_activities`](crate::worker::WorkerBuilder::max_activities). Default: as many as a worker does.
    pub fn max_activities(mut self, activities: usize) -> Self {
        self.slots = Some(activities);
        self
    }

    /// Skips the replay in another process: for a test that cannot run twice at the same time.
    pub fn here_only(mut self) -> Self {
        self.here_only = true;
        self
    }

    /// The definitions of the workers. Default: everything annotated in the program.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    async fn run(self) -> Result<<I::Workflow as Workflow>::Output> {
        let number = elsewhere::next_number();
        let task = elsewhere::task();
        if let Some(task) = task.as_ref().filter(|task| task.is_here(number)) {
            task.work_off(&self.definitions());
        }
        let undisturbed = self.crash_run(None).await?;
        if !undisturbed.ended {
            let error = undisturbed.outcome.err();
            return Err(error.unwrap_or_else(|| Error::terminal("the run has not ended")));
        }
        if task.is_none() {
            self.check(&undisturbed, number).await?;
        }
        Payload::from_json(undisturbed.outcome?.get()).decode()
    }

    async fn check(&self, undisturbed: &CrashRun, number: u32) -> Result<()> {
        self.check_alike(undisturbed).await?;
        for place in CrashPoint::all(undisturbed.commits, undisturbed.effects) {
            let crashed = self.crash_run(Some(place)).await?;
            if let Some(difference) = verdict::difference(undisturbed, &crashed) {
                let first = self.first(undisturbed, &crashed);
                let report =
                    report::failure(Self::NAME, place, [undisturbed, &crashed], &difference, first);
                return Err(Error::new(ErrorKind::Terminal, report));
            }
        }
        self.check_elsewhere(undisturbed, number)
    }

    /// An error when a replay in another process differs.
    fn check_elsewhere(&self, undisturbed: &CrashRun, number: u32) -> Result<()> {
        if self.here_only {
            return Ok(());
        }
        match elsewhere::replay(number, undisturbed) {
            Found::Same => Ok(()),
            Found::Different(difference) => {
                let report = report::elsewhere(Self::NAME, &difference, undisturbed);
                Err(Error::new(ErrorKind::Terminal, report))
            }
            Found::Nothing(why) => {
                report::not_replayed(Self::NAME, &why);
                Ok(())
            }
        }
    }

    /// An error when a second undisturbed run differs from the first: then nothing could be said
    /// about crashes.
    async fn check_alike(&self, undisturbed: &CrashRun) -> Result<()> {
        let again = self.crash_run(None).await?;
        match verdict::difference(undisturbed, &again) {
            Some(difference) => {
                let first = self.first(undisturbed, &again);
                let report = report::unlike(Self::NAME, &again, &difference, first);
                Err(Error::new(ErrorKind::Terminal, report))
            }
            None => Ok(()),
        }
    }

    /// Where the difference begins; a run that got stuck has said it.
    fn first(&self, one: &CrashRun, other: &CrashRun) -> Vec<String> {
        if !other.ended {
            return Vec::new();
        }
        let registry = self.definitions();
        first::difference(&registry, one, other)
    }

    fn definitions(&self) -> Registry {
        self.registry.clone().unwrap_or_else(Registry::all)
    }

    async fn crash_run(&self, place: Option<CrashPoint>) -> Result<CrashRun> {
        CrashRun::run(self, place).await
    }
}

impl<I: WorkflowInput> IntoFuture for CrashEverywhere<I> {
    type Output = Result<<I::Workflow as Workflow>::Output>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
