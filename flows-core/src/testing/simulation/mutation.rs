//! Defects of a store, planted on purpose: a simulation that does not find them would find nothing.
//!
//! Each breaks one promise of the storage contract, now and then, and never in a schedule without
//! faults. For the tests of this library.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::world::World;
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::traits::*;
use crate::store::{Committed, Next, OutgoingMessage, Record, Sent};

/// What a store does wrong.
#[doc(hidden)]
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// Rows of a worker that has lost its run are appended all the same.
    NoFence,
    /// Runs are parked although messages have come.
    DeafParking,
    /// A commit that comes late parks what its worker has claimed again.
    StaleParking,
    /// Runs are parked without the time at which they are to be woken.
    LostTimers,
    /// Messages are acknowledged and thrown away.
    LostMessages,
    /// Keys of messages are forgotten, so that a message sent again comes again.
    ForgottenKeys,
    /// A row is appended twice.
    DoubleRows,
    /// What a claim has taken and whose answer was lost is not given back.
    LostClaims,
    /// A run that was started as a worker's own, by a call whose answer was lost, is not given back.
    LostStarts,
}

impl Mutation {
    fn strikes(self, world: &World) -> bool {
        world.chance.one_in(match self {
            Self::LostTimers | Self::LostMessages | Self::DoubleRows => 10,
            _ => 1,
        })
    }

    /// What reaches the store of what a worker commits.
    pub(super) fn spoil(self, world: &World, records: &mut [Record]) {
        for record in records {
            if self == Self::LostMessages && !record.messages.is_empty() && self.strikes(world) {
                record.messages.clear();
            }
            let Next::Park(park) = &mut record.next else { continue };
            match self {
                Self::DeafParking if self.strikes(world) => world.store.deafen(record.key, park),
                Self::LostTimers if self.strikes(world) => park.wake_at = None,
                _ => {}
            }
        }
    }

    /// What it does beside what it was asked for.
    pub(super) async fn add(
        self,
        world: &Arc<World>,
        worker: Uuid,
        records: &[Record],
        answers: &mut [Committed],
    ) -> Result<()> {
        for (record, answer) in records.iter().zip(answers) {
            if self == Self::StaleParking && *answer == Committed::Done && record.only_parks() {
                again_later(world, worker, record.clone());
            }
            let again = match self {
                Self::NoFence => *answer == Committed::Lost,
                Self::DoubleRows => *answer == Committed::Done,
                _ => false,
            };
            let again = again && !record.events.is_empty() && record.next_is_stay();
            if again && self.strikes(world) {
                *answer = append(world, worker, record).await?;
            }
        }
        Ok(())
    }

    /// What becomes of messages: those that are delivered, and those that only seem to be.
    pub(super) async fn deliver(
        self,
        world: &World,
        messages: &[OutgoingMessage],
    ) -> Result<Vec<Result<Sent>>> {
        let mut answers = Vec::new();
        for message in messages {
            let mut message = message.clone();
            if self == Self::LostMessages && self.strikes(world) {
                answers.push(Ok(Sent::ToReady));
                continue;
            }
            if self == Self::ForgottenKeys && self.strikes(world) {
                message.dedup = None;
            }
            answers.extend(world.store.send(&[message]).await?);
        }
        Ok(answers)
    }
}

/// Appends a row behind all others.
async fn append(world: &World, worker: Uuid, record: &Record) -> Result<Committed> {
    let rows = |key: RunKey| world.store.stored(key).map_or(0, |(run, _)| run.journal.len());
    let position = i32::try_from(rows(record.key)).unwrap_or(i32::MAX);
    let record = Record { position, consumed: Vec::new(), messages: Vec::new(), ..record.clone() };
    world
        .store
        .commit(0, worker, std::slice::from_ref(&record))
        .await
        .map(|mut answers| answers.remove(0))
}

/// Parks a run once more, after a while.
fn again_later(world: &Arc<World>, worker: Uuid, mut record: Record) {
    if let Next::Park(park) = &mut record.next {
        park.claim = None;
    }
    let (world, millis) = (Arc::clone(world), world.chance.one_of([5, 20, 80, 400, 0]));
    world.busy(1);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        drop(world.store.commit(0, worker, &[record]).await); // nobody waits for the answer
        world.busy(-1);
    });
}

impl Record {
    fn only_parks(&self) -> bool {
        self.events.is_empty() && matches!(self.next, Next::Park(_))
    }

    fn next_is_stay(&self) -> bool {
        matches!(self.next, Next::Stay)
    }
}
