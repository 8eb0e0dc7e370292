//! What the clients of a schedule do: they start runs and send messages, and try again for as long as
//! the network fails them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::process::{SimProcess, injected, is_injected};
use super::world::World;
use crate::context::Update;
use crate::definition::Workflow;
use crate::engine::{Execution, SignalWithStart, Start, Tenant};
use crate::error::{Error, ErrorKind, Result};
use crate::payload::Payload;
use crate::store::ConflictPolicy;
use crate::testing::as_text::AsText;

/// A run to start, and what is sent to it.
#[derive(Clone)]
pub(super) struct PlannedRun {
    start: StartFn,
    signal: SendingFn,
    input: Payload,
    pub(super) messages: Vec<PlannedMessage>,
    pub(super) any_outcome: bool,
}

type StartFn = fn(&Tenant, Payload, &str) -> StartFuture;
type StartFuture = Pin<Box<dyn Future<Output = Result<Execution<AsText>>> + Send>>;

/// What a client sends to a run.
#[derive(Clone)]
pub(super) enum PlannedMessage {
    Signal(String, Box<RawValue>),
    Update(UpdateFn, Payload),
    Cancel,
    Terminate,
}

impl PlannedRun {
    pub(super) fn new<W: Workflow>(input: &W::Input) -> Result<Self> {
        Ok(Self {
            start: start::<W>,
            signal: signal_with_start::<W>,
            input: Payload::json(input)?,
            messages: Vec::new(),
            any_outcome: false,
        })
    }
}

fn start<W: Workflow>(tenant: &Tenant, input: Payload, id: &str) -> StartFuture {
    let start = Start::<W>::of_payload(tenant, input).id(id);
    let start = start.on_conflict(ConflictPolicy::UseExisting);
    Box::pin(async move { Ok(start.await?.typed()) })
}

pub(super) type UpdateFn = fn(Execution<AsText>, Payload, String) -> SendingFuture;

/// Sends an update until it is answered, twice: the answers are the same.
pub(super) fn update<U: Update>(
    exec: Execution<AsText>,
    request: Payload,
    key: String,
) -> SendingFuture {
    Box::pin(async move {
        let mut answers = Vec::new();
        for _ in 0..2 {
            let answer = exec.update(request.decode::<U>()?).dedup(&key).await;
            answers.push(match answer {
                Ok(reply) => format!("{:?}", Payload::json(&reply)?),
                Err(error)
                    if matches!(error.kind(), ErrorKind::Rejected | ErrorKind::Unanswered) =>
                {
                    error.message().to_owned()
                }
                Err(error) => return Err(error),
            });
        }
        match answers[0] == answers[1] {
            true => Ok(()),
            false => Err(Error::terminal(format!("an update has two answers: {answers:?}"))),
        }
    })
}

type SendingFn = fn(&Tenant, Payload, &str, &KeyedSignal) -> SendingFuture;
type SendingFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A signal of a client, and its key.
struct KeyedSignal {
    name: String,
    payload: Box<RawValue>,
    key: String,
}

fn signal_with_start<W: Workflow>(
    tenant: &Tenant,
    input: Payload,
    id: &str,
    signal: &KeyedSignal,
) -> SendingFuture {
    let start = Start::<W>::of_payload(tenant, input);
    let send = SignalWithStart::new(start, signal.name.clone(), &signal.payload);
    let send = send.id(id).dedup(&signal.key);
    Box::pin(async move { send.await.map(drop) })
}

/// What came of a start, as its client knows it.
pub(super) struct Client {
    /// How many of its messages it has begun to send, in order.
    pub(super) sent: usize,
    /// How many of them were acknowledged.
    pub(super) acknowledged: usize,
    /// The run's result.
    pub(super) result: tokio::task::JoinHandle<Result<Box<RawValue>>>,
}

/// Starts a run, and sends its messages.
pub(super) async fn play(
    world: Arc<World>,
    tenant: Tenant,
    number: usize,
    begin: PlannedRun,
) -> Result<Client> {
    tokio::time::sleep(world.chance.pause(200)).await;
    let id = id_of(number);
    let (exec, there) = persist(&world, || start_somewhere(&world, &tenant, &begin, &id)).await?;
    let result = {
        let (world, exec) = (Arc::clone(&world), exec.clone());
        tokio::spawn(async move {
            if let Some((process, exec)) = there {
                tokio::select! {
                    biased;
                    () = process.ended() => {} // somebody else asks
                    result = persist(&world, || exec.result()) => return result,
                }
            }
            persist(&world, || {
                let exec = exec.clone();
                async move { exec.result().await }
            })
            .await
        })
    };
    let (mut sent, mut acknowledged) = (0, 0);
    for (number, message) in begin.messages.iter().enumerate() {
        tokio::time::sleep(world.chance.pause(1_500)).await;
        sent += 1;
        // what a mutation does to a signal, it does to one that is sent to its run
        let by_id = world.mutation.is_none() && world.chance.one_in(3);
        let sending = || async {
            let key = format!("message-{number}");
            match message.clone() {
                PlannedMessage::Signal(name, payload) if by_id => {
                    let signal = KeyedSignal { name, payload, key };
                    (begin.signal)(&tenant, begin.input.clone(), &id, &signal).await
                }
                message => send(exec.clone(), key, message).await,
            }
        };
        match persist(&world, sending).await {
            // The run has ended, perhaps because an earlier try went through.
            Err(error) if error.kind() == ErrorKind::Closed => break,
            other => other?,
        }
        acknowledged += 1;
    }
    Ok(Client { sent, acknowledged, result })
}

/// Starts a run: by the engine of the clients alone; or by that of a process that has a worker too, which
/// may own the run from the start. Gives that one too, to wait for the result there.
async fn start_somewhere(
    world: &World,
    tenant: &Tenant,
    begin: &PlannedRun,
    id: &str,
) -> Result<(Execution<AsText>, Option<(SimProcess, Execution<AsText>)>)> {
    let input = begin.input.clone();
    let Some((process, engine)) = world.some_process() else {
        return Ok(((begin.start)(tenant, input, id).await?, None));
    };
    let there = engine.tenant(tenant.id());
    let started = tokio::select! {
        biased;
        () = process.ended() => return Err(injected("has lost the process")),
        started = (begin.start)(&there, input, id) => started?,
    };
    Ok((started.through(tenant), Some((process, started))))
}

/// The workflow id of a start.
pub(super) fn id_of(number: usize) -> String {
    format!("run-{number}")
}

async fn send(exec: Execution<AsText>, key: String, message: PlannedMessage) -> Result<()> {
    match message {
        PlannedMessage::Signal(name, payload) => exec.signal(name, &payload).dedup(key).await,
        PlannedMessage::Update(update, request) => update(exec, request, key).await,
        PlannedMessage::Cancel => exec.cancel().await,
        PlannedMessage::Terminate => exec.terminate("the script says so").await,
    }
}

/// Again and again, for as long as it is only the network.
async fn persist<T, F>(world: &World, mut what: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    loop {
        match what().await {
            Err(error) if is_injected(&error) => {
                let pause = world.chance.pause(50).max(Duration::from_millis(1));
                tokio::time::sleep(pause).await;
            }
            other => return other,
        }
    }
}

/// Why a client could not do its part.
pub(super) fn failed(error: &Error) -> String {
    format!("a client's call failed: {error}")
}
