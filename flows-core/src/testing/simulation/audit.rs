//! What must hold when a schedule is over: no run is lost, every journal is whole and replays, no
//! message was lost or doubled, and the runs ended as they do when nothing goes wrong.

use std::collections::BTreeMap;

use super::schedule::{Plan, result_of};
use super::script::{Client, PlannedMessage, id_of};
use super::trace::short;
use super::world::World;
use crate::engine::History;
use crate::error::{Error, ErrorKind, ErrorRecord};
use crate::ids::RunKey;
use crate::journal::Event;
use crate::replay::Envelope;
use crate::store::traits::*;
use crate::store::{Activation, Outcome, Placement, RunStatus};
use crate::testing::replay::{WhenEnded, check as replays};

/// How a start ended, as a schedule without faults has it too.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunEnd {
    pub(super) status: RunStatus,
    /// Its output, or its error's message.
    pub(super) with: Option<String>,
    /// What it has published for queries, in the end.
    pub(super) published: BTreeMap<String, String>,
}

/// Checks everything; gives how each start has ended.
pub(super) async fn check(
    plan: &Plan,
    world: &World,
    clients: Vec<Client>,
    usual: Option<&[RunEnd]>,
) -> Result<Vec<RunEnd>, String> {
    for (run, status) in world.store.all() {
        let history = journal(world, &run, status)?;
        activities(world, run.key, &history)?;
        cancellations(world, &history)?;
        placement(world, run.key, status).await?;
    }
    let mut all = Vec::new();
    for (number, client) in clients.into_iter().enumerate() {
        messages(plan, world, number, &client).await?;
        let ended = end(world, number).await?;
        agrees(&ended, client).await?;
        if let Some(usual) = usual.map(|usual| &usual[number])
            && !plan.starts[number].any_outcome
            && *usual != ended
        {
            return Err(format!(
                "`{}` has ended otherwise than without faults\n  usual: {}\n  now:   {}",
                id_of(number),
                usual.in_words(),
                ended.in_words()
            ));
        }
        all.push(ended);
    }
    Ok(all)
}

impl RunEnd {
    fn in_words(&self) -> String {
        let with = self.with.as_deref().unwrap_or("nothing");
        match &self.published {
            published if published.is_empty() => format!("{} with {with}", self.status),
            published => format!("{} with {with}, having published {published:?}", self.status),
        }
    }
}

/// A journal has a beginning, no gap, one end, and replays.
fn journal(world: &World, run: &Activation, status: RunStatus) -> Result<History, String> {
    let name = short(run.key);
    let history =
        History::of_activation(run, status).map_err(|error| format!("{name}: {error}"))?;
    let events = || history.events.iter().map(|entry| &entry.recorded.event);
    let ends = events().filter(|event| event.is_run_end()).count();
    if ends != usize::from(!status.is_open()) {
        return Err(format!("{name} is {status} and its journal has {ends} ends"));
    }
    let begins =
        matches!(events().next(), None | Some(Event::RunStarted | Event::RunTerminated { .. }));
    if !begins {
        return Err(format!("the journal of {name} does not begin with its first turn"));
    }
    replays(&world.registry, &history, WhenEnded::Same).map_err(|error| error.to_string())?;
    Ok(history)
}

/// What was recorded has happened.
fn activities(world: &World, run: RunKey, history: &History) -> Result<(), String> {
    for entry in &history.events {
        if let Some(op) = entry.recorded.event.ended_activity()
            && world.invocations(run, op) == 0
            && matches!(entry.recorded.event, Event::ActivityCompleted { .. })
        {
            return Err(format!("#{op} of {} has a result and was never invoked", short(run)));
        }
    }
    Ok(())
}

/// A child that was asked to cancel has ended, or has heard of it.
fn cancellations(world: &World, history: &History) -> Result<(), String> {
    let events = || history.events.iter().map(|entry| &entry.recorded.event);
    for event in events() {
        let Event::ChildCancelRequested { op: asked } = event else { continue };
        let child = events().find_map(|event| match event {
            Event::ChildStarted { step, run } if step.op == *asked => Some(*run),
            _ => None,
        });
        let key = RunKey::of_run(history.tenant_id, child.unwrap_or_default());
        let Some((run, status)) = world.store.stored(key).filter(|(_, it)| it.is_open()) else {
            continue;
        };
        let child = History::of_activation(&run, status).map_err(|error| error.to_string())?;
        let heard = |event: &Event| matches!(event, Event::CancelRequested { .. });
        if !child.events.iter().any(|entry| heard(&entry.recorded.event)) {
            return Err(format!("{} was asked to cancel and has not heard of it", short(key)));
        }
    }
    Ok(())
}

/// An open run waits for what it should, and nobody holds it who is not there.
async fn placement(world: &World, run: RunKey, status: RunStatus) -> Result<(), String> {
    if !status.is_open() {
        return Ok(());
    }
    let view = world.store.describe(run).await.map_err(|error| error.to_string())?;
    match view.and_then(|view| view.placement) {
        Some(Placement::Parked { stuck: None, .. }) => Ok(()),
        Some(Placement::Parked { stuck: Some(why), .. }) => {
            Err(format!("{} is stuck: {why}", short(run)))
        }
        other => Err(format!("{} is lost: its placement is {other:?}", short(run))),
    }
}

/// The runs of a start: the first, and those that went on in its place.
async fn chain(world: &World, number: usize) -> Result<Vec<RunKey>, String> {
    let all = world.store.all();
    let id = id_of(number);
    let of_start = all.iter().filter(|(run, _)| run.spec.workflow_id.as_deref() == Some(&*id));
    let mut keys: Vec<_> = of_start.map(|(run, _)| run.key).collect();
    let mut ordered = Vec::new();
    let views = |key| world.store.describe(key);
    let mut next = None;
    for key in &keys {
        let view = views(*key).await.map_err(|error| error.to_string())?;
        if view.is_some_and(|view| view.spec.predecessor.is_none()) {
            next = Some(*key);
        }
    }
    while let Some(key) = next.filter(|key| keys.contains(key)) {
        keys.retain(|other| *other != key);
        ordered.push(key);
        let view = views(key).await.map_err(|error| error.to_string())?;
        next = view.and_then(|view| view.successor).map(|run| RunKey { run, ..key });
    }
    if ordered.is_empty() || !keys.is_empty() || next.is_some() {
        return Err(format!("`{id}` was started and is lost: {} runs of it", ordered.len()));
    }
    Ok(ordered)
}

/// Every acknowledged signal was received once, in order; what was not received waits, or went
/// with the run that ended.
async fn messages(
    plan: &Plan,
    world: &World,
    number: usize,
    client: &Client,
) -> Result<(), String> {
    let messages = &plan.starts[number].messages;
    let sent = signals_of(&messages[..client.sent]);
    let acknowledged = signals_of(&messages[..client.acknowledged]);
    let runs = chain(world, number).await?;
    let (mut received, mut updates) = (Vec::new(), Vec::new());
    for key in &runs {
        let Some((run, status)) = world.store.stored(*key) else { continue };
        let history = History::of_activation(&run, status).map_err(|error| error.to_string())?;
        updates.extend(updates_of(&history));
        let of_run: Vec<_> = signals(&history).collect();
        if !is_subsequence(&of_run, &sent) {
            return Err(format!("{} has received {of_run:?} of the signals {sent:?}", short(*key)));
        }
        if *key == runs[0] && !sent.starts_with(&of_run) {
            return Err(format!("{} has missed a signal: {of_run:?} of {sent:?}", short(*key)));
        }
        received.extend(of_run);
        if status.is_open() && acknowledged.iter().any(|signal| !received.contains(signal)) {
            return Err(format!(
                "{} waits and has only {received:?} of the signals {acknowledged:?}",
                short(*key)
            ));
        }
    }
    updates.sort_unstable();
    match updates.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => {
            Err(format!("an update of `{}` is in two events: {:?}", id_of(number), twice[0]))
        }
        None => Ok(()),
    }
}

/// The updates that were received, and those that were answered.
fn updates_of(history: &History) -> impl Iterator<Item = (&'static str, String)> {
    history.events.iter().filter_map(|entry| match &entry.recorded.event {
        Event::UpdateReceived { payload, .. } | Event::UpdateTaken { payload, .. } => {
            Some(("received", payload.decode::<Envelope>().ok()?.id))
        }
        Event::UpdateReplied { id, .. } => Some(("answered", id.clone())),
        _ => None,
    })
}

fn signals_of(messages: &[PlannedMessage]) -> Vec<(String, String)> {
    let signal = |message: &PlannedMessage| match message {
        PlannedMessage::Signal(name, payload) => Some((name.clone(), payload.get().to_owned())),
        PlannedMessage::Update(..) | PlannedMessage::Cancel | PlannedMessage::Terminate => None,
    };
    messages.iter().filter_map(signal).collect()
}

fn signals(history: &History) -> impl Iterator<Item = (String, String)> {
    history.events.iter().filter_map(|entry| match &entry.recorded.event {
        Event::SignalReceived { name, payload } => {
            Some((name.clone(), payload.as_json().unwrap_or_default().to_owned()))
        }
        _ => None,
    })
}

fn is_subsequence<T: PartialEq>(part: &[T], whole: &[T]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|wanted| whole.any(|found| found == wanted))
}

/// How a start has ended.
async fn end(world: &World, number: usize) -> Result<RunEnd, String> {
    let runs = chain(world, number).await?;
    let last = runs.last().copied().into_iter().collect::<Vec<_>>();
    let published = runs.last().map(|run| world.store.published(*run)).unwrap_or_default();
    let outcomes = world.store.outcomes(&last).await.map_err(|error| error.to_string())?;
    let Some((_, Outcome { status, output, error, .. })) = outcomes.into_iter().next() else {
        return Ok(RunEnd { status: RunStatus::Running, with: None, published });
    };
    let message = match error.map(|json| (serde_json::from_str::<ErrorRecord>(&json), json)) {
        Some((Ok(record), _)) => Some(expected(Error::from(record))?),
        Some((Err(_), json)) => Some(json),
        None => None,
    };
    Ok(RunEnd { status, with: output.or(message), published })
}

/// An error's message. That the simulation lacks something is no way to end.
fn expected(error: Error) -> Result<String, String> {
    match error.kind() {
        ErrorKind::Configuration => Err(error.to_string()),
        _ => Ok(error.message().to_owned()),
    }
}

/// The client that waits for the result has it, and it is the same.
async fn agrees(ended: &RunEnd, client: Client) -> Result<(), String> {
    if ended.status.is_open() {
        client.result.abort();
        return Ok(());
    }
    let Some(result) = result_of(client).await else {
        return Err("a run has ended and its client still waits for the result".to_owned());
    };
    let told = match result {
        Ok(output) => output.get().to_owned(),
        Err(error) => error.message().to_owned(),
    };
    let json = ended.with.as_deref().unwrap_or("null");
    if ended.status == RunStatus::Completed && json == told
        || ended.status != RunStatus::Completed && ended.with.as_deref() == Some(&*told)
    {
        return Ok(());
    }
    Err(format!("a client was told `{told}` of a run that is {}", ended.in_words()))
}

/// Why a schedule has not come to its end.
pub(super) async fn unsettled(plan: &Plan, world: &World, clients: usize) -> String {
    let mut open = Vec::new();
    for (run, status) in world.store.all() {
        if status.is_open()
            && let Ok(Some(view)) = world.store.describe(run.key).await
        {
            let (name, place) = (&run.spec.workflow, view.placement);
            open.push(format!("\n  {} of `{name}`: {place:?}", short(run.key)));
        }
    }
    format!(
        "after {:?} of virtual time something has not come to its end: {clients} clients, {} open \
         runs{}",
        plan.limit,
        open.len(),
        open.concat()
    )
}
