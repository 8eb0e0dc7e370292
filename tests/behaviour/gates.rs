//! Gates at which user code blocks its thread, and the log in which that is reported.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Condvar, LazyLock, Mutex};

use tokio::sync::watch;
use tracing::field::{Field, Visit};

/// All gates of the process, by name: workflow code has no state to find them by.
static GATES: LazyLock<Gates> = LazyLock::new(Gates::default);

#[derive(Default)]
struct Gates {
    gates: Mutex<BTreeMap<String, State>>,
    opened: Condvar,
    /// How often user code has come to each.
    arrivals: watch::Sender<BTreeMap<String, usize>>,
}

struct State {
    /// The arrivals that find it closed: from this one on, and so many.
    closed_for: (usize, usize),
    is_open: bool,
}

/// A gate that is closed until it is opened or dropped.
pub(crate) struct Gate {
    pub(crate) name: String,
}

impl Gate {
    /// Closed for everybody.
    pub(crate) fn new() -> Self {
        Self::closed_for(1, usize::MAX)
    }

    /// Closed for so many arrivals, counted from 1.
    pub(crate) fn closed_for(first: usize, count: usize) -> Self {
        let name = uuid::Uuid::new_v4().to_string();
        let state = State { closed_for: (first, count), is_open: false };
        GATES.gates.lock().unwrap().insert(name.clone(), state);
        Self { name }
    }

    /// Waits until user code has come to it so often.
    pub(crate) async fn arrived(&self, times: usize) {
        let mut arrivals = GATES.arrivals.subscribe();
        let enough = |all: &BTreeMap<String, usize>| {
            all.get(&self.name).is_some_and(|arrivals| *arrivals >= times)
        };
        arrivals.wait_for(enough).await.expect("gates are never dropped");
    }

    /// How often user code has come to it.
    pub(crate) fn arrivals(&self) -> usize {
        GATES.arrivals.borrow().get(&self.name).copied().unwrap_or_default()
    }

    pub(crate) fn open(&self) {
        open(&self.name);
    }
}

impl Drop for Gate {
    /// A thread that still blocks would keep the runtime of a failed test from ending.
    fn drop(&mut self) {
        self.open();
    }
}

/// Opens a gate by its name.
pub(crate) fn open(name: &str) {
    if let Some(state) = GATES.gates.lock().unwrap().get_mut(name) {
        state.is_open = true;
    }
    GATES.opened.notify_all();
}

/// A helper as people write them: nobody sees that it blocks the thread.
pub(crate) fn blocks_at(gate: &str) {
    let mut arrival = 0;
    GATES.arrivals.send_modify(|all| {
        let arrivals = all.entry(gate.to_owned()).or_default();
        *arrivals += 1;
        arrival = *arrivals;
    });
    let mut gates = GATES.gates.lock().unwrap();
    while gates.get(gate).is_some_and(|state| state.blocks(arrival)) {
        gates = GATES.opened.wait(gates).unwrap();
    }
}

impl State {
    fn blocks(&self, arrival: usize) -> bool {
        let (first, count) = self.closed_for;
        !self.is_open && arrival >= first && arrival - first < count
    }
}

/// What was logged as a warning: the message, and the fields behind it.
#[derive(Clone, Default)]
pub(crate) struct Log {
    lines: Arc<watch::Sender<Vec<String>>>,
    /// A gate that opens when something is reported.
    opens: Option<String>,
}

impl Log {
    /// Opens a gate as soon as something is logged, from whatever thread.
    pub(crate) fn opening(gate: &Gate) -> Self {
        Self { lines: Arc::default(), opens: Some(gate.name.clone()) }
    }

    /// What was logged about a run, of lines that begin like this.
    pub(crate) fn lines(&self, what: &str, run: uuid::Uuid) -> Vec<String> {
        let of_run = format!(" run={run}");
        let is_it = |line: &&String| line.starts_with(what) && line.contains(&of_run);
        self.lines.borrow().iter().filter(is_it).cloned().collect()
    }

    /// Waits until such a line about a run is there.
    pub(crate) async fn heard(&self, what: &str, run: uuid::Uuid) {
        let of_run = format!(" run={run}");
        self.wait_for(|line| line.starts_with(what) && line.contains(&of_run)).await;
    }

    /// Waits until a line that begins like this is there.
    pub(crate) async fn has_heard(&self, what: &str) {
        self.wait_for(|line| line.starts_with(what)).await;
    }

    async fn wait_for(&self, is_it: impl Fn(&str) -> bool) {
        let mut lines = self.lines.subscribe();
        let is_there = |lines: &Vec<String>| lines.iter().any(|line| is_it(line));
        lines.wait_for(is_there).await.expect("the log is not dropped");
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.lines.send_modify(|lines| lines.push(line.message + &line.fields));
        if let Some(gate) = &self.opens {
            open(gate);
        }
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        written.expect("a string takes everything");
    }
}
