//! Replays one run in this process, turn by turn, and prints each: what was delivered, and what the code asked for.
//!
//! Reads the run and nothing else: no lease, no activity, no write. The workflow's code runs in the caller's task.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::SystemTime;

use super::difference::shown;
use super::replay::{ReplayError, WhenEnded, judge, prepare};
use crate::engine::{AnyWorkflow, Engine, Execution, History, Tenant};
use crate::error::{Error, Result};
use crate::journal::{EventFields, Recorded};
use crate::registry::Registry;
use crate::replay::{Code, Machine, ReplayStep};
use crate::store::RunStatus;

/// Replays a run of a live database in this process, turn by turn; await it.
///
/// Takes the run's workflow id or run id. Breakpoints and `dbg!` in the workflow's code work: it runs in the task that
/// awaits this. Nothing is written, no lease is taken, no activity is invoked; results come from the history. Each
/// turn is printed: what was delivered, and what the code asked for; at the end, what the run waits for, or
/// where this build and the history differ.
///
/// ```no_run
/// # async fn look(engine: flows_core::Engine) -> flows_core::Result<()> {
/// flows_core::testing::debug(&engine, "order-42").await?;
/// # Ok(())
/// # }
/// ```
pub fn debug(engine: impl Into<Engine>, run: impl Into<String>) -> Debug {
    let tenant = engine.into().tenant(uuid::Uuid::nil());
    Debug { execution: tenant.execution(run), registry: None, quiet: false }
}

/// The same of a tenant's run.
pub fn debug_of(tenant: &Tenant, run: impl Into<String>) -> Debug {
    Debug { execution: tenant.execution(run), registry: None, quiet: false }
}

/// The same of a history: the JSON text of an export, or a [`History`].
///
/// # Errors
/// When this build cannot read the text as a history.
pub fn debug_history<H>(history: H) -> Result<Debugged>
where
    H: TryInto<History>,
    H::Error: Into<Error>,
{
    let history = history.try_into().map_err(Into::into)?;
    Ok(replayed(&Registry::all(), &history, false))
}

/// A replay of one run; await it, or set options first.
#[must_use = "nothing is replayed unless this is awaited"]
pub struct Debug {
    execution: Execution<AnyWorkflow>,
    registry: Option<Registry>,
    quiet: bool,
}

impl Debug {
    /// The definitions to replay it with. Default: everything annotated in the program.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Prints nothing; the result has it all.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    async fn run(self) -> Result<Debugged> {
        let history = self.execution.export().await?;
        Ok(replayed(&self.registry.unwrap_or_else(Registry::all), &history, self.quiet))
    }
}

impl IntoFuture for Debug {
    type Output = Result<Debugged>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// What a replay of one run has shown. `Display` writes what was printed.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct Debugged {
    /// The run, in words.
    pub run: String,
    /// Its turns, in order.
    pub turns: Vec<DebuggedTurn>,
    /// What it waits for where its history ends; `None` if it has ended, or does not come so far.
    pub waiting_for: Option<String>,
    /// How it has ended.
    pub ended: Option<RunStatus>,
    /// The first difference between this build and the history, with both sides.
    pub difference: Option<ReplayError>,
}

/// One turn of a run.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct DebuggedTurn {
    /// The time of its event.
    pub at: Option<SystemTime>,
    /// The event that was delivered, in words; of the first turn, the start.
    pub delivered: String,
    /// What the code asked for, each with the place of the call.
    pub asked: Vec<String>,
}

fn replayed(registry: &Registry, history: &History, quiet: bool) -> Debugged {
    let mut printed = Printed::new(history, quiet);
    let compared = prepare(registry, history).and_then(|(mut machine, journal)| {
        machine.keep_trail();
        let outcome = machine.replay_seen(journal, |machine, seen| printed.see(machine, &seen));
        judge(registry, history, WhenEnded::Same, &machine, outcome)?;
        Ok(machine.waiting_for())
    });
    printed.finish(history, compared)
}

/// Prints as it goes, so that what the code prints itself stands between.
struct Printed {
    quiet: bool,
    debugged: Debugged,
}

impl Printed {
    fn new(history: &History, quiet: bool) -> Self {
        let id = history.workflow_id.as_deref().map(|id| format!(" (`{id}`)")).unwrap_or_default();
        let run = format!(
            "run {}{id} of workflow `{}` version {}, {}",
            history.run_id, history.workflow, history.version, history.status
        );
        let (turns, waiting_for, ended, difference) = (Vec::new(), None, None, None);
        let debugged = Debugged { run, turns, waiting_for, ended, difference };
        let printed = Self { quiet, debugged };
        printed.say(&printed.debugged.run);
        printed
    }

    fn say(&self, line: &str) {
        if !self.quiet {
            println!("{line}");
        }
    }

    fn see(&mut self, machine: &Machine, seen: &ReplayStep<'_>) {
        match seen {
            ReplayStep::Before(recorded) => {
                let at = recorded.map_or_else(|| Code::now(machine), |recorded| recorded.at).into();
                let delivered = recorded.map_or_else(|| "the run starts".to_owned(), in_words);
                let turn = DebuggedTurn { at: Some(at), delivered, asked: Vec::new() };
                self.debugged.turns.push(turn);
                self.say_last(|number, turn| vec![turn.heading(number)]);
            }
            ReplayStep::After => {
                let trail = machine.take_trail().into_iter();
                machine.keep_trail();
                let asked = trail.map(|(op, (what, site))| {
                    format!("{what} (#{op}), called at {}:{}", site.file(), site.line())
                });
                let asked: Vec<_> = asked.collect();
                if let Some(turn) = self.debugged.turns.last_mut() {
                    turn.asked = asked;
                }
                self.say_last(|_, turn| turn.lines());
            }
        }
    }

    fn say_last(&self, lines: impl FnOnce(usize, &DebuggedTurn) -> Vec<String>) {
        let turns = &self.debugged.turns;
        if let Some(turn) = turns.last() {
            lines(turns.len(), turn).iter().for_each(|line| self.say(line));
        }
    }

    fn finish(mut self, history: &History, compared: Result<String, ReplayError>) -> Debugged {
        match compared {
            Err(difference) => self.debugged.difference = Some(difference),
            Ok(_) if !history.status.is_open() => self.debugged.ended = Some(history.status),
            Ok(waiting_for) => self.debugged.waiting_for = Some(waiting_for),
        }
        self.say(&self.debugged.end());
        self.debugged
    }
}

/// activity_completed `charge` (#0): {"receipt":7}
fn in_words(recorded: &Recorded) -> String {
    let fields = EventFields::from(recorded.event.clone());
    let name = fields.name.map(|name| format!(" `{name}`")).unwrap_or_default();
    let op = fields.operation.map(|op| format!(" (#{op})")).unwrap_or_default();
    let value = fields.value.map(|value| format!(": {}", shown(&value)));
    let error = fields.error.map(|error| format!(": {}", Error::from(&error)));
    let said = value.or(error).or(fields.reason.map(|reason| format!(": {reason}")));
    format!("{}{name}{op}{}", recorded.event.name(), said.unwrap_or_default())
}

impl DebuggedTurn {
    fn heading(&self, number: usize) -> String {
        let at = self.at.map(|at| format!(", {}", humantime::format_rfc3339_millis(at)));
        format!("turn {number}{}: {}", at.unwrap_or_default(), self.delivered)
    }

    fn lines(&self) -> Vec<String> {
        self.asked.iter().map(|asked| format!("  asks for {asked}")).collect()
    }
}

impl Debugged {
    fn end(&self) -> String {
        match (&self.difference, &self.waiting_for, self.ended) {
            (Some(difference), ..) => difference.to_string(),
            (None, Some(waiting_for), _) => format!("it waits for {waiting_for}"),
            (None, None, Some(status)) => format!("it has ended here: {status}"),
            (None, None, None) => String::new(),
        }
    }
}

impl fmt::Display for Debugged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.run)?;
        for (number, turn) in (1..).zip(&self.turns) {
            writeln!(f, "{}", turn.heading(number))?;
            for line in turn.lines() {
                writeln!(f, "{line}")?;
            }
        }
        f.write_str(&self.end())
    }
}
