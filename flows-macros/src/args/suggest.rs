//! "did you mean": the known word nearest to a misspelt one.

/// The message for a word that is not known.
pub(crate) fn unknown(what: &str, word: &str, owner: &str, known: &[&str]) -> String {
    let hint = nearest(word, known).map(|near| format!("; did you mean `{near}`?"));
    let hint = hint.unwrap_or_default();
    format!("unknown {what} `{word}` of {owner}{hint}\n\nknown: {}", list(known))
}

/// The message where a key should stand.
pub(crate) fn expected(owner: &str, known: &[&str]) -> String {
    format!("expected a key of {owner}\n\nknown: {}", list(known))
}

fn list(known: &[&str]) -> String {
    known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ")
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|known| (distance(word, known), *known));
    let (edits, near) = scored.min_by_key(|(edits, _)| *edits)?;
    let is_near = edits <= word.len().max(near.len()) / 3;
    let is_related = || known.iter().find(|known| related(known, word)).copied();
    if is_near { Some(near) } else { is_related().or_else(|| meant(word, known)) }
}

/// What others call it, or what the other kind of definition does.
const MEANT: &[(&str, &str)] = &[
    ("timeout", "start_to_close"),
    ("start_to_close", "timeout"),
    ("schedule_to_close", "timeout"),
    ("task_queue", "queue"),
    ("retries", "max_attempts"),
    ("max_retries", "max_attempts"),
    ("tries", "max_attempts"),
    ("delay", "initial_interval"),
    ("factor", "backoff"),
    ("multiplier", "backoff"),
];

fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let meant = MEANT.iter().filter(|(said, _)| *said == word).map(|(_, meant)| meant);
    meant.into_iter().find_map(|meant| known.iter().find(|known| *known == meant)).copied()
}

/// `max_attempts` for `attempts`, `retry` for `retries`.
fn related(known: &str, word: &str) -> bool {
    let same_start = known.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
    word.len() > 3 && (same_start > 3 || known.contains(word) || word.contains(known))
}

/// Levenshtein distance: how many letters must be added, removed or exchanged.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let exchanged = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["name", "retry", "start_to_close", "max_attempts", "timeout"];

    #[test]
    fn finds_the_nearest() {
        assert_eq!(nearest("retries", KNOWN), Some("retry"));
        assert_eq!(nearest("retrys", KNOWN), Some("retry"));
        assert_eq!(nearest("start_to_clos", KNOWN), Some("start_to_close"));
        assert_eq!(nearest("attempts", KNOWN), Some("max_attempts"));
        assert_eq!(nearest("start_to_close_timeout", KNOWN), Some("start_to_close"));
        assert_eq!(nearest("zzz", KNOWN), None);
        assert_eq!(nearest("start_to_close", &["queue", "timeout"]), Some("timeout"));
    }

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("retry", "retry"), 0);
        assert_eq!(distance("rety", "retry"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
