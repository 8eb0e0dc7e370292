//! A run on a stage: its code does as it is told, and what comes of each step is written down in words.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use expect_test::Expect;
use uuid::Uuid;

use super::super::{
    Code, CodeCall, CodeReturned, Effect, Fresh, Input, Phase, ResultRequest, Rules, Run, RunStep,
};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::journal::{self, Event, Recorded, StepId, StoredError};
use crate::payload::Payload;
use crate::replay::{ActivityStart, ActivityTask, Command, Overrides, PendingAttempt, Turn};
use crate::store::{
    Activation, CloseChildren, InboxMessage, MessageKind, Next, Page, QueryValue, Record, RunSpec,
    TransactionOutcome, UpdateAnswer,
};
use crate::time::Timestamp;

/// When each story begins.
pub(super) const BEGIN: Timestamp = Timestamp(1_700_000_000_000_000);
/// The run of each story.
pub(super) const KEY: RunKey = RunKey { shard: 3, tenant: Uuid::nil(), run: Uuid::from_u128(3) };

/// Code that does as it is told.
#[derive(Debug, Clone)]
pub(super) struct Fake {
    pub(super) wants: bool,
    pub(super) now: Timestamp,
    pub(super) read_clock: bool,
    pub(super) cancelled: Option<&'static str>,
    pub(super) unreceived: Vec<(&'static str, usize)>,
    pub(super) awaits: &'static [&'static str],
    pub(super) expects_messages: bool,
    pub(super) open: Vec<ActivityStart>,
    pub(super) children: Vec<Command>,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            wants: true,
            now: BEGIN,
            read_clock: false,
            cancelled: None,
            unreceived: Vec::new(),
            awaits: &[],
            expects_messages: true,
            open: Vec::new(),
            children: Vec::new(),
        }
    }
}

impl Code for Fake {
    fn called_before_failure(&self) -> u32 {
        0
    }

    fn wants(&self, _: &Event) -> bool {
        self.wants
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn has_read_clock(&self) -> bool {
        self.read_clock
    }

    fn was_cancelled(&self) -> bool {
        self.cancelled.is_some()
    }

    fn unnoticed_cancellation(&self) -> Option<String> {
        self.cancelled.map(str::to_owned)
    }

    fn unreceived_signals(&self) -> Vec<(String, Payload)> {
        let signal = |(name, bytes): &(&str, usize)| ((*name).to_owned(), text(*bytes));
        self.unreceived.iter().map(signal).collect()
    }

    fn unreceived_bytes(&self) -> usize {
        self.unreceived.iter().map(|(_, bytes)| bytes).sum()
    }

    fn awaited_signals(&self) -> Vec<String> {
        self.awaits.iter().map(|name| (*name).to_owned()).collect()
    }

    fn open_attempt(&self, op: u32) -> Option<ActivityStart> {
        self.open.iter().find(|start| start.task.op == op).cloned()
    }

    fn scheduled(&self, _: u32) {}

    fn awaits_update(&self, name: &str) -> bool {
        self.awaits.contains(&name)
    }

    fn offer(&self, _: i64, _: String, _: Payload) {}

    fn expects_messages(&self) -> bool {
        self.expects_messages
    }

    fn waiting_for(&self) -> String {
        "something".to_owned()
    }

    fn close_children(&self) -> CloseChildren {
        CloseChildren::None
    }

    fn cancel_children(&self) -> Turn {
        let mark = recorded(Event::ChildCancelRequested { op: 0 });
        Turn { marks: vec![mark; self.children.len()], ..turn(self.children.clone()) }
    }
}

pub(super) fn text(bytes: usize) -> Payload {
    Payload::json(&"x".repeat(bytes)).expect("a text")
}

/// A run, its worker's rules, and the time.
pub(super) struct Stage {
    pub(super) run: Run<Fake>,
    pub(super) rules: Rules,
    pub(super) now: Timestamp,
    /// What the code is, the next time it comes back.
    pub(super) fake: Fake,
    /// Records that were taken and not answered.
    pub(super) sent: Vec<Record>,
    told: String,
}

/// The rules of its worker.
pub(super) fn rules() -> Rules {
    Rules {
        payload_limit: 1_000,
        resident_for: Duration::from_secs(30),
        retry_stuck: Duration::from_secs(300),
        max_setbacks: 3,
        is_draining: false,
        free_slots: 2,
    }
}

/// What the run is.
pub(super) fn spec() -> RunSpec {
    RunSpec {
        workflow_id: Some("order-1".into()),
        workflow: "order".into(),
        version: 1,
        queue: "default".into(),
        priority: 0,
        input: "{}".into(),
        attempt: 1,
        retry: None,
        timeout: None,
        parent: None,
        predecessor: None,
        headers: Default::default(),
    }
}

/// A new run, owned from its start.
pub(super) fn new_run() -> Activation {
    Activation {
        key: KEY,
        spec: Arc::new(spec()),
        started_at: BEGIN,
        journal: Vec::new(),
        inbox: Vec::new(),
        more: None,
        unread: false,
        claim: 7,
        is_new: true,
        setbacks: 0,
    }
}

/// A run with a journal of so many rows.
pub(super) fn old_run(rows: u32) -> Activation {
    let row = |op| journal::encode(&[recorded(Event::TimerFired { op })]).expect("a row");
    Activation { journal: (0..rows).map(row).collect(), is_new: false, ..new_run() }
}

pub(super) fn recorded(event: Event) -> Recorded {
    Recorded { at: BEGIN, event }
}

impl Stage {
    pub(super) fn new(run: Activation) -> Self {
        let (rules, run) = (rules(), Run::new(Box::new(run), 0));
        let fake = Fake::default();
        let (sent, told) = (Vec::new(), String::new());
        let mut stage = Self { run, rules, now: BEGIN, fake, sent, told };
        stage.give("activated", Input::Page(Page::default()));
        stage
    }

    /// A run that has made its first turn, which wanted this.
    pub(super) fn live(run: Activation, commands: Vec<Command>) -> Self {
        let mut stage = Self::new(run);
        stage.take().polled(commands);
        stage
    }

    /// A run that waits for attempt 1 of activity 0, everything before it being durable.
    pub(super) fn running() -> Self {
        let mut stage = Self::live(old_run(1), vec![activity(0)]);
        stage.forget();
        stage
    }

    /// Forgets what was told so far.
    pub(super) fn forget(&mut self) -> &mut Self {
        self.told.clear();
        self
    }

    fn step<T>(
        &mut self,
        what: &str,
        act: impl FnOnce(&mut Run<Fake>, &mut RunStep<'_, Fake>) -> T,
    ) -> T {
        let mut effects = Vec::new();
        let mut step =
            RunStep { now: self.now, rules: &self.rules, effects: &mut effects, launched: 0 };
        let gives = act(&mut self.run, &mut step);
        let shown: Vec<_> = effects.iter().map(|effect| show(effect, self.now)).collect();
        let _ = writeln!(self.told, "{what}: {}", shown.join(", "));
        gives
    }

    /// Gives the run an input.
    pub(super) fn give(&mut self, what: &str, input: Input<Fake>) -> &mut Self {
        self.step(what, |run, step| run.handle(input, step));
        self
    }

    /// Takes the next call; the code is away then.
    pub(super) fn take(&mut self) -> &mut Self {
        let call = self.step("take", |run, step| run.next_call(step));
        let called = match &call {
            None => "nothing".to_owned(),
            Some(CodeCall::Begin { journal, .. }) => {
                format!("begin, with {} events", journal.len())
            }
            Some(CodeCall::Apply(_, Recorded { event, .. })) => event.name().to_owned(),
        };
        let _ = writeln!(self.told, "  the code is given: {called}");
        self
    }

    /// The code comes back with a turn.
    pub(super) fn polled(&mut self, commands: Vec<Command>) -> &mut Self {
        self.turned(turn(commands))
    }

    /// The code comes back with a turn.
    pub(super) fn turned(&mut self, turn: Turn) -> &mut Self {
        let fresh = turn.outcome.as_ref().map(|_| Fresh { run: Uuid::from_u128(9), share: 0.0 });
        let machine = Some(self.fake.clone());
        let polled =
            CodeReturned { machine, turn: Ok(turn), refusal: None, failed: Vec::new(), fresh };
        self.give("polled", Input::Returned(polled))
    }

    /// The code comes back with its outcome.
    pub(super) fn ends(&mut self, outcome: Result<Payload>) -> &mut Self {
        self.turned(Turn { outcome: Some(outcome), ..Turn::default() })
    }

    /// The code comes back with a value, having asked for this in its last turn.
    pub(super) fn ends_with(&mut self, commands: Vec<Command>) -> &mut Self {
        self.turned(Turn { outcome: Some(Ok(text(1))), ..turn(commands) })
    }

    /// Changes what the code is, here and when it comes back.
    pub(super) fn code(&mut self, change: impl Fn(&mut Fake)) -> &mut Self {
        change(&mut self.fake);
        if let Phase::Live(fake) = &mut self.run.phase {
            change(fake);
        }
        self
    }

    /// Takes the next record, which is on its way then.
    pub(super) fn write(&mut self) -> &mut Self {
        let record = self.run.next_record();
        let shown =
            record.as_ref().map_or("nothing".to_owned(), |record| show_record(record, self.now));
        let _ = writeln!(self.told, "write: {shown}");
        self.sent.extend(record);
        self
    }

    pub(super) fn committed(&mut self) -> &mut Self {
        self.sent.clear();
        self.give("committed", Input::Committed { parked: true })
    }

    pub(super) fn last_sent(&mut self) -> Box<Record> {
        Box::new(self.sent.pop().expect("a record that is on its way"))
    }

    /// So many seconds pass.
    pub(super) fn pass(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now.after(Duration::from_secs(seconds));
        self
    }

    /// The worker drains.
    pub(super) fn drain(&mut self) -> &mut Self {
        self.rules.is_draining = true;
        self.give("drain", Input::Drain)
    }

    /// Messages are collected: so many were sent to the run, and these are in its inbox.
    pub(super) fn collected(&mut self, sent: i64, messages: &[i64]) -> &mut Self {
        let what = format!("collected {messages:?} of {sent}");
        self.give(&what, Input::Collected { sent, page: page(messages, None) })
    }

    pub(super) fn attempt_ended(&mut self, op: u32) -> &mut Self {
        self.give(&format!("#{op} ended"), ended(op, TransactionOutcome::Unknown))
    }

    pub(super) fn result_ready(&mut self, op: u32) -> &mut Self {
        let request =
            ResultRequest { ticket: u64::from(op) + 100, op, attempt: 1, output: text(1) };
        self.give(&format!("result of #{op} is ready"), Input::ResultReady(request))
    }

    pub(super) fn phase(&self) -> &'static str {
        match &self.run.phase {
            Phase::Activating(_) => "activating",
            Phase::Live(_) => "live",
            Phase::Polling(_) => "polling",
            Phase::Ending(_) => "ending",
            Phase::Stuck(_) => "stuck",
            Phase::Lost => "lost",
        }
    }

    pub(super) fn told(&self) -> String {
        let lines: Vec<_> = self.told.lines().map(str::trim_end).collect();
        lines.join("\n") + "\n"
    }

    /// What has come of everything since the story began, or was forgotten.
    #[track_caller]
    pub(super) fn check(&self, expected: Expect) {
        expected.assert_eq(&self.told());
    }
}

pub(super) fn turn(commands: Vec<Command>) -> Turn {
    Turn { commands, ..Turn::default() }
}

/// A turn that records something.
pub(super) fn noting(op: u32) -> Turn {
    let mark = recorded(Event::SideEffect { op, value: text(1) });
    Turn { marks: vec![mark], ..Turn::default() }
}

pub(super) fn start(op: u32) -> ActivityStart {
    start_told(op, None)
}

/// With what its call says.
fn start_told(op: u32, overrides: Option<Box<Overrides>>) -> ActivityStart {
    let task = ActivityTask {
        op,
        name: "charge",
        input: text(1),
        input_hash: 0,
        overrides,
        scheduled_at: BEGIN,
        called_by: None,
    };
    let task = Arc::new(task);
    ActivityStart {
        task,
        attempt: 1,
        not_before: None,
        heartbeat: None,
        started: None,
        pending: None,
        scheduled: false,
    }
}

/// A value for queries.
pub(super) fn published(name: &str, value: &str) -> Command {
    Command::SetQuery { name: name.to_owned(), value: value.to_owned() }
}

/// An item for the run's stream.
pub(super) fn item(number: i64, item: &str) -> Command {
    Command::Publish { number, item: item.to_owned() }
}

pub(super) fn activity(op: u32) -> Command {
    Command::RunActivity(start(op))
}

/// An activity that goes to others where there is no slot for it.
pub(super) fn spilling(op: u32) -> Command {
    let overrides = Overrides { spills: true, ..Overrides::default() };
    Command::RunActivity(start_told(op, Some(Box::new(overrides))))
}

/// An attempt that ends outside, within so many seconds.
pub(super) fn pending(op: u32, seconds: u64) -> ActivityStart {
    let until = BEGIN.after(Duration::from_secs(seconds));
    let pending = PendingAttempt { until, silence: None, beat_at: BEGIN };
    ActivityStart { pending: Some(Box::new(pending)), ..start(op) }
}

/// An activity that may start in so many seconds.
pub(super) fn activity_in(op: u32, seconds: u64) -> Command {
    let not_before = Some(BEGIN.after(Duration::from_secs(seconds)));
    Command::RunActivity(ActivityStart { not_before, attempt: 2, ..start(op) })
}

/// A timer that is due in so many seconds.
pub(super) fn timer(op: u32, seconds: u64) -> Command {
    Command::StartTimer { op, due: BEGIN.after(Duration::from_secs(seconds)) }
}

pub(super) fn completed(op: u32) -> Event {
    let step = StepId { op, name: "charge".into(), input: 0 };
    Event::ActivityCompleted { step, attempt: 1, output: text(1) }
}

pub(super) fn failed(op: u32) -> Event {
    let step = StepId { op, name: "charge".into(), input: 0 };
    let error = StoredError::from(&Error::new(ErrorKind::WorkerLost, "gone"));
    Event::ActivityFailed { step, attempt: 1, error }
}

pub(super) fn ended(op: u32, transaction: TransactionOutcome) -> Input<Fake> {
    Input::AttemptEnded { op, event: Some(completed(op)), transaction }
}

pub(super) fn page(messages: &[i64], more: Option<i64>) -> Page {
    let message = |seq: &i64| InboxMessage {
        seq: *seq,
        kind: MessageKind::Signal,
        name: "note".to_owned(),
        payload: text(1),
    };
    Page { messages: messages.iter().map(message).collect(), more }
}

fn show(effect: &Effect<Fake>, now: Timestamp) -> String {
    match effect {
        Effect::Work => "work".into(),
        Effect::Commit => "commit".into(),
        Effect::CommitApart => "commit apart".into(),
        Effect::ReadOn(behind) => format!("read on behind {behind}"),
        Effect::Idle(wait) => format!("idle {wait}"),
        Effect::Launch(start) => format!("launch #{}.{}", start.task.op, start.attempt),
        Effect::Settle { start, end, message } => {
            let result = if end.result.is_ok() { "completed" } else { "failed" };
            format!("settle #{}.{}, {result} by {message}", start.task.op, start.attempt)
        }
        Effect::EndQueued(end) => format!("end queued #{}.{}", end.op, end.attempt),
        Effect::Stop(op) => format!("stop #{op}"),
        Effect::StopAll => "stop all".into(),
        Effect::SetTimer(op, due) => format!("set {} {}", name(*op), moment(*due, now)),
        Effect::ClearTimer(op, due) => format!("clear {} {}", name(*op), moment(*due, now)),
        Effect::Grant { ticket, record } => format!("grant {ticket} row {}", record.position),
        Effect::Deny { ticket, error: None } => format!("deny {ticket}"),
        Effect::Deny { ticket, error: Some(error) } => format!("deny {ticket}: {error}"),
        Effect::Discard(_) => "discard".into(),
        Effect::Stuck(why) => format!("stuck ({})", why.chars().take(40).collect::<String>()),
        Effect::Ended(outcome) => format!("ended {}", outcome.status),
        Effect::Lost => "dropped".into(),
        Effect::Reload => "reload".into(),
        Effect::Replace(stored) => format!("start over with {} rows", stored.journal.len()),
        Effect::Collect => "collect".into(),
        Effect::TryLater => "try later".into(),
        Effect::Evicted => "evicted".into(),
    }
}

fn name(op: u32) -> String {
    if op == u32::MAX { "deadline".into() } else { format!("#{op}") }
}

fn moment(at: Timestamp, now: Timestamp) -> String {
    match at >= now {
        true => format!("in {:?}", at.since(now)),
        false => format!("{:?} ago", now.since(at)),
    }
}

fn show_record(record: &Record, now: Timestamp) -> String {
    let events = journal::decode(0, &record.events).unwrap_or_default();
    let events: Vec<_> = events.iter().map(|recorded| recorded.event.name()).collect();
    let mut shown = format!("row {} {events:?}", record.position);
    let mut add = |what: &str, count: usize| match count {
        0 => {}
        count => drop(write!(shown, ", {what} {count}")),
    };
    add("consumes", record.consumed.len());
    add("starts", record.starts.len());
    add("sends", record.messages.len());
    for QueryValue { name, value } in &record.queries {
        let _ = write!(shown, ", publishes {name} = {value}");
    }
    for item in &record.items {
        let _ = write!(shown, ", adds {}", item.item);
    }
    for (name, value) in &record.attributes {
        let _ = write!(shown, ", attribute {name} = {value:?}");
    }
    for UpdateAnswer { update, refuses, .. } in &record.answers {
        let what = refuses.map_or_else(|| "answers".to_owned(), |seq| format!("refuses {seq},"));
        let _ = write!(shown, ", {what} {update}");
    }
    if record.clears {
        shown.push_str(", clears");
    }
    match &record.next {
        Next::Stay => {}
        Next::Park(park) => {
            let wake = park.wake_at.map_or("a message".into(), |at| moment(at, now));
            let _ = write!(shown, ", parks until {wake}, knows of {}", park.sent);
            if park.stuck.is_some() {
                let _ = write!(shown, ", stuck with {}", park.setbacks);
            }
        }
        Next::Close(close) => {
            let _ = write!(shown, ", closes {} by claim {:?}", close.outcome.status, close.claim);
            if close.outcome.successor.is_some() {
                shown.push_str(", goes on as another");
            }
        }
    }
    shown
}
