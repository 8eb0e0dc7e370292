//! Where a run was forked from another one: what its journal begins with.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StepId;

/// A run begins with the events of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkPoint {
    /// That run.
    pub from: Uuid,
    /// How many events of its history it was forked behind.
    pub position: u32,
    /// How many of the events that follow here are that run's and cause a turn. What the code calls until
    /// then, that run has called too.
    pub turns: u32,
    /// Its input or a result was edited, or the time of its first turn is not kept: the same code may then call
    /// something else.
    pub edited: bool,
    /// Activities of that run whose events are not among those: one for each operation, in their order.
    pub calls: Vec<StepId>,
}
