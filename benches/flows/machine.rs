//! What the figures depend on: the server, its settings, and the machine that both share.

use std::collections::BTreeMap;

use flows::pg::dev::Database;
use flows::prelude::*;
use serde::Serialize;

use crate::lab;

/// Settings that decide what a commit costs and what fits into memory.
const SETTINGS: &[&str] = &[
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "wal_sync_method",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
    "checkpoint_timeout",
    "max_connections",
    "io_method",
];

#[derive(Serialize)]
pub(crate) struct Machine {
    server: String,
    database: String,
    settings: BTreeMap<&'static str, String>,
    cores: usize,
    kernel: String,
    processor: String,
    memory_gb: f64,
    /// Of the last minute, before the benchmark began: what else was going on.
    load: f64,
}

impl Machine {
    pub(crate) async fn look(database: &Database) -> Result<Self> {
        let client = lab::connect(database.url()).await?;
        let server = client.query_one("SELECT version()", &[]).await?.get(0);
        let mut settings = BTreeMap::new();
        for name in SETTINGS {
            let row = client.query_one("SELECT current_setting($1, true)", &[name]).await?;
            if let Some(value) = row.get(0) {
                settings.insert(*name, value);
            }
        }
        Ok(Self {
            server,
            database: database.describe().to_owned(),
            settings,
            cores: std::thread::available_parallelism()?.get(),
            kernel: word("/proc/sys/kernel/osrelease", 0),
            processor: after("/proc/cpuinfo", "model name"),
            memory_gb: kilobytes() / 1024.0 / 1024.0,
            load: word("/proc/loadavg", 0).parse().unwrap_or(f64::NAN),
        })
    }

    pub(crate) fn print(&self) {
        println!("{}\n{}", self.server, self.database);
        let settings = self.settings.iter().map(|(name, value)| format!("{name} {value}"));
        println!("{}", settings.collect::<Vec<_>>().join(", "));
        println!(
            "{} cores ({}), {:.0} GB, kernel {}, load {:.2} before; client and server share them",
            self.cores, self.processor, self.memory_gb, self.kernel, self.load
        );
        if self.load > 0.5 {
            println!("NOTE: something else was running on this machine.");
        }
    }
}

/// Microseconds that the machine's processors have worked; nothing where the system does not say.
pub(crate) fn busy() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks = text.lines().next()?.split_whitespace().skip(1);
    let ticks = ticks.map(|ticks| ticks.parse::<f64>().ok()).collect::<Option<Vec<_>>>()?;
    let [user, nice, system, _, _, irq, softirq, ..] = ticks[..] else { return None };
    Some((user + nice + system + irq + softirq) * 10_000.0) // a tick is a hundredth of a second
}

fn word(path: &str, number: usize) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().nth(number).unwrap_or("unknown").to_owned()
}

/// What stands behind the colon of the first line that begins so.
fn after(path: &str, name: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn kilobytes() -> f64 {
    let total = after("/proc/meminfo", "MemTotal");
    total.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}
