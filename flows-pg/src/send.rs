//! `send`: messages to open runs.
//!
//! A run's place is locked before anything is written to its inbox. A message that finds no place
//! is for a run that has ended, or that is on its way from one place to another: then it is sent
//! again, and sees where the run has gone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::marker::PhantomData;
use std::time::Duration;

use flows_core::error::{Error, ErrorKind, Result};
use flows_core::ids::RunKey;
use flows_core::store::{Hint, MessageKind, OutgoingMessage, Sent, no_such_run};
use futures_util::StreamExt;
use futures_util::stream;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::{Fault, Remedy};
use crate::held::{Verb, Write};
use crate::parts::cut;
use crate::rows::{Keys, codec_code, columns};
use crate::scope::Scope;
use crate::sql::{SEND, STATUSES};
use crate::store::Shared;
use crate::tenant::Wait;

/// Transactions of one call that are under way at the same time.
const TENANTS_AT_ONCE: usize = 8;
/// How often a message is sent to a run that does not hold still.
const ROUNDS: usize = 100;
const PAUSE: Duration = Duration::from_millis(1);

/// Messages that are still to be delivered, with their numbers.
pub(crate) type Open<'a> = Vec<(usize, &'a OutgoingMessage)>;
/// Answers, by the messages' numbers.
pub(crate) type Answers = Vec<(usize, Result<Sent>)>;

impl Shared {
    pub(crate) async fn send(&self, messages: &[OutgoingMessage]) -> Result<Vec<Result<Sent>>> {
        let mut tenants = BTreeMap::<Uuid, Open<'_>>::new();
        for (number, message) in messages.iter().enumerate() {
            tenants.entry(message.to.tenant).or_default().push((number, message));
        }
        let mut groups = Vec::new();
        for (tenant, open) in tenants {
            let parts = cut(open, |(_, message)| message.payload.len() + message.name.len());
            groups.push(self.send_tenant(tenant, parts));
        }
        let groups = stream::iter(groups).buffer_unordered(TENANTS_AT_ONCE);
        let mut answers: Answers = groups.concat().await;
        answers.sort_unstable_by_key(|(number, _)| *number);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    /// Sends the messages of one tenant, part by part: messages to a run arrive in order.
    async fn send_tenant(&self, tenant: Uuid, parts: Vec<Open<'_>>) -> Answers {
        let mut answers = Answers::new();
        for part in parts {
            answers.extend(self.send_part(tenant, part).await);
        }
        answers
    }

    /// A message that cannot be stored does not harm the others.
    async fn send_part(&self, tenant: Uuid, open: Open<'_>) -> Answers {
        let scope = Scope::Autocommit(self, tenant, Wait::Moment);
        let delivered = match deliver(scope, open.clone()).await {
            Err(fault) if fault.remedy() == Remedy::Blocked => {
                self.deliver_around(tenant, open.clone()).await
            }
            delivered => delivered,
        };
        match delivered {
            Ok(answers) => answers,
            Err(fault) if fault.remedy() == Remedy::Data && open.len() > 1 => {
                let mut answers = Answers::new();
                for message in open {
                    let answer = deliver(scope, vec![message]).await;
                    answers.extend(answer.unwrap_or_else(|fault| failed(&[message], fault)));
                }
                answers
            }
            Err(fault) => failed(&open, fault),
        }
    }

    /// Delivers messages to runs that nobody holds. To one that is held nothing goes: its messages keep
    /// their order.
    async fn deliver_around(&self, tenant: Uuid, open: Open<'_>) -> Result<Answers, Fault> {
        let mut runs = BTreeMap::<RunKey, Open<'_>>::new();
        open.into_iter()
            .for_each(|(at, message)| runs.entry(message.to).or_default().push((at, message)));
        let runs = runs.into_values().collect::<Vec<_>>();
        let around = self.around(tenant, &runs, Deliver(PhantomData)).await?;
        let mut answers = around.written.concat();
        answers.extend(held(&around.held.concat()));
        Ok(answers)
    }

    pub(crate) async fn send_held(
        &self,
        message: &OutgoingMessage,
        limit: Duration,
    ) -> Result<Sent> {
        let answers = self.wait_apart(message.to.tenant, limit, SendOne(message)).await?;
        let answers = answers.unwrap_or_else(|| held(&[(0, message)]));
        let answer = answers.into_iter().next().map(|(_, answer)| answer);
        answer.unwrap_or_else(|| Err(no_such_run(&message.to.run.to_string())))
    }
}

/// Delivers the messages of some runs.
struct Deliver<'a>(PhantomData<&'a OutgoingMessage>);

impl<'a> Write for Deliver<'a> {
    type Item = Open<'a>;
    type Done = Answers;

    async fn write(&self, scope: Scope<'_>, part: &[Open<'a>]) -> Result<Answers, Fault> {
        deliver(scope, part.concat()).await
    }
}

struct SendOne<'a>(&'a OutgoingMessage);

impl Verb for SendOne<'_> {
    type Done = Answers;

    async fn run(&self, scope: Scope<'_>) -> Result<Answers, Fault> {
        deliver(scope, vec![(0, self.0)]).await
    }
}

/// The answers to messages for runs that somebody holds.
fn held(open: &[(usize, &OutgoingMessage)]) -> Answers {
    open.iter().map(|(number, _)| (*number, Ok(Sent::Held))).collect()
}

/// An error of a transaction is the answer to all that were in it.
fn failed(open: &[(usize, &OutgoingMessage)], fault: Fault) -> Answers {
    let error = Error::from(fault);
    open.iter().map(|(number, _)| (*number, Err(error.clone()))).collect()
}

/// Sends messages until each has an answer.
pub(crate) async fn deliver(scope: Scope<'_>, open: Open<'_>) -> Result<Answers, Fault> {
    if open.is_empty() {
        return Ok(Answers::new());
    }
    let delivery = Delivery::new(open);
    let rows = scope.query(SEND, &delivery.columns.params()).await?;
    let (mut answers, rest) = delivery.read(&rows);
    answers.extend(deliver_rest(scope, rest).await?);
    Ok(answers)
}

/// Sends messages that found no place.
async fn deliver_rest(scope: Scope<'_>, open: Open<'_>) -> Result<Answers, Fault> {
    deliver_following(scope, open, follows_alone).await
}

/// Which messages go to the run that has gone on in place of the one they were for.
type Follows = fn(Scope<'_>, &OutgoingMessage) -> bool;

/// Of a record's messages, all but the ends of children.
pub(crate) fn follows_in_record(_: Scope<'_>, message: &OutgoingMessage) -> bool {
    message.kind != MessageKind::ChildClosed
}

/// Of others, requests to end that go with something else. Whoever sends alone is told that the run has
/// ended, and looks for itself.
fn follows_alone(scope: Scope<'_>, message: &OutgoingMessage) -> bool {
    matches!(message.kind, MessageKind::Cancel | MessageKind::Terminate)
        && matches!(scope, Scope::Internal(_))
}

/// Sends messages that found no place, some of them to the runs that have gone on.
pub(crate) async fn deliver_following(
    scope: Scope<'_>,
    mut open: Open<'_>,
    follows: Follows,
) -> Result<Answers, Fault> {
    let mut answers = Answers::new();
    for _ in 0..ROUNDS {
        let Ended { answered, moved } = match ended(scope, &open, follows).await {
            Err(fault) if is_held(scope, &fault) => {
                answers.extend(held(&open));
                return Ok(answers);
            }
            ended => ended?,
        };
        open.retain(|(number, _)| !answered.iter().any(|(done, _)| done == number));
        answers.extend(answered);
        answers.extend(follow(scope, &mut open, moved, follows).await?);
        if open.is_empty() {
            return Ok(answers);
        }
        let delivery = Delivery::new(open);
        let rows = match scope.query(SEND, &delivery.columns.params()).await {
            Err(fault) if is_held(scope, &fault) => {
                answers.extend(held(&delivery.open));
                return Ok(answers);
            }
            rows => rows?,
        };
        let (placed, rest) = delivery.read(&rows);
        answers.extend(placed);
        open = rest;
        tokio::time::sleep(if open.is_empty() { Duration::ZERO } else { PAUSE }).await;
    }
    Err(Error::new(
        ErrorKind::Unavailable,
        "could not deliver a message: its run kept changing state; try again",
    )
    .into())
}

/// Sends messages to the runs that have gone on in the place of those they were for.
async fn follow(
    scope: Scope<'_>,
    open: &mut Open<'_>,
    moved: Vec<(usize, OutgoingMessage)>,
    follows: Follows,
) -> Result<Answers, Fault> {
    if moved.is_empty() {
        return Ok(Answers::new());
    }
    open.retain(|(number, _)| !moved.iter().any(|(gone, _)| gone == number));
    let delivery =
        Delivery::new(moved.iter().map(|(number, message)| (*number, message)).collect());
    let rows = scope.query(SEND, &delivery.columns.params()).await?;
    let (mut answers, rest) = delivery.read(&rows);
    answers.extend(Box::pin(deliver_following(scope, rest, follows)).await?);
    Ok(answers)
}

/// Whether that is the answer to messages whose statement is a transaction of its own: what was sent
/// before is committed.
fn is_held(scope: Scope<'_>, fault: &Fault) -> bool {
    matches!(scope, Scope::Autocommit(..)) && fault.remedy() == Remedy::Blocked
}

/// Who should hear of messages that went out with something else: nobody else tells them.
pub(crate) fn hints(
    sent: Answers,
    messages: &[impl std::borrow::Borrow<OutgoingMessage>],
) -> Vec<Hint> {
    let hint = |(number, sent): (usize, Result<Sent>)| match sent.ok()? {
        Sent::ToOwner(worker) => Some(Hint::Messages(worker)),
        Sent::ToReady => Some(Hint::Woken(vec![messages[number].borrow().to])),
        Sent::Kept | Sent::Duplicate | Sent::Held => None,
    };
    sent.into_iter().filter_map(hint).collect()
}

/// What becomes of messages for runs that are not open.
#[derive(Default)]
struct Ended {
    answered: Answers,
    /// They go to other runs.
    moved: Vec<(usize, OutgoingMessage)>,
}

async fn ended(scope: Scope<'_>, open: &Open<'_>, follows: Follows) -> Result<Ended, Fault> {
    let mut ended = Ended::default();
    if open.is_empty() {
        return Ok(ended);
    }
    let keys = open.iter().map(|(_, message)| message.to).collect::<Keys>();
    let rows = scope.query(STATUSES, &[&keys.shards, &keys.tenants, &keys.runs]).await?;
    let status = |at: usize| {
        let row = rows.iter().find(|row| usize::try_from(row.get::<_, i64>("run")) == Ok(at + 1));
        let status = row.map(crate::rows::status).transpose()?;
        Ok::<_, Fault>(status.zip(row).map(|(status, row)| (status, row.get("successor"))))
    };
    for (at, (number, message)) in open.iter().enumerate() {
        match status(at)? {
            None => ended.answered.push((*number, Err(no_such_run(&message.to.run.to_string())))),
            Some((status, _)) if status.is_open() => {}
            Some((_, Some(successor))) if follows(scope, message) => {
                let to = RunKey { run: successor, ..message.to };
                ended
                    .moved
                    .push((*number, OutgoingMessage { to, ..OutgoingMessage::clone(message) }));
            }
            Some((status, _)) => ended.answered.push((*number, Err(closed(message.to, status)))),
        }
    }
    Ok(ended)
}

fn closed(run: RunKey, status: flows_core::store::RunStatus) -> Error {
    let message = format!("run {} has ended ({status}): it accepts no more messages", run.run);
    Error::new(ErrorKind::Closed, message)
}

columns! {
    /// Messages as the columns of `send.sql`.
    Messages<'a> from (message: &'a OutgoingMessage), of message.to;
    kinds: i16 = message.kind.code();
    names: &'a str = &message.name;
    codecs: i16 = codec_code(message.payload.codec());
    payloads: &'a [u8] = message.payload.bytes();
    dedups: Option<&'a str> = message.dedup.as_deref();
}

/// Messages that are sent together.
pub(crate) struct Delivery<'a> {
    open: Open<'a>,
    pub(crate) columns: Messages<'a>,
}

impl<'a> Delivery<'a> {
    /// Sorted by run, so that two batches cannot lock each other; messages to one run keep their
    /// order.
    pub(crate) fn new(mut open: Open<'a>) -> Self {
        open.sort_by_key(|(_, message)| message.to);
        let mut columns = Messages::default();
        open.iter().for_each(|(_, message)| columns.push(message));
        Self { open, columns }
    }

    /// The answers in the rows, and the messages that found no place.
    pub(crate) fn read(self, rows: &[Row]) -> (Answers, Open<'a>) {
        let (mut placed, mut received) = (HashMap::new(), HashSet::new());
        for row in rows {
            match row.get::<_, Option<i64>>("received") {
                Some(number) => {
                    received.insert(number);
                }
                None => {
                    placed.insert(run_of(row), sent(row));
                }
            }
        }
        let (mut answers, mut rest) = (Answers::new(), Open::new());
        for (at, (number, message)) in (1..).zip(self.open) {
            match placed.get(&(message.to.tenant, message.to.run)) {
                _ if received.contains(&at) => answers.push((number, Ok(Sent::Duplicate))),
                Some(sent) => answers.push((number, Ok(sent.clone()))),
                None => rest.push((number, message)),
            }
        }
        (answers, rest)
    }
}

/// What a message to the place in this row has come to.
fn sent(row: &Row) -> Sent {
    match row.get::<_, Option<Uuid>>("worker_id") {
        Some(worker) => Sent::ToOwner(worker),
        None if row.get("kept") => Sent::Kept,
        None => Sent::ToReady,
    }
}

fn run_of(row: &Row) -> (Uuid, Uuid) {
    (row.get("tenant_id"), row.get("run_id"))
}
