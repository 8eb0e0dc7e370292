//! What the macros generate: definitions of activities and workflows, as traits.
//!
//! A definition is a type without values that knows its name, its options and the user's body.
//! [`ActivityDef`] and [`WorkflowDef`] are the same thing with its types erased, as the registry
//! and the worker keep it.

mod activity;
mod input;
mod stored;
mod workflow;

use std::any::TypeId;
use std::fmt;

#[cfg(feature = "testing")]
use serde::de::DeserializeOwned;

use crate::registry::Registry;
#[cfg(feature = "testing")]
use crate::shape::Shape;

pub(crate) use activity::PayloadFuture;
pub use activity::{Activity, ActivityDef, ActivityOptions};
pub use input::InputStruct;
pub use stored::{Received, Stored, StoredValue};
pub use workflow::{Workflow, WorkflowDef, WorkflowInput, WorkflowOptions};

/// A definition of either kind: what `register_all![order, charge_payment]` accepts.
pub trait Definition {
    /// Adds the definition to a registry.
    fn register(registry: &mut Registry);
}

/// Where a definition stands in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceLocation {
    /// File, as the compiler names it.
    pub file: &'static str,
    /// Line, from 1.
    pub line: u32,
}

impl SourceLocation {
    /// A line of a file.
    pub const fn new(file: &'static str, line: u32) -> Self {
        Self { file, line }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

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
