//! The file: lines inside lines, entries in a fixed order with an empty line between.
//!
//! A format of its own and not TOML: shapes and call sites are trees of short lines, which people
//! review and git merges line by line. In TOML they would be long quoted texts or deep tables.

use super::snapshot::{Key, Lock, LockEntry};
use crate::graph;
use crate::outline::{self, Line};

/// The first line that is no comment; another number is another format.
const FORMAT: &str = "format 1";

const ABOUT: &str = "\
# What open runs depend on: names, shapes of values, and the calls of each workflow in order.
# Made by the test that calls `flows::testing::check_lock()`, which fails when an edit would break
# open runs. Commit it. To accept an edit that the test refuses: FLOWS_LOCK=update cargo test
";

impl Lock {
    /// The text of the file.
    pub fn to_text(&self) -> String {
        let mut out = format!("{ABOUT}{FORMAT}\n");
        for (key, entry) in &self.entries {
            out.push('\n');
            Line::new(key.to_string(), lines(entry)).write(&mut out, 0);
        }
        out
    }

    /// Reads the text of a file. The error says which line is wrong, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |(line, why): (u32, String)| format!("line {line}: {why}");
        let lines =
            outline::parse(text).map_err(|(line, why)| wrong((line, format!("it {why}"))))?;
        let (first, entries) = lines.split_first().ok_or("it is empty")?;
        if first.text != FORMAT {
            return Err(wrong((first.line, format!("expected `{FORMAT}`, found `{first}`"))));
        }
        let mut lock = Self::default();
        for line in entries {
            let key = key(&line.text)
                .ok_or_else(|| wrong((line.line, format!("`{line}` is no entry"))))?;
            let entry = entry(line).map_err(wrong)?;
            if lock.entries.insert(key, entry).is_some() {
                return Err(wrong((line.line, format!("`{line}` is here twice"))));
            }
        }
        Ok(lock)
    }
}

fn lines(entry: &LockEntry) -> Vec<Line> {
    let postcard = entry.postcard.iter().map(|prints| format!("codec: postcard {prints}"));
    let mut lines: Vec<_> = postcard.map(|text| Line::new(text, Vec::new())).collect();
    lines.extend(entry.queue.iter().map(|queue| Line::new(format!("queue: {queue}"), Vec::new())));
    lines.extend(entry.shapes.iter().cloned());
    if !entry.steps.is_empty() {
        lines.push(Line::new("steps", graph::write(&entry.steps)));
    }
    lines
}

fn key(text: &str) -> Option<Key> {
    let (kind, name) = text.split_once(' ')?;
    match kind {
        "activity" => Some(Key::Activity(name.to_owned())),
        "signal" => Some(Key::Signal(name.to_owned())),
        "update" => Some(Key::Update(name.to_owned())),
        "workflow" => {
            let (name, version) = name.rsplit_once(' ')?;
            Some(Key::Workflow(name.to_owned(), version.parse().ok()?))
        }
        _ => None,
    }
}

fn entry(line: &Line) -> Result<LockEntry, (u32, String)> {
    let mut entry = LockEntry::default();
    for part in &line.inside {
        let name = part.text.split(':').next().unwrap_or_default();
        match name {
            "codec" => {
                let prints = part.text.strip_prefix("codec: postcard ");
                let wrong = || (part.line, format!("`{part}` is no codec"));
                entry.postcard = Some(prints.ok_or_else(wrong)?.to_owned());
            }
            "queue" => {
                let queue = part.text.strip_prefix("queue: ");
                let wrong = || (part.line, format!("`{part}` is no queue"));
                entry.queue = Some(queue.ok_or_else(wrong)?.to_owned());
            }
            "input" | "output" | "payload" | "request" | "response" => {
                entry.shapes.push(part.clone())
            }
            "steps" => entry.steps = graph::read(&part.inside)?,
            _ => return Err((part.line, format!("`{part}` is no part of an entry"))),
        }
    }
    Ok(entry)
}
