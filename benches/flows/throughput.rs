//! W1 to W3: how many runs and steps a second, floors interleaved with the rounds.

use flows::prelude::*;

use crate::definitions::{bookings, fan_out, noop, sequence};
use crate::floor::{self, Floor, Play};
use crate::lab::{self, Stage, Watch, ensure};
use crate::load::{Load, closed_loop};
use crate::machine;
use crate::options::Options;
use crate::report::Line;

/// What one workload gives, round by round.
#[derive(Default)]
struct Rounds {
    measured: Vec<f64>,
    rows_per_commit: Vec<f64>,
    busy: Vec<f64>,
    bare: Vec<f64>,
    protocol: Vec<f64>,
}

impl Rounds {
    /// `factor` makes runs into what is counted.
    async fn floors(&mut self, play: Play, factor: f64) -> Result<()> {
        self.bare.push(floor::play(Floor::Bare, play).await?.0 * factor);
        self.protocol.push(floor::play(Floor::Protocol, play).await?.0 * factor);
        Ok(())
    }

    /// A round of the library itself.
    async fn measure<I>(&mut self, load: Load<I>, factor: f64) -> Result<()>
    where
        I: flows::WorkflowInput + 'static,
        I::Workflow: Workflow<Output = u64>,
    {
        let round = round(load).await?;
        self.measured.push(round.rate * factor);
        self.rows_per_commit.push(round.rows_per_commit);
        self.busy.extend(round.busy.map(|micros| micros / factor));
        Ok(())
    }

    fn line(self, workload: &'static str, name: String, unit: &'static str) -> Line {
        let (bare, protocol) = (self.bare, self.protocol);
        let mut line = Line::rate(workload, name, unit, self.measured);
        let rows_per_commit = crate::stats::median(&self.rows_per_commit);
        if rows_per_commit > 0.0 {
            line = line.detail("journal rows per commit", rows_per_commit, "");
        }
        if !self.busy.is_empty() {
            line = line.detail(
                "processor time of each, all in all",
                crate::stats::median(&self.busy),
                "µs",
            );
        }
        line.floors(crate::stats::median(&bare), crate::stats::median(&protocol))
    }
}

/// W1: started and awaited in the process of the worker.
pub(crate) async fn start_and_await(options: &Options) -> Result<Vec<Line>> {
    let (runs, in_flight) = (options.size(100_000, 20_000), options.in_flight);
    let mut rounds = Rounds::default();
    for _ in 0..options.rounds() {
        rounds.floors(Play::new(runs, in_flight, 0), 1.0).await?;
        let load = Load { runs, in_flight, input: |n| noop::Input { n }, output: |n| n };
        rounds.measure(load, 1.0).await?;
    }
    let name = format!("no-op, start and await, {in_flight} open");
    Ok(vec![rounds.line("W1", name, "wf/s").budget(40_000.0).share_budget(0.6)])
}

/// W2: ten sequential activities, with many and with few runs open.
pub(crate) async fn steps(options: &Options) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let many = (options.in_flight, options.size(40_000, 10_000), 120_000.0);
    let few = (100, options.size(15_000, 3_000), 40_000.0);
    for (in_flight, runs, budget) in [many, few] {
        let mut rounds = Rounds::default();
        for _ in 0..options.rounds() {
            rounds.floors(Play::new(runs, in_flight, 10), 10.0).await?;
            let input = |_| sequence::Input { steps: 10 };
            let load = Load { runs, in_flight, input, output: |_| 10 };
            rounds.measure(load, 10.0).await?;
        }
        let name = format!("10 sequential activities, {in_flight} open");
        lines.push(rounds.line("W2", name, "steps/s").budget(budget).share_budget(0.6));
    }
    Ok(lines)
}

/// W3: a hundred activities at once.
pub(crate) async fn parallel(options: &Options) -> Result<Vec<Line>> {
    let (runs, in_flight) = (options.size(3_000, 600), (options.in_flight / 100).max(1));
    let mut rounds = Rounds::default();
    for _ in 0..options.rounds() {
        let play = Play { at_once: true, ..Play::new(runs, in_flight, 100) };
        rounds.floors(play, 100.0).await?;
        let input = |_| fan_out::Input { steps: 100 };
        let load = Load { runs, in_flight, input, output: |_| 5_050 };
        rounds.measure(load, 100.0).await?;
    }
    let name = format!("100 parallel activities, {in_flight} open");
    Ok(vec![rounds.line("W3", name, "steps/s").budget(150_000.0).share_budget(0.6)])
}

/// W2: ten activities, each of which commits its own writes together with its record.
pub(crate) async fn transactions(options: &Options) -> Result<Vec<Line>> {
    let (runs, in_flight) = (options.size(4_000, 800), options.in_flight.min(500));
    let (mut commits, mut measured) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds() {
        commits.push(floor::commits::rate(10 * runs).await?);
        let stage = Stage::set(2 * in_flight).await?;
        let table = "CREATE TABLE bookings (amount bigint NOT NULL)";
        let client = lab::connect(stage.database.url()).await?;
        client.batch_execute(table).await?;
        let input = |_| bookings::Input { steps: 10 };
        let load = Load { runs, in_flight, input, output: |_| 10 };
        measured.push(closed_loop(&stage.engine, load).await?.runs_per_second * 10.0);
        let database = stage.end(runs).await?;
        let booked = client.query_one("SELECT count(*) FROM bookings", &[]).await?;
        let booked: i64 = booked.get(0);
        drop(database); // with which the database ends
        ensure(booked as u64 == 10 * runs, || format!("{booked} bookings of {runs} runs"))?;
    }
    let name = format!("10 transactional activities, {in_flight} open");
    let line = Line::rate("W2", name, "steps/s", measured).budget(8_000.0).share_budget(0.5);
    let commits = crate::stats::median(&commits);
    Ok(vec![line.floors(commits, commits)])
}

/// What one round gives.
pub(crate) struct Round {
    /// Runs a second.
    pub(crate) rate: f64,
    /// Journal rows for each transaction of the database.
    rows_per_commit: f64,
    /// Microseconds of all processors for each run.
    busy: Option<f64>,
}

/// A load in a fresh database, once everything has happened before.
pub(crate) async fn round<I>(load: Load<I>) -> Result<Round>
where
    I: flows::WorkflowInput + 'static,
    I::Workflow: Workflow<Output = u64>,
{
    let (runs, warm) = (load.runs, load.runs.min(50));
    let stage = Stage::set(2 * load.in_flight).await?;
    closed_loop(&stage.engine, Load { runs: warm, ..load }).await?;
    let watch = Watch::new(&stage.database).await?;
    let (commits, busy) = (watch.commits().await?, machine::busy());
    let closed = closed_loop(&stage.engine, load).await?;
    let busy = machine::busy().zip(busy).map(|(after, before)| after - before);
    let database = stage.end(runs + warm).await?;
    let commits = watch.commits().await? - commits;
    let rows = watch.number("SELECT count(*) FROM flows.journal").await?;
    drop(database); // with which the database ends
    Ok(Round {
        rate: closed.runs_per_second,
        rows_per_commit: rows as f64 / commits as f64,
        busy: busy.map(|busy| busy / runs as f64),
    })
}
