//! What the macros generate: definitions of activities and workflows, as traits.
//!
//! A definition is a type without values that knows its name, its options and the user's body.
//! [`ActivityDef`] and [`WorkflowDef`] are the same thing with its types erased, as the registry
//! and the worker keep it.

mod activity;
mod input;
mod layer;
mod workflow;

use std::any::TypeId;

#[cfg(feature = "testing")]
use serde::de::DeserializeOwned;

pub(crate) use crate::payload::PayloadFuture;
#[cfg(feature = "testing")]
use crate::shape::Shape;
pub use crate::source::SourceLocation;

pub use activity::{Activity, ActivityDef, ActivityOptions};
pub use input::InputStruct;
pub use layer::WorkflowLayer;
pub use workflow::{Workflow, WorkflowDef, WorkflowInput, WorkflowOptions};

/// A type of shared state that an activity's body asks for with `ctx.state::<T>()`.
#[derive(Debug, Clone, Copy)]
pub struct StateNeed {
    /// The type.
    pub id: TypeId,
    /// Its name, for messages.
    pub name: &'static str,
}

impl StateNeed {
    /// The need for a `T`.
    pub fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: std::any::type_name::<T>() }
    }
}

/// The shapes of a definition's types, found out when somebody asks: for the lock file.
#[cfg(feature = "testing")]
#[derive(Clone, Copy)]
pub(crate) struct Shapes {
    pub(crate) input: fn() -> Shape,
    pub(crate) output: fn() -> Shape,
}

#[cfg(feature = "testing")]
impl Shapes {
    pub(crate) fn of<I: DeserializeOwned, O: DeserializeOwned>() -> Self {
        Self { input: Shape::of::<I>, output: Shape::of::<O> }
    }
}
