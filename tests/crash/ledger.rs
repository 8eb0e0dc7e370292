//! Effects of activities, one line each, in a file that no rollback reaches.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use flows::Result;
use uuid::Uuid;

/// Appends to the file; lines of several processes do not mix.
pub(crate) struct Ledger {
    file: File,
}

/// One invocation of an activity.
pub(crate) struct Entry {
    pub(crate) process: u32,
    pub(crate) run: Uuid,
    pub(crate) op: u32,
}

impl Ledger {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)? })
    }

    pub(crate) fn enter(&self, run: Uuid, op: u32, name: &str) -> Result<()> {
        let line = format!("{} {run} {op} {name}\n", std::process::id());
        Ok((&self.file).write_all(line.as_bytes())?)
    }
}

/// A ledger's path, unique to a test; the file goes with the handle.
pub(crate) struct LedgerFile(pub(crate) PathBuf);

impl LedgerFile {
    pub(crate) fn new(test: &str) -> Self {
        let name = format!("flows-ledger-{test}-{}", std::process::id());
        let directory = std::env::var_os("FLOWS_TEST_LEDGERS");
        Self(directory.map_or_else(std::env::temp_dir, PathBuf::from).join(name))
    }

    pub(crate) fn entries(&self) -> Result<Vec<Entry>> {
        std::fs::read_to_string(&self.0)?.lines().map(parse).collect()
    }

    /// How often each activity of each run was invoked.
    pub(crate) fn invocations(&self) -> Result<HashMap<(Uuid, u32), usize>> {
        let mut counts = HashMap::new();
        for entry in self.entries()? {
            *counts.entry((entry.run, entry.op)).or_default() += 1;
        }
        Ok(counts)
    }
}

impl Drop for LedgerFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn parse(line: &str) -> Result<Entry> {
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or_else(|| flows::Error::terminal("a short ledger line"));
    Ok(Entry { process: word()?.parse()?, run: word()?.parse()?, op: word()?.parse()? })
}
