//! Turns and ends: the journal's fence, and where a run goes behind it.

use uuid::Uuid;

use super::run::{End, PlacementRow, StoredRun};
use super::state::MemoryState;
use crate::ending::ChildAtEnd;
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{
    Close, ClosePolicy, Committed, Hint, InboxMessage, MessageKind, Next, OutgoingMessage, Park,
    QueryValue, Record, no_such_run,
};

impl MemoryState {
    /// [`WorkerStore::commit`](crate::store::WorkerStore::commit). Parking comes last, after all messages.
    pub(super) fn commit(&mut self, worker: Uuid, records: &[Record]) -> Vec<Committed> {
        let answers: Vec<_> = records.iter().map(|r| self.commit_one(worker, r)).collect();
        let settled = answers.into_iter().zip(records);
        settled.map(|(answer, record)| self.park_last(answer, record)).collect()
    }

    /// One record, but for its parking.
    fn commit_one(&mut self, worker: Uuid, record: &Record) -> Committed {
        let Some(run) = self.runs.get_mut(&record.key) else { return Committed::Lost };
        if let Err(answer) = fence(run, worker, record) {
            return answer;
        }
        if let Some(why) = record.too_large() {
            return Committed::Refused(why);
        }
        if !record.events.is_empty() {
            run.append(&record.events, self.now);
        }
        run.inbox.retain(|message| !record.consumed.contains(&message.seq));
        let rows = record.rows();
        for QueryValue { name, value } in &record.queries {
            let newest = run.queries.get(name).is_none_or(|(before, _)| *before <= rows);
            if newest {
                run.queries.insert(name.clone(), (rows, value.clone()));
            }
        }
        if !record.items.is_empty() {
            run.stream.get_or_insert_default().add(&record.items);
        }
        for (name, value) in &record.attributes {
            let newest = run.attributes.get(name).is_none_or(|(before, _)| *before <= rows);
            if newest {
                run.attributes.insert(name.clone(), (rows, value.clone()));
            }
        }
        if record.clears && run.owner() == Some(worker) {
            run.setbacks = 0;
        }
        let is_owner =
            run.owner() == Some(worker) && record.claim.is_none_or(|claim| claim == run.claim());
        let answered = run.answer(&record.answers, is_owner);
        if !answered.is_empty() {
            self.hints.push(Hint::Closed(answered));
        }
        self.side_writes(record);
        if let Next::Close(close) = &record.next {
            self.close(record.key, close);
        }
        Committed::Done
    }

    /// [`ClientStore::terminate`](crate::store::ClientStore::terminate).
    pub(super) fn terminate(
        &mut self,
        key: RunKey,
        record: &[u8],
        close: &Close,
        messages: &[OutgoingMessage],
    ) -> Result<bool> {
        let run = self.runs.get_mut(&key).ok_or_else(|| no_such_run(&key.run.to_string()))?;
        let open = run.is_open();
        if open {
            run.append(record, self.now);
            self.close(key, close);
            self.send_within(messages);
        }
        Ok(open)
    }

    fn side_writes(&mut self, record: &Record) {
        let mut refused = Vec::new();
        for run in &record.starts {
            refused.extend(self.start_within(record.key, run));
        }
        if !record.starts.is_empty() {
            let shards = record.starts.iter().map(|run| run.key.shard).collect();
            self.hints.push(Hint::Ready(shards));
        }
        self.queue_tasks(record);
        self.send_within(&record.messages);
        self.send_within(&refused);
    }

    fn park_last(&mut self, answer: Committed, record: &Record) -> Committed {
        match &record.next {
            Next::Park(park) if answer == Committed::Done => self.park(record.key, park),
            _ => answer,
        }
    }

    fn park(&mut self, key: RunKey, park: &Park) -> Committed {
        if self.runs.get(&key).is_some_and(|run| run.has_news(park)) {
            return Committed::NotParked;
        }
        if let Some(run) = self.runs.get_mut(&key) {
            run.setbacks = park.setbacks;
        }
        self.put(key, Some(PlacementRow::Parked { park: park.clone(), unborn: false }));
        Committed::Done
    }

    pub(super) fn close(&mut self, key: RunKey, close: &Close) {
        self.put(key, None);
        let Some(run) = self.runs.get_mut(&key) else { return };
        let left = match close.outcome.successor {
            Some(_) => std::mem::take(&mut run.inbox),
            None => {
                run.inbox.retain(|message| message.kind == MessageKind::Signal);
                Vec::new()
            }
        };
        let (at, dead) = (self.now, close.outcome.is_dead_letter());
        run.end = Some(End { outcome: close.outcome.clone(), at, dead, dismissed: None });
        let attributes = run.attributes.clone();
        if let Some(successor) = close.outcome.successor {
            let to = RunKey { run: successor, ..key };
            if let Some(run) = self.runs.get_mut(&to) {
                run.attributes
                    .extend(attributes.into_iter().map(|(name, (_, value))| (name, (0, value))));
            }
            let passed_on: Vec<_> =
                left.into_iter().filter_map(|message| passed_on(to, message)).collect();
            self.send_within(&passed_on);
        }
        self.tell_children(key, close);
    }

    /// Tells the open children of a run that it has ended.
    fn tell_children(&mut self, key: RunKey, close: &Close) {
        let policies = close.children.policies();
        let children = match policies {
            [] => None,
            _ => self.children.get(&key),
        };
        let told = |child: &RunKey| {
            let run = self.runs.get(child).filter(|run| run.is_open())?;
            let policy = run.spec.parent?.on_close;
            let told = policies.contains(&policy);
            told.then_some(ChildAtEnd { key: *child, policy })
        };
        let told: Vec<_> = children.into_iter().flatten().filter_map(told).collect();
        for child in told {
            self.send_within(&Vec::from_iter(child.message(&close.outcome)));
            if child.policy == ClosePolicy::Terminate {
                self.retry_stuck(child.key);
            }
        }
    }
}

/// A message that goes over to the run that goes on; what answers an operation does not.
pub(super) fn passed_on(to: RunKey, message: InboxMessage) -> Option<OutgoingMessage> {
    let InboxMessage { kind, name, payload, .. } = message;
    let goes_over = matches!(
        kind,
        MessageKind::Signal | MessageKind::Cancel | MessageKind::Update | MessageKind::Terminate
    );
    goes_over.then_some(OutgoingMessage { to, kind, name, payload, dedup: None })
}

/// Whether the record may be applied. A row is fenced by its position alone; only the owner moves
/// the run.
fn fence(run: &StoredRun, worker: Uuid, record: &Record) -> Result<(), Committed> {
    let claim = match &record.next {
        Next::Close(close) => close.claim,
        _ => None, // another claim does not lose a run that is parked: it stays
    };
    let owner = run.owner() == Some(worker) && claim.is_none_or(|claim| claim == run.claim());
    let next = run.position();
    let appends = !record.events.is_empty();
    if !run.is_open() || (!owner && !matches!(record.next, Next::Stay)) {
        return Err(Committed::Lost);
    }
    match record.position {
        position if appends && position != next => Err(Committed::Lost),
        _ => Ok(()),
    }
}
