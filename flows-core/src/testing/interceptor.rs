//! The interceptor: every attempt of an activity passes it on its way to a mock or to its body.
//!
//! It is the interceptor of the test's workers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::calls::Calls;
use super::causes::CAUSES;
use super::crash::CrashPlan;
use super::difference;
use super::mock::Mocks;
use crate::context::{ActivityContext, StateMap};
use crate::definition::{ActivityDef, PayloadFuture, WorkflowDef};
use crate::payload::Payload;
use crate::replay::ChangedInput;
use crate::worker::Interceptor;

/// What a test has said about activities, and what it learns about them.
#[derive(Default)]
pub(crate) struct TestInterceptor {
    pub(crate) calls: Calls,
    /// Set where workers are to die.
    pub(crate) crash_plan: Option<Arc<CrashPlan>>,
    mocks: Mutex<Mocks>,
    state: Mutex<Arc<StateMap>>,
    /// What runs have begun with.
    begun: Mutex<HashMap<Uuid, Payload>>,
}

impl std::fmt::Debug for TestInterceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestInterceptor").finish_non_exhaustive()
    }
}

impl TestInterceptor {
    /// With these mocks, and where activities find this state.
    pub(crate) fn new(mocks: &Mocks, state: StateMap) -> Self {
        let (mocks, state) = (Mutex::new(mocks.clone()), Mutex::new(Arc::new(state)));
        Self { mocks, state, ..Self::default() }
    }

    /// What stands in for definitions from now on.
    pub(crate) fn mocks(&self) -> MutexGuard<'_, Mocks> {
        self.mocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a definition ask here first whether it is mocked.
    pub(crate) fn take_charge(self: &Arc<Self>, def: &mut WorkflowDef) {
        let (interceptor, body) = (Arc::clone(self), Arc::clone(&def.begin));
        let key = (def.name, def.version);
        def.begin = Arc::new(move |context, input| {
            let mut begun = interceptor.begun.lock().unwrap_or_else(PoisonError::into_inner);
            begun.insert(context.run_id(), input.clone());
            drop(begun);
            let mock = interceptor.mocks().workflows.get(&key).cloned();
            let Some(mock) = mock else { return body(context, input) };
            let input = input.clone();
            Ok(Box::pin(async move { mock(&input) }))
        });
    }

    /// From now on, activities find this value.
    pub(crate) fn insert_state<T: Send + Sync + 'static>(&self, value: T) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut state).insert(value);
    }

    fn state(&self) -> Arc<StateMap> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Interceptor for TestInterceptor {
    fn invoke(
        self: Arc<Self>,
        def: &ActivityDef,
        context: ActivityContext,
        input: Payload,
    ) -> PayloadFuture {
        let interceptor = self;
        let body = def.invoke;
        Box::pin(async move {
            // A test that has just started the run goes first: it may still say what activities find.
            tokio::task::yield_now().await;
            let call = RunningCall {
                number: interceptor.calls.begin(&context, &input),
                interceptor: &interceptor,
            };
            let (name, step) = (context.definition().0, (context.run_id(), context.activity_id()));
            let mocked = interceptor.mocks().activities.get(name).cloned();
            let effect = match mocked {
                Some(mock) => mock(context, input),
                None => body(context.with_state(interceptor.state()), input),
            };
            let result = match &interceptor.crash_plan {
                Some(crash_plan) => crash_plan.outlive(step, effect).await,
                None => effect.await,
            };
            drop(call);
            result
        })
    }

    fn explain(&self, run: Uuid, changed: &ChangedInput) -> String {
        let recorded = match changed.child {
            Some(child) => {
                let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
                begun.get(&child).cloned()
            }
            None => self.calls.last_input(run, changed.op),
        };
        let inputs = recorded.map(|recorded| difference::lines(&recorded, &changed.input));
        let inputs = inputs.unwrap_or_default();
        format!("{changed} (a worker in production only warns)\n{inputs}{CAUSES}")
    }
}

/// An attempt that runs; it ends with its result, or dropped.
struct RunningCall<'a> {
    interceptor: &'a TestInterceptor,
    number: usize,
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        self.interceptor.calls.end(self.number);
    }
}
