//! What can be asked for on the command line, and how large each workload then is.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// How fast the library is on this machine, beside what its PostgreSQL allows.
///
/// Two bare programs without an engine are measured in the same run: one that does only the durable
/// writes that anybody would need, one that does the writes of this library's storage protocol.
/// Shares of these floors are comparable between machines; absolute figures are not.
///
/// Without `--url`, a private PostgreSQL is started from what is installed (or the server of
/// `DATABASE_URL` is used), and removed at the end. Every workload works in databases of its own,
/// and checks what it has done; a failed check fails the program.
#[derive(Parser, Clone)]
#[command(name = "cargo bench -p flows-benches --", bin_name = "cargo bench -p flows-benches --")]
pub(crate) struct Options {
    /// What to measure; everything by default.
    #[arg(value_enum)]
    pub(crate) workloads: Vec<Workload>,
    /// A PostgreSQL to use; its role must be allowed to create databases.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Small sizes and one round: two or three minutes for everything.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Rounds of each throughput workload, floors interleaved; the median counts [default: 3].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Runs that are open at the same time, where a workload does not say otherwise.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) in_flight: u64,
    /// Multiplies the number of runs of each workload.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    scale: f64,
    /// Writes everything that was measured to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Draws throughput and latency over concurrency, as SVG files in a directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) plot: Option<PathBuf>,
    /// Cargo gives it to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Workload {
    /// W1: a workflow that does nothing, started and awaited in one process.
    #[value(alias = "w1")]
    Noop,
    /// W1: the same, started elsewhere before the worker begins.
    Backlog,
    /// W2: ten activities, one after the other.
    #[value(alias = "w2")]
    Steps,
    /// W2: ten transactional activities.
    Transactions,
    /// W3: a hundred activities at once.
    #[value(alias = "w3")]
    Parallel,
    /// W4: one activity, and ten, nothing else going on.
    #[value(alias = "w4")]
    Latency,
    /// W5: a signal to a parked run, until its result is seen.
    #[value(alias = "w5")]
    Signals,
    /// W6: ten thousand sleepers firing together.
    #[value(alias = "w6")]
    Sleepers,
    /// W7: a million sleepers: start, memory, disk, and a few that wake.
    #[value(alias = "w7")]
    Million,
    /// W8: a journal of ten thousand events, replayed by somebody who does not have it.
    #[value(alias = "w8")]
    Replay,
    /// W9: kill -9 of a worker that holds ten thousand runs, until all have moved on.
    #[value(alias = "w9")]
    Recovery,
    /// W10: one, two, four and eight worker processes.
    #[value(alias = "w10")]
    Processes,
    /// W11: runs that arrive at a part of what is possible, whatever became of the others.
    #[value(alias = "w11")]
    Arrivals,
    /// W12: results of one kilobyte and of sixty-four.
    #[value(alias = "w12")]
    Payloads,
    /// W13: a thousand tenants, of which one floods the workers.
    #[value(alias = "w13")]
    Tenants,
    /// W14: an update to a run in memory, until its reply is seen.
    #[value(alias = "w14")]
    Updates,
    /// W15: activities on workers of another queue: one at a time, many, and a thousand at once.
    #[value(alias = "w15")]
    Remote,
    /// W16: values for queries: what writing them costs, and how long reading one takes.
    #[value(alias = "w16")]
    Queries,
    /// Throughput and latency over the number of open runs, for the plots.
    Concurrency,
}

impl Options {
    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    /// A number of runs: one for the whole, one for `--quick`.
    pub(crate) fn size(&self, full: u64, quick: u64) -> u64 {
        let runs = if self.quick { quick } else { full };
        ((runs as f64 * self.scale) as u64).max(1)
    }

    /// The workloads that were asked for, each once, in order.
    pub(crate) fn chosen(&self) -> Vec<Workload> {
        let mut chosen = self.workloads.clone();
        if chosen.is_empty() {
            chosen.extend(Workload::value_variants());
        }
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }
}

impl Workload {
    /// What the help says of it.
    pub(crate) fn title(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }
}
