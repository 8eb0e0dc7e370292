//! Building a worker: everything that can be wrong with it is an error here, not at run time.

use std::sync::Arc;
use std::time::Duration;

use super::Worker;
#[cfg(feature = "testing")]
use super::interceptor::Interceptor;
use super::layer::{ActivityLayer, ActivityLayers};
use crate::context::StateMap;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{lane_of, task_lane};
use crate::limits::check_name;
use crate::registry::Registry;

/// The longest interval of a worker.
const YEAR: Duration = Duration::from_secs(86_400 * 365);

/// What a worker was built with.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) queues: Vec<Arc<str>>,
    pub(crate) lanes: Vec<i64>,
    /// Of activities that it runs for other workers' runs.
    pub(crate) task_lanes: Vec<i64>,
    pub(crate) max_resident_runs: usize,
    pub(crate) max_activities: usize,
    pub(crate) lease: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) resident_for: Duration,
    pub(crate) retry_stuck: Duration,
    pub(crate) max_setbacks: u16,
    pub(crate) grace: Duration,
    /// Whether a difference from the journal that only warrants a warning stops the run.
    pub(crate) strict: bool,
    /// What stands around each attempt of an activity.
    pub(crate) layers: ActivityLayers,
    /// Set in tests: stands in front of the activities.
    #[cfg(feature = "testing")]
    pub(crate) interceptor: Option<Arc<dyn Interceptor>>,
    /// Set in tests: any activity may ask for the record of its result, on any store.
    #[cfg(feature = "testing")]
    pub(crate) any_may_record: bool,
    pub(crate) blocking_threshold: Duration,
}

/// Builds a [`Worker`].
#[cfg_attr(not(doctest), doc = include_str!("docs/builder.md"))]
#[must_use = "a builder does nothing until it is built"]
pub struct WorkerBuilder {
    engine: Engine,
    registry: Registry,
    state: StateMap,
    config: Config,
}

impl WorkerBuilder {
    pub(super) fn new(engine: Engine, registry: Registry) -> Self {
        let config = Config {
            name: format!("{}-{}", host_name(), std::process::id()),
            queues: vec!["default".into()],
            lanes: Vec::new(),
            task_lanes: Vec::new(),
            max_resident_runs: 1_000,
            max_activities: 200,
            lease: Duration::from_secs(6),
            poll_interval: Duration::from_secs(1),
            resident_for: Duration::from_secs(30),
            retry_stuck: Duration::from_secs(300),
            max_setbacks: 3,
            grace: Duration::from_secs(10),
            strict: false,
            layers: ActivityLayers::default(),
            #[cfg(feature = "testing")]
            interceptor: None,
            #[cfg(feature = "testing")]
            any_may_record: false,
            blocking_threshold: Duration::from_secs(1),
        };
        Self { engine, registry, state: StateMap::default(), config }
    }

    /// Gives activities a shared dependency: `ctx.state::<T>()` finds it by its type.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.state.insert(value);
        self
    }

    /// Puts a [layer](ActivityLayer) around each attempt of each activity, inside of those that were added before.
    pub fn activity_layer(mut self, layer: impl ActivityLayer) -> Self {
        self.config.layers.push(layer);
        self
    }

    /// The queues to serve. Default: `"default"`.
    pub fn queues<Q: AsRef<str>>(mut self, queues: impl IntoIterator<Item = Q>) -> Self {
        self.config.queues = queues.into_iter().map(|queue| queue.as_ref().into()).collect();
        self
    }

    /// The most runs held in memory at once; further ones wait in the database. Default 1,000.
    pub fn max_resident_runs(mut self, runs: usize) -> Self {
        self.config.max_resident_runs = runs;
        self
    }

    /// The most activities that run at once. Default 200.
    pub fn max_activities(mut self, activities: usize) -> Self {
        self.config.max_activities = activities;
        self
    }

    /// How long the worker may own runs without renewing; the runs of a dead worker move after
    /// this. Default 6 s, at least 1 s.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// The longest pause between two looks for work where no hint arrives. Default 1 s, at least
    /// 10 ms.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.config.poll_interval = interval;
        self
    }

    /// How long a run that waits for a signal or a child stays in memory. Default 30 s.
    pub fn resident_for(mut self, duration: Duration) -> Self {
        self.config.resident_for = duration;
        self
    }

    /// How often the stuck runs of its workflows are tried again, beside once when the worker
    /// begins. Default 5 min, at least 10 ms.
    pub fn retry_stuck(mut self, interval: Duration) -> Self {
        self.config.retry_stuck = interval;
        self
    }

    /// How many workers in a row may end, or lose their lease, while they run the same run without
    /// getting further, before it is stuck for that. Default 3, which is the least: the third of them
    /// tries no other such run. More forgives hosts that are often frozen for longer than the lease.
    pub fn max_setbacks(mut self, workers: u16) -> Self {
        self.config.max_setbacks = workers;
        self
    }

    /// How long running activities may go on after shutdown was asked for. Default 10 s.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.config.grace = grace;
        self
    }

    /// How long workflow code may hold its thread before it is reported as blocking, and the other
    /// runs go on without it. In real time. Default 1 s, at least 10 ms.
    pub fn blocking_threshold(mut self, threshold: Duration) -> Self {
        self.config.blocking_threshold = threshold;
        self
    }

    /// The worker's name, as `describe()` shows it. Default: host name and process id.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = name.into();
        self
    }

    /// A worker of a test: activities pass its interceptor, which also has the shared state.
    #[cfg(feature = "testing")]
    pub(crate) fn interceptor(mut self, interceptor: Arc<dyn Interceptor>) -> Self {
        self.config.interceptor = Some(interceptor);
        self.strict()
    }

    /// Any activity may ask for the record of its result, on any store: for tests of what transactional ones do.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn any_activity_may_record(mut self) -> Self {
        self.config.any_may_record = true;
        self
    }

    /// Every difference between a run's code and its journal stops the run, also those that
    /// otherwise are a warning: for tests.
    #[cfg(feature = "testing")]
    pub(crate) fn strict(mut self) -> Self {
        self.config.strict = true;
        self
    }

    /// Makes the worker.
    ///
    /// # Errors
    /// Names the first thing that is wrong: a duplicate definition (with both places), no
    /// definition at all, an activity whose state is missing, an empty list of queues, a limit of
    /// zero, a lease, an interval or a threshold that is too short or too long.
    pub fn build(mut self) -> Result<Worker> {
        self.registry.check()?;
        self.check_not_empty()?;
        self.check_state()?;
        self.check_limits()?;
        self.config.lanes = self.lanes();
        self.state.set_publisher(Some(self.engine.publisher()));
        self.config.task_lanes = self.task_lanes();
        Ok(Worker {
            engine: self.engine,
            registry: Arc::new(self.registry),
            state: Arc::new(self.state),
            config: Arc::new(self.config),
            surroundings: super::Surroundings::default(),
        })
    }

    fn lanes(&self) -> Vec<i64> {
        let queues = self.config.queues.iter();
        let mut lanes: Vec<_> = queues
            .flat_map(|queue| {
                self.registry.workflows().map(|def| lane_of(queue, def.name, def.version))
            })
            .collect();
        lanes.sort_unstable();
        lanes
    }

    fn task_lanes(&self) -> Vec<i64> {
        let queues = self.config.queues.iter();
        queues
            .flat_map(|queue| self.registry.activities().map(|def| task_lane(queue, def.name)))
            .collect()
    }

    fn check_not_empty(&self) -> Result<()> {
        let empty = self.registry.workflows().next().is_none()
            && self.registry.activities().next().is_none();
        refuse_if(
            empty,
            "the registry has no definitions: annotate functions with `#[workflow]` and \
             `#[activity]` and give the worker `flows::register_all!()`. Those of another crate are \
             there only where the program names that crate: `use that_crate as _;`",
        )
    }

    fn check_state(&self) -> Result<()> {
        #[cfg(feature = "testing")]
        if self.config.interceptor.is_some() {
            return Ok(()); // a mock needs none, and the interceptor may get it later
        }
        let missing: Vec<_> = self
            .registry
            .activities()
            .flat_map(|def| def.state_needs.iter().map(move |need| (def, need)))
            .filter(|(_, need)| !self.state.contains(need.id))
            .map(|(def, need)| {
                format!("`{}` for activity `{}` ({})", need.name, def.name, def.source)
            })
            .collect();
        refuse_if(
            !missing.is_empty(),
            &format!(
                "the worker lacks state {}; add `.state(…)` to its builder",
                missing.join(", ")
            ),
        )
    }

    fn check_limits(&self) -> Result<()> {
        let config = &self.config;
        refuse_if(config.queues.is_empty(), "a worker needs a queue: `.queues([\"default\"])`")?;
        let unnamed = config.queues.iter().any(|queue| queue.is_empty());
        refuse_if(unnamed, "a queue's name is empty: name it or leave it out")?;
        config.queues.iter().try_for_each(|queue| check_name("queue", queue))?;
        check_name("worker's name", &config.name)?;
        let few = config.max_setbacks;
        refuse_if(
            few < 3,
            &format!("max_setbacks is {few}: it takes 3 to tell a run from others"),
        )?;
        refuse_if(
            config.max_resident_runs == 0,
            "max_resident_runs is 0: a worker holds at least 1 run",
        )?;
        refuse_if(
            config.max_activities == 0,
            "max_activities is 0: a worker runs at least 1 activity",
        )?;
        for (what, given, least) in [
            ("lease", config.lease, Duration::from_secs(1)),
            ("poll interval", config.poll_interval, Duration::from_millis(10)),
            ("retry_stuck interval", config.retry_stuck, Duration::from_millis(10)),
            ("blocking threshold", config.blocking_threshold, Duration::from_millis(10)),
            ("resident_for time", config.resident_for, Duration::ZERO),
            ("shutdown grace", config.grace, Duration::ZERO),
        ] {
            let short = format!("a {what} of {given:?} is below the least of {least:?}");
            refuse_if(given < least, &short)?;
            let long = format!("a {what} of {} s is more than a year", given.as_secs());
            refuse_if(given > YEAR, &long)?;
        }
        Ok(())
    }
}

fn refuse_if(wrong: bool, message: &str) -> Result<()> {
    if wrong { Err(Error::new(ErrorKind::Configuration, message)) } else { Ok(()) }
}

fn host_name() -> String {
    let from_file = std::fs::read_to_string("/etc/hostname").ok();
    let name = std::env::var("HOSTNAME").ok().or(from_file).unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "worker".to_owned() } else { name.to_owned() }
}
