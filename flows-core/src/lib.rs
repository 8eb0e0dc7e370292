//! Runtime of the flows workflow library, without a database.
//!
//! Definitions, the replay machine, the worker, and the storage contract with its in-memory
//! implementation. It never talks to a database: `flows-pg` does. Users depend on the facade crate
//! `flows`, which re-exports what they need.

mod bytes;
pub mod clock;
pub mod context;
pub mod definition;
pub mod error;
pub mod ids;
pub mod memory;
pub mod payload;
pub mod registry;
pub mod retry;
mod shape;
pub mod store;
pub mod time;

pub use definition::{Activity, Workflow, WorkflowInput};
pub use error::{Error, ErrorKind, Result};
pub use payload::{Codec, Payload};
pub use registry::Registry;
pub use retry::RetryPolicy;
