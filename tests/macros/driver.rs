//! Runs a workflow on the bare replay machine: activities at once, timers when nothing else is left.
//!
//! After every event a second machine replays the journal so far and must be where the first one
//! is. Knows no store, no worker and no clock.

use std::collections::{HashMap, VecDeque};

use flows::{Activity, ActivityContext, Payload, Registry, Result, Workflow, WorkflowInput};
use flows_core::ids::RunKey;
use flows_core::journal::{Event, Recorded, StepId, StoredError};
use flows_core::replay::{ActivityStart, ChildTask, Code, Command, Machine, RunInfo, Turn};
use flows_core::time::Timestamp;

type Invoke = fn(&ActivityContext, Payload) -> Result<Payload>;

/// What the programs may call and what reaches them from outside.
#[derive(Clone)]
pub(crate) struct World {
    activities: HashMap<&'static str, Invoke>,
    signals: VecDeque<(String, Payload)>,
    /// What every activity is handed.
    pub(crate) context: ActivityContext,
    /// Give the results of activities last first.
    pub(crate) backwards: bool,
}

impl Default for World {
    fn default() -> Self {
        Self {
            activities: HashMap::new(),
            signals: VecDeque::new(),
            context: ActivityContext::test().clone(),
            backwards: false,
        }
    }
}

impl World {
    pub(crate) fn with<A: Activity>(mut self) -> Self {
        self.activities.insert(A::NAME, invoke::<A>);
        self
    }

    pub(crate) fn signal<T: serde::Serialize>(mut self, name: &str, value: &T) -> Self {
        let payload = Payload::json(value).expect("a payload");
        self.signals.push_back((name.to_owned(), payload));
        self
    }

    /// Runs to the end.
    pub(crate) fn run<I: WorkflowInput>(
        &self,
        input: I,
    ) -> Result<<I::Workflow as Workflow>::Output> {
        let input = Payload::json(&input)?;
        let output = Run::new::<I::Workflow>(self.clone(), input).finish()?;
        output.decode()
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn invoke<A: Activity>(context: &ActivityContext, input: Payload) -> Result<Payload> {
    let output = block_on(A::run(context.clone(), input.decode()?))?;
    Payload::encode(A::CODEC, &output)
}

struct Run {
    world: World,
    machine: Machine,
    input: Payload,
    workflow: (String, u32),
    journal: Vec<Recorded>,
    commands: VecDeque<Command>,
    timers: Vec<(Timestamp, u32)>,
    now: Timestamp,
}

impl Run {
    fn new<W: Workflow>(world: World, input: Payload) -> Self {
        Self::named(world, (W::NAME.to_owned(), W::VERSION), input)
    }

    fn named(world: World, workflow: (String, u32), input: Payload) -> Self {
        Self {
            world,
            machine: machine(&workflow, &input),
            input,
            workflow,
            journal: Vec::new(),
            commands: VecDeque::new(),
            timers: Vec::new(),
            now: Timestamp(0),
        }
    }

    fn finish(mut self) -> Result<Payload> {
        let mut turn = self.machine.replay(Vec::new()).expect("a first turn");
        loop {
            self.journal.append(&mut turn.marks);
            self.check_replay(&turn);
            if let Some(outcome) = turn.outcome {
                return outcome;
            }
            self.commands.extend(turn.commands);
            let event = self.next_event().expect("something to wait for");
            let recorded = Recorded { at: self.now, event };
            self.journal.push(recorded.clone());
            turn = self.machine.apply(recorded).expect("a turn");
        }
    }

    /// A second machine over the same journal is in the same place.
    fn check_replay(&self, turn: &Turn) {
        let mut again = machine(&self.workflow, &self.input);
        let replayed = again.replay(self.journal.clone()).expect("a replay");
        let shown = |turn: &Turn| format!("{:?}", turn.outcome);
        assert_eq!(shown(turn), shown(&replayed));
        assert_eq!(self.machine.waiting_for(), again.waiting_for());
        assert!(replayed.warnings.is_empty(), "{:?}", replayed.warnings);
    }

    fn next_event(&mut self) -> Option<Event> {
        loop {
            let event = self.candidate()?;
            if self.machine.wants(&event) {
                return Some(event);
            }
        }
    }

    fn candidate(&mut self) -> Option<Event> {
        if let Some(event) = self.work_off_commands() {
            return Some(event);
        }
        if let Some((name, payload)) = self.world.signals.pop_front() {
            return Some(Event::SignalReceived { name, payload });
        }
        let first = self.timers.iter().enumerate().min_by_key(|(_, timer)| **timer)?.0;
        let (due, op) = self.timers.remove(first);
        self.now = self.now.max(due);
        Some(Event::TimerFired { op })
    }

    /// Does what was asked for, up to the first result.
    fn work_off_commands(&mut self) -> Option<Event> {
        while let Some(command) =
            if self.world.backwards { self.commands.pop_back() } else { self.commands.pop_front() }
        {
            match command {
                Command::RunActivity(start) => return Some(self.activity(&start)),
                Command::StartChild(start) => return Some(self.child(&start)),
                Command::StartTimer { op, due } => self.timers.push((due, op)),
                Command::CancelTimer(op) => self.timers.retain(|(_, other)| *other != op),
                Command::CancelActivity(op) | Command::WithdrawActivity(op) => self.cancel(op),
                Command::StopActivity { task, .. } => self.cancel(task.op),
                Command::CancelChild { .. } | Command::SignalChild { .. } => {} // it has ended in the moment in which it began
                Command::SetQuery { .. }
                | Command::SetAttribute { .. }
                | Command::Publish { .. }
                | Command::Consume(_)
                | Command::Refuse { .. } => {}
            }
        }
        None
    }

    fn cancel(&mut self, op: u32) {
        self.commands.retain(
            |command| !matches!(command, Command::RunActivity(start) if start.task.op == op),
        );
    }

    fn activity(&self, start: &ActivityStart) -> Event {
        let task = &start.task;
        let invoke = self.world.activities.get(task.name);
        let invoke = invoke.unwrap_or_else(|| panic!("no activity `{}`", task.name));
        let step = StepId { op: task.op, name: task.name.into(), input: task.input_hash };
        match invoke(&self.world.context, task.input.clone()) {
            Ok(output) => Event::ActivityCompleted { step, attempt: 1, output },
            Err(error) => Event::ActivityFailed { step, attempt: 1, error: (&error).into() },
        }
    }

    fn child(&self, task: &ChildTask) -> Event {
        let workflow = (task.workflow.to_owned(), task.version);
        let run = Self::named(self.world.clone(), workflow, task.input.clone());
        let result = run.finish().map_err(|error| StoredError::from(&error));
        Event::ChildClosed { op: task.op, result }
    }
}

fn machine(workflow: &(String, u32), input: &Payload) -> Machine {
    let (name, version) = workflow;
    let registry = Registry::all();
    let def = registry.workflow(name, *version).expect("a registered workflow");
    let info = RunInfo {
        key: RunKey::of_run(uuid::Uuid::nil(), uuid::Uuid::nil()),
        workflow_id: None,
        workflow: name.as_str().into(),
        version: *version,
        queue: "default".into(),
        attempt: 1,
        started_at: Timestamp(0),
        headers: flows::Headers::default(),
        payload_limit: flows_core::engine::PAYLOAD_LIMIT,
    };
    Machine::new(info, def, input).expect("an input that decodes")
}
