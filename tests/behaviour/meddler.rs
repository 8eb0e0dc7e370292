//! A store between a worker and the real one, which meddles where a test says so.
//!
//! It does to one commit what others and broken connections do, lets verbs fail, and keeps hints to
//! itself. Everything else it passes on.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use flows::prelude::*;
use flows_core::journal::{self, Event};
use flows_core::payload::Payload;
use flows_core::store::forward::names::*;

use crate::world::World;

/// What becomes of a commit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meddling {
    /// Nothing of it is written, and nobody can say.
    Vanishes,
    /// It is written, and nobody can say.
    IsUnheard,
    /// Somebody else has written another result in its place.
    ComesSecond(u32),
    /// The same, and nobody can say.
    ComesSecondUnheard(u32),
    /// It waits for the gate `commit`.
    Waits,
}

/// Which commit is meddled with.
#[derive(Debug, Clone, Copy)]
enum When {
    /// That of the result of this activity.
    ResultOf(&'static str),
    /// The next that parks a run.
    Parks,
}

/// The store that meddles.
pub(crate) struct Meddler {
    store: Arc<dyn Store>,
    world: World,
    /// What becomes of one commit.
    plan: Mutex<Option<(When, Meddling)>>,
    /// How often verbs fail.
    failures: Mutex<BTreeMap<&'static str, usize>>,
    /// Whether the answer to the next claim that finds runs waits for the gate `answer`.
    claim_waits: AtomicBool,
}

impl Meddler {
    fn inner(&self) -> &dyn Store {
        &*self.store
    }

    pub(crate) fn new(store: Arc<dyn Store>, world: &World) -> Arc<Self> {
        let (plan, failures) = (Mutex::default(), Mutex::default());
        let claim_waits = AtomicBool::new(false);
        Arc::new(Self { store, world: world.clone(), plan, failures, claim_waits })
    }

    /// The next commit of a result of this activity.
    pub(crate) fn result_of(&self, activity: &'static str, meddling: Meddling) {
        *self.plan.lock().unwrap() = Some((When::ResultOf(activity), meddling));
    }

    /// The next commit that parks a run.
    pub(crate) fn parking(&self, meddling: Meddling) {
        *self.plan.lock().unwrap() = Some((When::Parks, meddling));
    }

    /// The next calls of this verb fail.
    pub(crate) fn fails(&self, verb: &'static str, times: usize) {
        self.failures.lock().unwrap().insert(verb, times);
    }

    /// The answer to the next claim that finds runs waits for the gate `answer`.
    pub(crate) fn claim_waits(&self) {
        self.claim_waits.store(true, Ordering::Relaxed);
    }

    /// Whether everything that was planned has happened.
    pub(crate) fn is_done(&self) -> bool {
        let failures = self.failures.lock().unwrap();
        self.plan.lock().unwrap().is_none() && failures.values().all(|left| *left == 0)
    }

    fn check(&self, verb: &'static str) -> Result<()> {
        match self.failures.lock().unwrap().get_mut(verb) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(unavailable())
            }
            _ => Ok(()),
        }
    }

    /// What is to become of this batch, because of which record.
    fn planned<'a>(&self, records: &'a [Record]) -> Option<(&'a Record, Meddling)> {
        let mut plan = self.plan.lock().unwrap();
        let (when, meddling) = (*plan)?;
        let record = records.iter().find(|record| match when {
            When::ResultOf(activity) => has_result(record, activity),
            When::Parks => matches!(record.next, Next::Park(_)),
        })?;
        *plan = None;
        Some((record, meddling))
    }

    async fn meddle(
        &self,
        writer: usize,
        worker: Uuid,
        records: &[Record],
    ) -> Result<Vec<Committed>> {
        self.check("commit")?;
        let commit = || self.store.commit(writer, worker, records);
        let Some((record, meddling)) = self.planned(records) else { return commit().await };
        match meddling {
            Meddling::Vanishes => Err(unavailable()),
            Meddling::IsUnheard => commit().await.and_then(|_| Err(unavailable())),
            Meddling::ComesSecond(result) => {
                self.write_instead(record, result).await?;
                commit().await
            }
            Meddling::ComesSecondUnheard(result) => {
                self.write_instead(record, result).await?;
                Err(unavailable())
            }
            Meddling::Waits => {
                self.world.note("a commit waits");
                self.world.pass("commit").await;
                commit().await
            }
        }
    }

    async fn claimed(&self, claim: Claim<'_>) -> Result<Vec<Activation>> {
        self.check("claim")?;
        let claimed = self.store.claim(claim).await?;
        if !claimed.is_empty() && self.claim_waits.swap(false, Ordering::Relaxed) {
            self.world.note("a claim waits");
            self.world.pass("answer").await;
        }
        Ok(claimed)
    }

    /// Another worker has had another result.
    async fn write_instead(&self, record: &Record, result: u32) -> Result<()> {
        let mut events = journal::decode(0, &record.events)?;
        for recorded in &mut events {
            if let Event::ActivityCompleted { output, .. } = &mut recorded.event {
                *output = Payload::json(&result)?;
            }
        }
        let (consumed, starts, messages, queries, items, answers) = Default::default();
        let (tasks, withdrawn) = Default::default();
        let (key, position, events) = (record.key, record.position, journal::encode(&events)?);
        let next = Next::Stay;
        let (held, claim, clears) = (0, None, false);
        let other = Record {
            key,
            position,
            events,
            consumed,
            starts,
            messages,
            queries,
            items,
            attributes: Vec::new(),
            answers,
            tasks,
            withdrawn,
            next,
            held,
            claim,
            clears,
        };
        assert_eq!(self.store.commit(0, Uuid::nil(), &[other]).await?, [Committed::Done]);
        Ok(())
    }
}

fn has_result(record: &Record, activity: &str) -> bool {
    let events = journal::decode(0, &record.events).unwrap_or_default();
    events.iter().any(|recorded| match &recorded.event {
        Event::ActivityCompleted { step, .. } => step.name == activity,
        _ => false,
    })
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the connection broke")
}

/// The verbs of workers fail where a test says so.
macro_rules! meddled {
    ($store:ident claim($claim:ident)) => { Box::pin($store.claimed($claim)) };
    ($store:ident commit($($given:ident),*)) => { Box::pin($store.meddle($($given),*)) };
    ($store:ident writers()) => { $store.store.writers() };
    ($store:ident $verb:ident($($given:ident),*)) => {
        Box::pin(async move {
            $store.check(stringify!($verb))?;
            $store.store.$verb($($given),*).await
        })
    };
}

forward_store!(ClientStore for Meddler);
forward_store!(WorkerStore for Meddler, meddled);
forward_store!(Inspect for Meddler);
forward_store!(Operate for Meddler);

impl Hub for Meddler {
    /// Hints may be lost, so all of them are.
    fn publish(&self, _: Hint) {}

    fn subscribe(&self) -> Option<UnboundedReceiver<Hint>> {
        None
    }
}

impl Store for Meddler {
    fn as_any(&self) -> &dyn Any {
        self.store.as_any()
    }
}
