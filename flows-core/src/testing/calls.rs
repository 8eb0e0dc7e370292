//! What was invoked: every attempt of every activity, mocked or not.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::context::ActivityContext;
use crate::definition::Activity;
use crate::error::Result;
use crate::payload::Payload;

/// An attempt that has begun.
#[derive(Debug, Clone)]
pub(crate) struct Invoked {
    pub(crate) name: &'static str,
    pub(crate) run: Uuid,
    pub(crate) op: u32,
    pub(crate) attempt: u32,
    pub(crate) input: Payload,
    pub(crate) ended: bool,
}

/// The attempts of one test, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<Vec<Invoked>>);

impl Calls {
    /// Notes the beginning of an attempt; the answer is its number.
    pub(crate) fn begin(&self, context: &ActivityContext, input: &Payload) -> usize {
        let invoked = Invoked {
            name: context.definition().0,
            run: context.run_id(),
            op: context.activity_id(),
            attempt: context.attempt(),
            input: input.clone(),
            ended: false,
        };
        self.with(|all| {
            all.push(invoked);
            all.len() - 1
        })
    }

    pub(crate) fn end(&self, number: usize) {
        self.with(|all| all[number].ended = true);
    }

    /// All attempts, in the order in which they began.
    pub(crate) fn all(&self) -> Vec<Invoked> {
        self.with(|all| all.clone())
    }

    /// The attempts that have begun and not ended.
    pub(crate) fn running(&self) -> Vec<Invoked> {
        self.with(|all| all.iter().filter(|call| !call.ended).cloned().collect())
    }

    /// The inputs of an activity's attempts.
    pub(crate) fn inputs<A: Activity>(&self, _: A) -> Vec<Payload> {
        self.with(|all| {
            let of_activity = all.iter().filter(|call| call.name == A::NAME);
            of_activity.map(|call| call.input.clone()).collect()
        })
    }

    /// The input of the last attempt of an operation.
    pub(crate) fn last_input(&self, run: Uuid, op: u32) -> Option<Payload> {
        self.with(|all| {
            let last = all.iter().rev().find(|call| (call.run, call.op) == (run, op));
            last.map(|call| call.input.clone())
        })
    }

    /// The inputs, decoded.
    pub(crate) fn decoded<A: Activity>(&self, activity: A) -> Result<Vec<A::Input>> {
        self.inputs(activity).iter().map(Payload::decode).collect()
    }

    fn with<T>(&self, look: impl FnOnce(&mut Vec<Invoked>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
