//! Combinators over durable futures. They poll in a fixed order and keep no time of their own, so
//! a replay polls as the live run did.

mod all;
mod join;
mod select;

pub use all::{JoinAll, Race, TryJoinAll, join_all, race, try_join_all};
pub use join::{Join, JoinTuple, TryJoin, TryJoinTuple, join, try_join};
pub use select::*;
