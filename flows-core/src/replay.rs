//! The replay machine: history goes in, commands come out.
//!
//! Pure: no clock, no randomness, no runtime, no database in here. [`Machine`] holds a workflow's
//! future; `apply` gives it one event and polls it once; nothing else moves it. Live and replayed,
//! the future sees the very same polls, so it makes the very same decisions.

pub(crate) mod bounds;
mod check;
mod children;
mod code;
mod forks;
mod machine;
mod op;
mod patches;
mod place;
mod probe;
mod sagas;
mod scopes;
mod signals;
mod state;
mod stuck;
mod task;
mod turn;
mod updates;
pub(crate) mod wake_flag;
pub(crate) mod watch;

#[cfg(test)]
mod tests;

pub use machine::{Machine, RunInfo};
pub use op::CancellationType;
pub use stuck::Stuck;
pub use task::{ActivityTask, ChildTask, Overrides, PendingAttempt};
pub use turn::{ActivityStart, ChangedInput, Command, RefusedUpdate, Turn};

pub use code::Code;
pub(crate) use machine::{Body, Shared};
#[cfg(feature = "testing")]
pub(crate) use machine::{Halt, ReplayStep};
pub(crate) use op::{DroppedOp, What};
pub(crate) use probe::Probe;
pub(crate) use sagas::{NotUndone, SagaStep, Undoing};
pub(crate) use signals::{channel, update_of};
pub(crate) use state::State;
#[cfg(feature = "testing")]
pub(crate) use state::Trail;
#[cfg(feature = "testing")]
pub(crate) use stuck::KEEP_THE_CODE;
pub(crate) use updates::{Envelope, UpdateSource};
