//! Which rule of the [table](super::table) a path falls under.

use super::table::Rule;

/// A path as the table has it: its segments, without generic arguments.
pub(super) type Segments = Vec<String>;

/// The rule that says most about a path.
pub(super) fn find(segments: &[String], rules: &'static [Rule]) -> Option<&'static Rule> {
    let matches = rules.iter().filter_map(|rule| {
        let fit = rule.paths.iter().filter_map(|pattern| fit(segments, pattern)).max()?;
        Some((fit, rule))
    });
    matches.max_by_key(|(fit, _)| *fit).map(|(_, rule)| rule)
}

/// How well a pattern fits, if it does: an exact one better than any `::*`, and a longer one better
/// than a shorter.
fn fit(segments: &[String], pattern: &str) -> Option<usize> {
    if let Some(tail) = pattern.strip_prefix("..::") {
        return (!is_of_this_crate(segments) && ends_with(segments, tail)).then_some(usize::MAX);
    }
    if let Some(start) = pattern.strip_suffix("::*") {
        let length = start.split("::").count();
        let head = segments.get(..length).filter(|_| segments.len() > length)?;
        return head.iter().eq(start.split("::")).then_some(length);
    }
    segments.iter().eq(pattern.split("::")).then_some(usize::MAX)
}

/// `crate::clock::SystemTime::now` is something of the user's own.
fn is_of_this_crate(segments: &[String]) -> bool {
    let first = segments.first().map(String::as_str);
    matches!(first, Some("crate" | "self" | "super" | "Self"))
}

fn ends_with(segments: &[String], tail: &str) -> bool {
    let mut from_the_end = segments.iter().rev();
    tail.rsplit("::").all(|name| from_the_end.next().is_some_and(|segment| segment == name))
}
