//! What a workflow calls by its definition: activities, batches of them, child workflows, and the run that follows it.

mod activity;
mod batch;
mod child;
mod continuing;
mod saga;

pub use crate::replay::CancellationType;
pub use activity::Call;
pub use child::{ChildCall, ChildHandle};
pub use saga::{Compensate, Compensated, Compensation, Saga, SagaCall, Undoes, compensation};
