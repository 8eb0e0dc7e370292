//! What a comparison found, for people.

use std::fmt;

use super::snapshot::Key;
use crate::definition::SourceLocation;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Open runs are not affected.
    Note,
    /// Open runs may be affected; the source alone does not say.
    Warning,
    /// Open runs that have come far enough would be stuck, or go on with wrong values.
    Error,
}

/// One edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// The definition: `workflow order 1`.
    pub entry: String,
    /// Where it stands now, or where the definition does, if that is known.
    pub place: Option<String>,
    /// The edit.
    pub what: String,
    /// What to do, or why nothing need be done.
    pub help: String,
}

/// What has changed since the lock file was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockReport {
    /// The edits, by definition.
    pub findings: Vec<Finding>,
    /// Whether the file says anything else than the code.
    pub outdated: bool,
}

impl LockReport {
    /// Whether an edit would break open runs.
    pub fn breaks_open_runs(&self) -> bool {
        self.count(Level::Error) > 0
    }

    /// How many findings are of a level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

impl fmt::Display for LockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entry = "";
        for finding in &self.findings {
            if finding.entry != entry {
                entry = &finding.entry;
                writeln!(f, "{entry}")?;
            }
            let level = match finding.level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Note => "note",
            };
            writeln!(f, "  {level}: {}", finding.what)?;
            if let Some(place) = &finding.place {
                writeln!(f, "    --> {place}")?;
            }
            writeln!(f, "    help: {}", finding.help)?;
        }
        Ok(())
    }
}

/// Takes the findings about one definition.
pub(super) struct Findings {
    entry: String,
    source: Option<SourceLocation>,
    found: Vec<Finding>,
}

impl Findings {
    pub(super) fn of(key: &Key, source: Option<SourceLocation>) -> Self {
        Self { entry: key.to_string(), source, found: Vec::new() }
    }

    /// An edit of the definition as a whole.
    pub(super) fn add(&mut self, level: Level, what: impl Into<String>, help: impl Into<String>) {
        self.add_at(level, 0, what, help);
    }

    /// An edit in a line of the definition's file; 0 is the definition itself.
    pub(super) fn add_at(
        &mut self,
        level: Level,
        line: u32,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        let place = self.source.map(|source| {
            let line = if line == 0 { source.line } else { line };
            format!("{}:{line}", source.file)
        });
        let (what, help) = (what.into(), help.into());
        self.found.push(Finding { level, entry: self.entry.clone(), place, what, help });
    }

    pub(super) fn finish(self) -> Vec<Finding> {
        self.found
    }
}
