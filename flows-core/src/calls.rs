//! What a workflow calls by its definition: activities, child workflows, and the run that follows it.

mod activity;
mod child;
mod continuing;

pub use activity::Call;
pub use child::ChildCall;
