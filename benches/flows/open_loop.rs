//! Arrivals that do not wait for answers: runs start when they are due, whatever became of the others.
//!
//! A run's time counts from the moment it was meant to start. So when the system falls behind, its
//! backlog shows in the latency, instead of slowing down the one who measures.

use std::time::{Duration, Instant};

use flows::prelude::*;
use tokio::task::JoinSet;

/// Arrivals: when, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Arrivals {
    pub(crate) per_second: f64,
    pub(crate) lasting: Duration,
}

/// Runs `one` at random moments (independent arrivals: exponential gaps, the same every time), with
/// the number of the arrival; how long each took from the moment it was meant to begin.
pub(crate) async fn arrive<F>(arrivals: Arrivals, one: impl Fn(u64) -> F) -> Result<Vec<Duration>>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (began, mut random) = (Instant::now(), 0x2545_f491_4f6c_dd1d_u64);
    let (mut due, mut number) = (Duration::ZERO, 0);
    let mut running = JoinSet::new();
    while due < arrivals.lasting {
        let intended = began + due;
        tokio::time::sleep_until(intended.into()).await;
        let run = one(number);
        running.spawn(async move {
            run.await?;
            Ok::<_, Error>(intended.elapsed())
        });
        due += gap(&mut random, arrivals.per_second);
        number += 1;
    }
    running.join_all().await.into_iter().collect()
}

/// The time to the next arrival.
fn gap(random: &mut u64, per_second: f64) -> Duration {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    let share = ((*random >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
    Duration::from_secs_f64(-share.ln() / per_second)
}
