//! What user code is handed: the workflow's and the activity's context, and the durable futures
//! that the workflow's context gives.
//!
//! Everything here only asks the replay machine's state and issues operations into it; nothing
//! here does anything to the world.

mod activity;
mod attribute;
mod cancel;
mod exactly_once;
mod op;
mod publish;
mod query;
mod scope;
mod side_effect;
mod signal;
mod stop;
mod timer;
mod undo;
mod update;
mod workflow;

pub(crate) use activity::Heartbeats;
pub use activity::{ActivityContext, ActivityInfo, StateMap};
pub(crate) use cancel::Raised;
pub use cancel::{Cancelled, Shield};
pub use exactly_once::ExactlyOnce;
pub(crate) use exactly_once::{RecordRequest, RecordSource};
pub(crate) use op::OpHandle;
pub(crate) use publish::Publisher;
pub use scope::{CancellationScope, Scoped};
pub use side_effect::SideEffect;
pub use signal::{Signal, SignalFuture};
pub(crate) use stop::Stop;
pub use timer::{Sleep, Timeout};
pub(crate) use undo::{CodeEnd, undo};
pub use update::{Replier, Update, UpdateFuture, UpdateRequest};
pub use workflow::{WorkflowContext, WorkflowRng};
