//! Records as the columns of `append.sql`, `turn.sql`, `set_queries.sql`, `answer_updates.sql`, `add_tasks.sql`,
//! `withdraw_tasks.sql` and `park.sql`.

use flows_core::store::{
    Close, NewRun, Park, QueryValue, QueuedTask, Record, RunStatus, UpdateAnswer,
};
use uuid::Uuid;

use crate::rows::columns;
use crate::types::Time;

columns! {
    /// Journal rows.
    Rows<'a> from (record: &'a Record), of record.key;
    positions: i32 = record.position;
    events: &'a [u8] = &record.events;
}

columns! {
    /// Messages that leave the inbox.
    Consumed from (record: &Record, seq: i64), of record.key;
    seqs: i64 = seq;
}

columns! {
    /// Runs that end.
    Ends<'a> from (record: &Record, close: &'a Close), of record.key;
    statuses: i16 = close.outcome.status.code();
    outputs: Option<&'a str> = close.outcome.output.as_deref();
    errors: Option<&'a str> = close.outcome.error.as_deref();
    successors: Option<Uuid> = close.outcome.successor;
    dead: bool = close.outcome.is_dead_letter();
    claims: Option<i64> = close.claim;
}

columns! {
    /// Runs that end and have a successor.
    Successors from (record: &Record, successor: Uuid), of record.key;
    successors: Uuid = successor;
}

columns! {
    /// Children that may take their workflow id from a run that has ended.
    IdTakers from (child: &NewRun), of child.key;
    workflow_ids: Option<String> = child.spec.workflow_id.as_deref().map(str::to_owned);
    of_completed: bool = child.on_conflict.replaces(RunStatus::Completed);
}

columns! {
    /// Values for queries.
    Queries<'a> from (record: &Record, query: &'a QueryValue), of record.key;
    names: &'a str = &query.name;
    rows: i32 = record.rows();
    values: &'a str = &query.value;
}

columns! {
    /// Answers to updates.
    Answered<'a> from (record: &Record, answer: &'a UpdateAnswer), of record.key;
    ids: &'a str = &answer.update;
    replies: Option<&'a str> = answer.reply.as_deref().ok();
    errors: Option<&'a str> = answer.reply.as_ref().err().map(String::as_str);
    seqs: Option<i64> = answer.refuses;
    claims: Option<i64> = record.claim;
}

columns! {
    /// Attempts for workers of other queues.
    Tasks<'a> from (record: &Record, task: &'a QueuedTask), of record.key;
    ops: i64 = i64::from(task.op);
    attempts: i32 = i32::try_from(task.attempt).unwrap_or(i32::MAX);
    lanes: i64 = task.lane;
    contents: &'a [u8] = &task.content;
}

columns! {
    /// Operations whose attempts are taken back there.
    Withdrawn from (record: &Record, op: u32), of record.key;
    ops: i64 = i64::from(op);
}

columns! {
    /// Runs that are parked.
    Parks<'a> from (record: &Record, park: &'a Park), of record.key;
    sent: i64 = park.sent;
    wakes: Option<Time> = park.wake_at.map(Time);
    waits: &'a str = park.stuck.as_ref().unwrap_or(&park.waiting_for);
    setbacks: i16 = park.setbacks;
    claims: Option<i64> = park.claim;
}
