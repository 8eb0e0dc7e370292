//! One transaction of a commit: which statements it takes, and how they are sent.
//!
//! Turns that only append, consume or close are one statement. Starts, messages and parks are
//! further statements of the same transaction, sent without waiting for each other.

use std::collections::HashSet;

use flows_core::ending::refusal_to_parent;
use flows_core::ids::RunKey;
use flows_core::store::{
    Close, CloseChildren, ConflictPolicy, Hint, NewRun, Next, OutgoingMessage, Record, update_token,
};
use futures_util::future::{join, join3, join5};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::{
    Answered, Consumed, Ends, IdTakers, Parks, Queries, Rows, Successors, Tasks, Withdrawn,
};
use crate::attributes::SetAttributes;
use crate::error::Fault;
use crate::link::{Link, Prepared};
use crate::publish_items::Items;
use crate::rows::Keys;
use crate::scope::Scope;
use crate::send::{Answers, Delivery, deliver, deliver_following, follows_in_record, hints};
use crate::sql::{
    ADD_TASKS, ANSWER_UPDATES, APPEND, CLEAR, MOVE_INBOX, PARK, PUBLISH_ITEMS, SEND,
    SET_ATTRIBUTES, SET_QUERIES, START, Sql, TURN, WITHDRAW_TASKS, YIELD_CHILD_IDS,
};
use crate::start::NewRuns;
use crate::tell_children::tell_children;

/// Parameters of a statement whose number is not fixed.
type Values<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// Records that are written together.
pub(super) struct Batch<'a> {
    pub(super) worker: Uuid,
    pub(super) records: &'a [Record],
    pub(super) numbers: &'a [usize],
    rows: Rows<'a>,
    consumed: Consumed,
    ends: Ends<'a>,
    successors: Successors,
    queries: Queries<'a>,
    items: Items<'a>,
    attributes: SetAttributes<'a>,
    answers: Answered<'a>,
    /// By which those who wait for the answers are woken.
    tokens: Vec<Uuid>,
    tasks: Tasks<'a>,
    withdrawn: Withdrawn,
    parks: Parks<'a>,
    parked: Vec<RunKey>,
    messages: Vec<&'a OutgoingMessage>,
    starts: Vec<&'a NewRun>,
    /// Children with a workflow id: another run may have it, so that they are not started.
    named: Vec<&'a NewRun>,
    takers: IdTakers,
    /// Runs that end and have children to be told.
    parents: Vec<(RunKey, &'a Close)>,
    /// Runs that have got further than their setbacks.
    cleared: Keys,
}

/// What a batch did beyond being durable.
#[derive(Default)]
pub(super) struct Written {
    /// The runs that were to be parked and were not.
    pub(super) not_parked: HashSet<RunKey>,
    pub(super) hints: Vec<Hint>,
}

/// The statements of a transaction, ready to be sent.
struct Steps {
    turn: Prepared,
    yields: Option<Prepared>,
    start: Option<Prepared>,
    send: Option<Prepared>,
    inherit: Option<Prepared>,
    park: Option<Prepared>,
    clear: Option<Prepared>,
    set_queries: Option<Prepared>,
    publish: Option<Prepared>,
    set_attributes: Option<Prepared>,
    answer: Option<Prepared>,
    add_tasks: Option<Prepared>,
    withdraw_tasks: Option<Prepared>,
}

/// What the statements answered.
struct Replies {
    started: Vec<Row>,
    sent: Vec<Row>,
    parked: Vec<Row>,
    /// Workers that run what nobody waits for any more.
    withdrawn: Vec<Row>,
}

impl<'a> Batch<'a> {
    /// Records in `stays` are written without what was to become of their runs.
    pub(super) fn new(
        worker: Uuid,
        records: &'a [Record],
        numbers: &'a [usize],
        stays: &HashSet<usize>,
    ) -> Self {
        let mut batch = Self {
            worker,
            records,
            numbers,
            rows: Rows::default(),
            consumed: Consumed::default(),
            ends: Ends::default(),
            successors: Successors::default(),
            queries: Queries::default(),
            items: Items::default(),
            attributes: SetAttributes::default(),
            answers: Answered::default(),
            tokens: Vec::new(),
            tasks: Tasks::default(),
            withdrawn: Withdrawn::default(),
            parks: Parks::default(),
            parked: Vec::new(),
            messages: Vec::new(),
            starts: Vec::new(),
            named: Vec::new(),
            takers: IdTakers::default(),
            parents: Vec::new(),
            cleared: Keys::default(),
        };
        for number in numbers {
            batch.push(&records[*number], stays.contains(number));
        }
        batch
    }

    fn push(&mut self, record: &'a Record, stays: bool) {
        if !record.events.is_empty() {
            self.rows.push(record);
        }
        if record.clears {
            self.cleared.push(record.key);
        }
        record.consumed.iter().for_each(|seq| self.consumed.push(record, *seq));
        record.queries.iter().for_each(|query| self.queries.push(record, query));
        record.items.iter().for_each(|item| self.items.push(record.key, item));
        let set = record.attributes.iter();
        set.for_each(|(name, value)| self.attributes.push(record.key, record.rows(), name, value));
        for answer in &record.answers {
            self.answers.push(record, answer);
            self.tokens.push(update_token(&answer.update));
        }
        record.tasks.iter().for_each(|task| self.tasks.push(record, task));
        record.withdrawn.iter().for_each(|op| self.withdrawn.push(record, *op));
        self.messages.extend(&record.messages);
        self.starts.extend(&record.starts);
        for child in record.starts.iter().filter(|run| may_be_refused(run)) {
            self.named.push(child);
            if child.on_conflict != ConflictPolicy::Reject {
                self.takers.push(child);
            }
        }
        match &record.next {
            Next::Stay => {}
            _ if stays => {}
            Next::Close(close) => {
                self.ends.push(record, close);
                if close.children != CloseChildren::None {
                    self.parents.push((record.key, close));
                }
                if let Some(successor) = close.outcome.successor {
                    self.successors.push(record, successor);
                }
            }
            Next::Park(park) => {
                self.parks.push(record, park);
                self.parked.push(record.key);
            }
        }
    }

    /// Writes the batch; an error means that nothing of it was kept, unless there is no remedy.
    pub(super) async fn write(&self, link: Link<'_>) -> Result<Written, Fault> {
        let is_plain = self.messages.is_empty()
            && self.starts.is_empty()
            && self.parks.keys.is_empty()
            && self.queries.keys.is_empty()
            && self.items.keys.is_empty()
            && self.attributes.is_empty()
            && self.answers.keys.is_empty()
            && self.parents.is_empty()
            && self.tasks.keys.is_empty()
            && self.withdrawn.keys.is_empty()
            && self.cleared.is_empty();
        if is_plain {
            let (sql, values) = self.turn();
            if !self.numbers.is_empty() {
                link.query(sql, &values).await?;
            }
            return Ok(Written::default());
        }
        let steps = self.prepare(link).await?;
        let messages = Delivery::new(self.messages.iter().copied().enumerate().collect());
        let work = self.send_steps(link, &steps, &messages);
        if self.messages.is_empty() && self.named.is_empty() && self.parents.is_empty() {
            let (replies, committed) = join(work, link.command("COMMIT")).await;
            let replies = replies?;
            committed?;
            return Ok(self.written(Vec::new(), &replies));
        }
        let done = work.await;
        self.finish(link, messages, done).await
    }

    /// The one statement that most batches are: a plain insert, if nothing else is to be done.
    fn turn(&self) -> (Sql, Values<'_>) {
        if self.consumed.keys.is_empty() && self.ends.keys.is_empty() {
            return (APPEND, self.rows.params().to_vec());
        }
        let mut values: Values<'_> = vec![&self.worker];
        values.extend(self.rows.params());
        values.extend(self.consumed.params());
        values.extend(self.ends.params());
        (TURN, values)
    }

    async fn prepare(&self, link: Link<'_>) -> Result<Steps, Fault> {
        Ok(Steps {
            turn: link.prepare(self.turn().0).await?,
            yields: prepare_if(link, YIELD_CHILD_IDS, !self.takers.keys.is_empty()).await?,
            start: prepare_if(link, START, !self.starts.is_empty()).await?,
            send: prepare_if(link, SEND, !self.messages.is_empty()).await?,
            inherit: prepare_if(link, MOVE_INBOX, !self.successors.keys.is_empty()).await?,
            park: prepare_if(link, PARK, !self.parks.keys.is_empty()).await?,
            clear: prepare_if(link, CLEAR, !self.cleared.is_empty()).await?,
            set_queries: prepare_if(link, SET_QUERIES, !self.queries.keys.is_empty()).await?,
            publish: prepare_if(link, PUBLISH_ITEMS, !self.items.keys.is_empty()).await?,
            set_attributes: prepare_if(link, SET_ATTRIBUTES, !self.attributes.is_empty()).await?,
            answer: prepare_if(link, ANSWER_UPDATES, !self.answers.keys.is_empty()).await?,
            add_tasks: prepare_if(link, ADD_TASKS, !self.tasks.keys.is_empty()).await?,
            withdraw_tasks: prepare_if(link, WITHDRAW_TASKS, !self.withdrawn.keys.is_empty())
                .await?,
        })
    }

    /// Everything up to COMMIT: runs are started before messages go to them, messages that are sent go
    /// before those that are inherited, and all of them before runs are parked, which may get some.
    async fn send_steps(
        &self,
        link: Link<'_>,
        steps: &Steps,
        messages: &Delivery<'_>,
    ) -> Result<Replies, Fault> {
        let starts = NewRuns::sorted(self.starts.iter().copied());
        let turn = self.turn().1;
        let mut park: Values<'_> = vec![&self.worker];
        park.extend(self.parks.params());
        let (runs, sent, successors) =
            (starts.params(), messages.columns.params(), self.successors.params());
        let (queries, items) = (self.queries.params(), self.items.values());
        let (tasks, withdrawn) = (self.tasks.params(), self.withdrawn.params());
        let attributes = self.attributes.params();
        let set = join(
            send_if(link, steps.set_queries.as_ref(), &queries),
            send_if(link, steps.set_attributes.as_ref(), &attributes),
        );
        let takers = self.takers.params();
        let start = join(
            send_if(link, steps.yields.as_ref(), &takers),
            send_if(link, steps.start.as_ref(), &runs),
        );
        let first = join5(
            link.begin("BEGIN"),
            link.send(&steps.turn, &turn),
            set,
            send_if(link, steps.publish.as_ref(), &items),
            start,
        );
        let tasks = join(
            send_if(link, steps.add_tasks.as_ref(), &tasks),
            send_if(link, steps.withdraw_tasks.as_ref(), &withdrawn),
        );
        let Keys { shards, tenants, runs: cleared } = &self.cleared;
        let clear: Values<'_> = vec![&self.worker, shards, tenants, cleared];
        let mut answer: Values<'_> = vec![&self.worker];
        answer.extend(self.answers.params());
        let then = join5(
            send_if(link, steps.send.as_ref(), &sent),
            send_if(link, steps.inherit.as_ref(), &successors),
            send_if(link, steps.clear.as_ref(), &clear),
            send_if(link, steps.answer.as_ref(), &answer),
            send_if(link, steps.park.as_ref(), &park),
        );
        let (
            (begun, turned, (set, given), published, (yielded, started)),
            (added, withdrawn),
            (sent, inherited, cleared, answered, parked),
        ) = join3(first, tasks, then).await;
        begun?;
        turned?;
        set?;
        given?;
        published?;
        yielded?;
        let started = started?;
        added?;
        let withdrawn = withdrawn?;
        inherited?;
        cleared?;
        answered?;
        Ok(Replies { started, sent: sent?, parked: parked?, withdrawn })
    }

    /// Ends a transaction with messages: those that found no place are looked after first.
    async fn finish(
        &self,
        link: Link<'_>,
        messages: Delivery<'_>,
        done: Result<Replies, Fault>,
    ) -> Result<Written, Fault> {
        let delivered = match done {
            Ok(replies) => self.deliver(link, messages, &replies).await,
            Err(fault) => Err(fault),
        };
        let end = if delivered.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = link.command(end).await;
        let written = delivered?;
        ended?;
        Ok(written)
    }

    async fn deliver(
        &self,
        link: Link<'_>,
        messages: Delivery<'_>,
        replies: &Replies,
    ) -> Result<Written, Fault> {
        let scope = Scope::Internal(link);
        let (mut answers, rest) = messages.read(&replies.sent);
        answers.extend(deliver_following(scope, rest, follows_in_record).await?);
        let mut written = self.written(answers, replies);
        let refusals = self.refusals(&replies.started);
        let told = deliver(scope, refusals.iter().enumerate().collect()).await?;
        written.hints.extend(hints(told, &refusals));
        for (key, close) in &self.parents {
            written.hints.extend(tell_children(scope, *key, close).await?);
        }
        Ok(written)
    }

    /// What the parents are told of children that were not started, though their records are kept.
    fn refusals(&self, started: &[Row]) -> Vec<OutgoingMessage> {
        let started = started.iter().map(|row| row.get("run_id")).collect::<HashSet<Uuid>>();
        let is_refused = |child: &&&NewRun| !started.contains(&child.key.run);
        let refused = self.named.iter().filter(is_refused);
        refused.filter_map(|child| refusal_to_parent(child)).collect()
    }

    fn written(&self, sent: Answers, replies: &Replies) -> Written {
        let parked = replies.parked.iter().map(crate::rows::key).collect::<HashSet<_>>();
        let not_parked = self.parked.iter().copied().filter(|key| !parked.contains(key)).collect();
        let mut hints = hints(sent, &self.messages);
        if !self.tasks.keys.is_empty() {
            let tasks = self.numbers.iter().flat_map(|number| &self.records[*number].tasks);
            hints.push(Hint::Tasks(tasks.map(|task| task.lane).collect()));
        }
        let stopping = replies.withdrawn.iter().filter_map(|row| row.get("worker_id"));
        hints.extend(stopping.map(Hint::Withdrawn));
        if !self.starts.is_empty() {
            hints.push(Hint::Ready(self.starts.iter().map(|run| run.key.shard).collect()));
        }
        if !self.tokens.is_empty() {
            hints.push(Hint::Closed(self.tokens.clone()));
        }
        Written { not_parked, hints }
    }
}

/// Whether it is a child that another run's workflow id may stand in the way of.
fn may_be_refused(run: &NewRun) -> bool {
    run.spec.parent.is_some() && run.spec.workflow_id.is_some() && run.spec.predecessor.is_none()
}

async fn prepare_if(link: Link<'_>, sql: Sql, wanted: bool) -> Result<Option<Prepared>, Fault> {
    if wanted { link.prepare(sql).await.map(Some) } else { Ok(None) }
}

async fn send_if(
    link: Link<'_>,
    prepared: Option<&Prepared>,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Fault> {
    match prepared {
        Some(prepared) => link.send(prepared, values).await,
        None => Ok(Vec::new()),
    }
}
