//! Identities: tenant, run, worker; and the shard that is in every key.
//!
//! A run id is a UUIDv7 whose last byte is the run's shard. So a run is found by its id alone, and
//! by its tenant and workflow id alone: the shard is a hash of these two.

mod fresh;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Number of shards. Part of the storage format: it decides where a workflow id is looked up.
pub const SHARDS: i16 = 16;

/// The full key of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunKey {
    /// In every key; from 0 to `SHARDS - 1`.
    pub shard: i16,
    /// The tenant; [`Uuid::nil`] is the default tenant.
    pub tenant: Uuid,
    /// The run.
    pub run: Uuid,
}

impl RunKey {
    /// The key of a run that exists: its id says the shard.
    pub fn of_run(tenant: Uuid, run: Uuid) -> Self {
        Self { shard: i16::from(run.as_bytes()[15]) % SHARDS, tenant, run }
    }
}

/// The shard of a tenant's workflow id.
pub fn shard_of(tenant: Uuid, workflow_id: &str) -> i16 {
    let hash = fnv1a(tenant.as_bytes().iter().chain(workflow_id.as_bytes()).copied());
    i16::try_from(hash % SHARDS.unsigned_abs() as u64).unwrap_or(0)
}

/// The lane of runs that one kind of worker can serve: a hash of queue, workflow and version.
/// Claims name lanes, so hot rows carry eight bytes instead of three names.
pub fn lane_of(queue: &str, workflow: &str, version: u32) -> i64 {
    let version = version.to_le_bytes();
    let parts: [&[u8]; 5] = [queue.as_bytes(), &[0], workflow.as_bytes(), &[0], &version];
    fnv1a(parts.into_iter().flatten().copied()).cast_signed()
}

/// The lane of attempts of an activity that workers of a queue run.
pub fn task_lane(queue: &str, activity: &str) -> i64 {
    let parts: [&[u8]; 4] = [&[0], queue.as_bytes(), &[0], activity.as_bytes()];
    fnv1a(parts.into_iter().flatten().copied()).cast_signed()
}

/// FNV-1a: simple, stable for ever, good enough to spread names.
pub fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Puts the shard into the last byte, of which `SHARDS` divides the range.
pub(crate) fn with_shard(id: Uuid, shard: i16) -> Uuid {
    let mut bytes = *id.as_bytes();
    let shards = u8::try_from(SHARDS).unwrap_or(u8::MAX);
    let shard = u8::try_from(shard).unwrap_or(0);
    bytes[15] = bytes[15] / shards * shards + shard;
    Uuid::from_bytes(bytes)
}
