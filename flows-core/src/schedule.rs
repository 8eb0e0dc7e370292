//! When a schedule fires: cron expressions in time zones, and fixed intervals. Pure: a point in time in, the next
//! one out.
//!
//! The time zone rules are those of the build, so all workers of a build agree, whatever their machines have.

mod cron;
mod every;
mod firing;
mod overlap;
mod spec;
#[cfg(test)]
mod tests;

pub use cron::Cron;
pub use every::Every;
#[doc(hidden)]
pub use firing::{Firing, OpenRun, SchedulePolicy, ScheduleProgress, name_of};
pub use overlap::Overlap;
pub use spec::{FiringTimes, ScheduleSpec};
