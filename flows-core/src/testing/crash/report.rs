//! What a failed `crash_everywhere` says: where the worker died, what differs, the journal.

use std::io::Write;
use std::time::{Duration, SystemTime};

use super::plan::CrashPoint;
use super::run::CrashRun;
use super::verdict::Difference;
use crate::engine::HistoryEvent;
use crate::testing::causes::CAUSES;

/// The longest value that is shown whole.
const SHOWN: usize = 120;

/// The worker's death has changed something.
pub(super) fn failure(
    workflow: &str,
    place: CrashPoint,
    [undisturbed, crashed]: [&CrashRun; 2],
    difference: &Difference,
    first: Vec<String>,
) -> String {
    let (commits, effects) = (undisturbed.commits, undisturbed.effects);
    let mut lines = vec![
        format!("workflow `{workflow}` does not survive the death of its worker {place}"),
        format!("  (commits in an undisturbed run: {commits}; attempts of activities: {effects})"),
    ];
    lines.extend(what_differs(difference, ["undisturbed:", "crashed:    "]));
    lines.extend(first);
    lines.push(CAUSES.to_owned());
    lines.push("  the journal of the crashed run:".to_owned());
    lines.extend(journal(&crashed.journal));
    lines.join("\n")
}

/// Even undisturbed, it is not the same twice.
pub(super) fn unlike(
    workflow: &str,
    again: &CrashRun,
    difference: &Difference,
    first: Vec<String>,
) -> String {
    let mut lines = vec![format!(
        "workflow `{workflow}` is not the same when it is run again, without any crash"
    )];
    lines.extend(what_differs(difference, ["the first time: ", "the second time:"]));
    lines.extend(first);
    lines.push(CAUSES.to_owned());
    lines.push("  the journal of the second run:".to_owned());
    lines.extend(journal(&again.journal));
    lines.join("\n")
}

/// In another process it is not the same.
pub(super) fn elsewhere(workflow: &str, difference: &str, undisturbed: &CrashRun) -> String {
    let mut lines = vec![
        format!("workflow `{workflow}` is not the same when it is replayed in another process"),
        "  (a moment later, in another directory, without the environment variables of this one)"
            .to_owned(),
        format!("  what differs: {}", difference.replace('\n', "\n  ")),
        CAUSES.to_owned(),
        "  the journal of the undisturbed run:".to_owned(),
    ];
    lines.extend(journal(&undisturbed.journal));
    lines.join("\n")
}

/// Past the capture of test output: the test passes, and was to show more than it did.
pub(super) fn not_replayed(workflow: &str, why: &str) {
    let message = format!(
        "flows: `crash_everywhere` has not replayed workflow `{workflow}` in another process: {why}\n  \
         (write `.here_only()` where it is not to be)\n"
    );
    drop(std::io::stderr().write_all(message.as_bytes()));
}

fn what_differs(difference: &Difference, labels: [&str; 2]) -> Vec<String> {
    let mut lines = vec![format!("  what differs: {}", difference.what)];
    if let Some((one, other)) = &difference.sides {
        lines.push(format!("    {} {}", labels[0], indented(one)));
        lines.push(format!("    {} {}", labels[1], indented(other)));
    }
    lines
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n             ")
}

fn journal(events: &[HistoryEvent]) -> Vec<String> {
    let Some(first) = events.first() else { return vec!["    (it is empty)".to_owned()] };
    events.iter().map(|event| line(event, first.at)).collect()
}

/// `    2 +1h activity_completed `charge` (#0) = {"id":1}`
fn line(event: &HistoryEvent, started: SystemTime) -> String {
    let since = event.at.duration_since(started).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let since = humantime::format_duration(Duration::from_millis(millis));
    let mut line = format!("    {} +{since} {}", event.position, event.kind);
    if let Some(name) = &event.name {
        line.push_str(&format!(" `{name}`"));
    }
    if let Some(op) = event.operation {
        line.push_str(&format!(" (#{op})"));
    }
    if let Some(value) = &event.value {
        line.push_str(&format!(" = {}", cut(&format!("{value:?}"))));
    }
    if let Some(error) = &event.error {
        line.push_str(&format!(": {}", cut(error.message())));
    }
    line
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
