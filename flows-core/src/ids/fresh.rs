//! Keys of new runs: the only part of a key that needs the time and chance.

use uuid::Uuid;

use super::{RunKey, SHARDS, shard_of, with_shard};
use crate::clock;

impl RunKey {
    /// A new run for a workflow id, in that id's shard.
    pub fn new(tenant: Uuid, workflow_id: Option<&str>) -> Self {
        let run = clock::uuid_v7();
        let shard = match workflow_id {
            Some(id) => shard_of(tenant, id),
            None => i16::from(run.as_bytes()[15]) % SHARDS,
        };
        Self { shard, tenant, run: with_shard(run, shard) }
    }

    /// A new run in the same shard, for the same workflow id.
    #[must_use]
    pub fn successor(self) -> Self {
        Self { run: with_shard(clock::uuid_v7_after(self.run), self.shard), ..self }
    }
}
