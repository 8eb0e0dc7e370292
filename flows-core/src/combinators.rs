//! Combinators over durable futures. They poll in a fixed order and keep no time of their own, so
//! a replay polls as the live run did.

use std::task::Poll;

use crate::replay::watch;

mod all;
mod concurrent;
mod join;
mod select;
mod set;

pub use all::{JoinAll, Race, TryJoinAll, join_all, race, try_join_all};
pub use concurrent::{
    CollectAll, MapConcurrent, NextOutput, StreamConcurrent, map_concurrent, stream_concurrent,
};
pub use join::{Join, JoinTuple, TryJoin, TryJoinTuple, join, try_join};
pub use select::*;

/// Some of the futures wait, although the last one that was polled may not.
fn pending<T>() -> Poll<T> {
    watch::waits();
    Poll::Pending
}

/// None of the futures is waited for, although the last one that was polled may wait; it may be
/// borrowed, and live on.
fn ready<T>(output: T) -> Poll<T> {
    watch::goes_on();
    Poll::Ready(output)
}
