//! Hints as the text of a notification: who sends, then what.
//!
//! `9f3a…;r1,2,3` runs ready in shards · `m…` messages of a worker · `c…,…` runs closed · `t…:…` runs
//! terminated, each with its tenant · `p…,…` runs have published (`p`: any may have) · `l1,2` attempts of activities
//! in lanes · `w…` a worker runs what nobody waits for · `u` look.

use flows_core::clock::uuid_v7;
use flows_core::ids::RunKey;
use flows_core::store::Hint;
use uuid::Uuid;

use super::notify::Gathered;

/// Runs that one notification names: PostgreSQL allows less than 8000 bytes.
const CLOSED: usize = 200;
/// Notifications at one time; what does not fit becomes `u`.
const PAYLOADS: usize = 16;
/// Runs that have published and are named; of more, every reader looks.
const PUBLISHED: usize = 4 * CLOSED;

/// The process that sends, so that it does not hear itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender(Uuid);

impl Sender {
    pub(super) fn new() -> Self {
        Self(uuid_v7())
    }

    /// The notifications for what has gathered.
    pub(super) fn write(self, gathered: &Gathered) -> Vec<String> {
        let unsure = vec!["u".to_owned()];
        let parts = if gathered.unsure { unsure.clone() } else { parts(gathered) };
        let parts = if parts.len() > PAYLOADS { unsure } else { parts };
        parts.into_iter().map(|part| format!("{};{part}", self.0.simple())).collect()
    }

    /// What a notification says, unless it is this process's own. One that cannot be read is from
    /// another build.
    pub(super) fn read(self, payload: &str) -> Option<Hint> {
        let (sender, part) = payload.split_once(';').unwrap_or(("", payload));
        if Uuid::parse_str(sender) == Ok(self.0) {
            return None;
        }
        Some(hint(part).unwrap_or(Hint::Unsure))
    }
}

fn parts(gathered: &Gathered) -> Vec<String> {
    let mut parts = Vec::new();
    if !gathered.shards.is_empty() {
        parts.push(format!("r{}", join(gathered.shards.iter().map(i16::to_string))));
    }
    parts.extend(gathered.workers.iter().map(|worker| format!("m{}", worker.simple())));
    for runs in gathered.closed.chunks(CLOSED) {
        parts.push(format!("c{}", join(runs.iter().map(|run| run.simple().to_string()))));
    }
    if gathered.published.len() > PUBLISHED {
        parts.push("p".to_owned());
    } else {
        let published: Vec<_> =
            gathered.published.iter().map(|run| run.simple().to_string()).collect();
        parts.extend(published.chunks(CLOSED).map(|runs| format!("p{}", runs.join(","))));
    }
    for runs in gathered.terminated.chunks(CLOSED / 2) {
        let runs = runs.iter().map(|key| format!("{}:{}", key.run.simple(), key.tenant.simple()));
        parts.push(format!("t{}", join(runs)));
    }
    let lanes: Vec<_> = gathered.lanes.iter().map(i64::to_string).collect();
    parts.extend(gathered.withdrawn.iter().map(|worker| format!("w{}", worker.simple())));
    parts.extend(lanes.chunks(CLOSED).map(|lanes| format!("l{}", lanes.join(","))));
    parts
}

fn join(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(",")
}

fn hint(part: &str) -> Option<Hint> {
    let words = |text: &'static str| part.strip_prefix(text).map(|rest| rest.split(','));
    if let Some(shards) = words("r") {
        return shards.map(|shard| shard.parse().ok()).collect::<Option<_>>().map(Hint::Ready);
    }
    if let Some(lanes) = words("l") {
        return lanes.map(|lane| lane.parse().ok()).collect::<Option<_>>().map(Hint::Tasks);
    }
    if let Some(runs) = words("c") {
        return runs.map(|run| Uuid::parse_str(run).ok()).collect::<Option<_>>().map(Hint::Closed);
    }
    if part == "p" {
        return Some(Hint::Published(Vec::new()));
    }
    if let Some(runs) = words("p") {
        return runs
            .map(|run| Uuid::parse_str(run).ok())
            .collect::<Option<_>>()
            .map(Hint::Published);
    }
    if let Some(runs) = words("t") {
        return runs.map(run_key).collect::<Option<_>>().map(Hint::Terminated);
    }
    let (kind, worker) = part.split_at_checked(1)?;
    let worker = Uuid::parse_str(worker).ok()?;
    match kind {
        "m" => Some(Hint::Messages(worker)),
        "w" => Some(Hint::Withdrawn(worker)),
        _ => None,
    }
}

fn run_key(word: &str) -> Option<RunKey> {
    let (run, tenant) = word.split_once(':')?;
    Some(RunKey::of_run(Uuid::parse_str(tenant).ok()?, Uuid::parse_str(run).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(hints: &[Hint]) -> Gathered {
        let mut gathered = Gathered::default();
        hints.iter().cloned().for_each(|hint| gathered.add(hint));
        gathered
    }

    #[test]
    fn every_hint_survives_the_wire() {
        let (here, there) = (Sender::new(), Sender::new());
        let (worker, run) = (uuid_v7(), uuid_v7());
        let terminated = vec![RunKey::of_run(uuid_v7(), uuid_v7()), RunKey::of_run(worker, run)];
        let hints = [
            Hint::Ready(vec![1, 15]),
            Hint::Messages(worker),
            Hint::Closed(vec![run]),
            Hint::Published(vec![run]),
            Hint::Terminated(terminated),
            Hint::Withdrawn(worker),
            Hint::Tasks(vec![i64::MIN, 7]),
        ];
        let woken = RunKey { shard: 15, ..RunKey::of_run(worker, run) };
        let sent = [&hints[..], &[Hint::Woken(vec![woken])]].concat();
        let payloads = here.write(&gathered(&sent));
        let read = payloads.iter().filter_map(|payload| there.read(payload)).collect::<Vec<_>>();
        assert_eq!(read, hints);
        assert!(payloads.iter().all(|payload| here.read(payload).is_none()), "heard itself");
    }

    #[test]
    fn what_does_not_fit_says_look_everywhere() {
        let runs = (0..10_000).map(|_| uuid_v7()).collect::<Vec<_>>();
        let payloads = Sender::new().write(&gathered(&[Hint::Closed(runs)]));
        assert_eq!(payloads.len(), 1);
        assert_eq!(Sender::new().read(&payloads[0]), Some(Hint::Unsure));
        let some = (0..CLOSED * 3).map(|_| uuid_v7()).collect::<Vec<_>>();
        let payloads = Sender::new().write(&gathered(&[Hint::Closed(some)]));
        assert_eq!(payloads.len(), 3);
        assert!(payloads.iter().all(|payload| payload.len() < 8000));
    }

    #[test]
    fn of_too_many_runs_that_have_published_none_is_named() {
        let runs = (0..=PUBLISHED).map(|_| uuid_v7()).collect::<Vec<_>>();
        let payloads = Sender::new().write(&gathered(&[Hint::Published(runs)]));
        let read = payloads.iter().filter_map(|payload| Sender::new().read(payload));
        assert_eq!(read.collect::<Vec<_>>(), [Hint::Published(Vec::new())]);
    }

    #[test]
    fn what_cannot_be_read_says_look_everywhere() {
        for payload in ["", "x", "9;", ";r", ";r1,x", ";cnothing", ";m", ";t1", ";u"] {
            assert_eq!(Sender::new().read(payload), Some(Hint::Unsure), "{payload}");
        }
    }
}
