//! The context of an activity that is tested by itself.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::context::{ActivityContext, ActivityInfo, StateMap};
use crate::headers::Headers;
use crate::payload::{Codec, Payload};

impl ActivityContext {
    /// A context for a unit test of an activity: `charge_payment::run(&test, …)`.
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn test() -> TestActivity {
        TestActivity::new()
    }
}

#[cfg_attr(not(doctest), doc = include_str!("docs/activity.md"))]
#[must_use = "its methods give a new test"]
pub struct TestActivity {
    info: ActivityInfo,
    state: StateMap,
    last: Option<Payload>,
    /// Made when it is first used.
    begun: OnceLock<ActivityContext>,
}

impl TestActivity {
    fn new() -> Self {
        let info = ActivityInfo {
            workflow_id: None,
            run: Uuid::nil(),
            tenant: Uuid::nil(),
            name: "under test",
            codec: Codec::Json,
            op: 0,
            called_by: None,
            attempt: 1,
            headers: Headers::default(),
            payload_limit: crate::engine::PAYLOAD_LIMIT,
        };
        Self { info, state: StateMap::default(), last: None, begun: OnceLock::new() }
    }

    /// A shared dependency, as you would give it to a worker.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.state.insert(value);
        self
    }

    /// Which attempt this is, from 1. Default 1.
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.info.attempt = attempt;
        self
    }

    /// The application's id for the run. Default: the run id.
    pub fn workflow_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.info.workflow_id = Some(id.into());
        self
    }

    /// The run id. Default: nil.
    pub fn run_id(mut self, run: impl Into<Uuid>) -> Self {
        self.info.run = run.into();
        self
    }

    /// A header of the run.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.info.headers.insert(name, value);
        self
    }

    /// The tenant. Default: nil, the default tenant.
    pub fn tenant_id(mut self, tenant: impl Into<Uuid>) -> Self {
        self.info.tenant = tenant.into();
        self
    }

    /// The number of the call within its run, which is part of its idempotency key. Default 0.
    pub fn activity_id(mut self, op: u32) -> Self {
        self.info.op = op;
        self
    }

    /// The details of the previous attempt's last heartbeat.
    ///
    /// # Panics
    /// If the value cannot be encoded as JSON.
    #[track_caller]
    pub fn last_heartbeat<T: Serialize>(mut self, details: &T) -> Self {
        self.last = Some(Payload::json(details).expect("details that can be written as JSON"));
        self
    }

    /// Cancels the activity: `ctx.cancelled()` resolves.
    pub fn cancel(&self) {
        self.begun().stop().cancel();
    }

    /// The details of every heartbeat so far.
    ///
    /// # Panics
    /// If one does not have this type.
    #[track_caller]
    pub fn heartbeats<T: DeserializeOwned>(&self) -> Vec<T> {
        let decoded =
            self.begun().heartbeats().all().iter().map(Payload::decode).collect::<Result<_, _>>();
        decoded.expect("heartbeats of this type")
    }

    fn begun(&self) -> &ActivityContext {
        self.begun.get_or_init(|| {
            let (info, state) = (self.info.clone(), Arc::new(self.state.clone()));
            ActivityContext::new(info, state, self.last.clone(), None)
        })
    }
}

impl Deref for TestActivity {
    type Target = ActivityContext;

    fn deref(&self) -> &ActivityContext {
        self.begun()
    }
}
