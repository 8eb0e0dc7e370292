//! What is paused, as a worker knows it: it looks for and claims only what is not, and lets go of what is.
//!
//! Each [look](crate::store::WorkerStore::poll) brings a number that changes with the pauses; only then are they read. So
//! while nothing is paused, nothing is sent or compared that would not be otherwise. What is claimed before a worker
//! knows is let go within its next turn.

use std::sync::Arc;

use super::builder::Config;
use super::session::Session;
use crate::error::Result;
use crate::ids::{lane_of, task_lane};
use crate::registry::Registry;
use crate::store::{PauseRow, RunSpec, WorkerIdentity};

/// What a worker serves while this is paused.
#[derive(Debug)]
pub(super) struct Served {
    /// Of the look that brought it.
    pub(super) stamp: i64,
    pauses: Vec<PauseRow>,
    /// The worker, with the lanes that are not paused.
    pub(super) open: WorkerIdentity,
}

impl Served {
    /// All that the worker has.
    pub(super) fn all(worker: &WorkerIdentity) -> Self {
        Self { stamp: 0, pauses: Vec::new(), open: worker.clone() }
    }

    fn but_for(
        pauses: Vec<PauseRow>,
        stamp: i64,
        worker: &WorkerIdentity,
        config: &Config,
        registry: &Registry,
    ) -> Self {
        let mut open = worker.clone();
        for queue in &config.queues {
            for pause in pauses.iter().map(|pause| &pause.scope) {
                let held = |lane: &i64| {
                    registry.workflows().any(|def| {
                        pause.covers(queue, def.name, def.version)
                            && lane_of(queue, def.name, def.version) == *lane
                    })
                };
                open.lanes.retain(|lane| !held(lane));
                if pause.covers_tasks_of(queue) {
                    let mut held = registry.activities().map(|def| task_lane(queue, def.name));
                    open.task_lanes.retain(|lane| !held.any(|it| it == *lane));
                }
            }
        }
        Self { stamp, pauses, open }
    }

    /// Whether a run is paused.
    pub(super) fn holds(&self, spec: &RunSpec) -> bool {
        !self.pauses.is_empty() && PauseRow::first_of(&self.pauses, spec).is_some()
    }
}

impl Session {
    /// Reads what is paused, after a look that brought this number.
    pub(super) async fn learn_pauses(&self, stamp: i64) -> Result<()> {
        let pauses = if stamp == 0 { Vec::new() } else { self.store.pauses().await? };
        let served = Served::but_for(pauses, stamp, &self.identity, &self.config, &self.registry);
        self.set_served(Arc::new(served));
        Ok(())
    }
}
