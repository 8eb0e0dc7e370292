//! The hot statements, each with arguments as the store would give them, for the tables of `fill`.

use super::fill::{CROWDED, Key, LANE, LANES, TENANTS, id, key};
use super::lists;
use crate::session::{CLAIMER, WRITER};
use crate::sql::*;

/// The tenant of all cases that are sent as a tenant.
pub(super) const TENANT: u64 = 5;
/// Rows of a batch.
const BATCH: u64 = 200;
/// Rows of a batch of one tenant.
const TENANT_BATCH: u64 = 60;
/// A worker that owns the runs of `owned`, without messages; and one whose runs have messages.
const WORKER: u64 = 5;
const MAILED: u64 = 2;

/// A hot statement.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) sql: Sql,
    /// What prepares its session; none for a tenant's transaction.
    pub(super) session: Option<&'static str>,
    /// Rows that it is about: of its arrays, or its limit.
    pub(super) rows: u64,
    /// Pages of 8 KB that it may look at, for each of these rows.
    pub(super) pages: u64,
    /// Who sends it, where that is a tenant.
    pub(super) tenant: u64,
    /// In SQL.
    pub(super) arguments: Vec<String>,
}

fn worker(sql: Sql, session: &'static str, rows: u64, pages: u64, arguments: Vec<String>) -> Case {
    Case { sql, session: Some(session), rows, pages, tenant: TENANT, arguments }
}

fn tenant(sql: Sql, rows: u64, pages: u64, arguments: Vec<String>) -> Case {
    Case { sql, session: None, rows, pages, tenant: TENANT, arguments }
}

/// A claim for a worker of many lanes, all of which have runs in one shard.
pub(super) fn many_lanes() -> Case {
    let lanes = list((0..LANES).map(|n| 10 + 2 * n));
    let (me, shard, limit) = (text(id(WORKER)), CROWDED.to_string(), BATCH.to_string());
    worker(CLAIM, CLAIMER, BATCH, 60, vec![me, shard, lanes, limit, "9".into(), "1000000".into()])
}

/// A look of a worker of four times as many lanes, none of which has runs: those of others lie between.
pub(super) fn foreign_lanes() -> Case {
    let lanes = list((0..LANES * 4).map(|n| 3 + 2 * n));
    let pages = 14 * 16 + LANES * 5; // as idle as any, and for each foreign lane once down the index
    worker(POLL, CLAIMER, 1, pages, vec![text(id(WORKER)), lanes, shards(), "'{1,2}'".into()])
}

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    let lanes = vec![many_lanes(), foreign_lanes()];
    [commits(), claims(), lanes, clients(), looks(), lists::cases()].into_iter().flatten().collect()
}

fn commits() -> Vec<Case> {
    let (owned, mixed) = (owned(), numbers(1..=BATCH));
    let me = text(id(WORKER));
    vec![
        worker(APPEND, WRITER, BATCH, 12, [columns(&owned), rows(&owned)].concat()),
        worker(TURN, WRITER, BATCH, 60, turn(&owned, &me)),
        worker(PARK, WRITER, BATCH, 40, park(&owned, &me)),
        worker(PUBLISH_ITEMS, WRITER, BATCH, 40, publish_items(&owned)),
        worker(SET_QUERIES, WRITER, BATCH, 20, set_queries(&owned)),
        worker(SET_ATTRIBUTES, WRITER, BATCH, 30, set_attributes(&owned)),
        worker(ANSWER_UPDATES, WRITER, BATCH, 60, answer_updates(&owned, &me)),
        worker(ADD_TASKS, WRITER, BATCH, 20, add_tasks(&owned)),
        worker(
            WITHDRAW_TASKS,
            WRITER,
            BATCH,
            20,
            [columns(&owned), vec![all(&owned, "1")]].concat(),
        ),
        worker(END_TASKS, WRITER, BATCH, 20, end_tasks(&owned, &me)),
        worker(START, WRITER, BATCH, 30, start(&new(|n| n))),
        worker(START_OWNED, WRITER, BATCH, 30, start_owned(&new(|n| n), &me)),
        worker(SEND, WRITER, BATCH, 60, send(&mixed)),
        worker(MOVE_INBOX, WRITER, BATCH, 45, inherit()),
        worker(FENCED, WRITER, BATCH, 20, fenced(&owned, &me)),
        worker(LOCKED, WRITER, BATCH, 20, [columns(&owned), vec![all(&owned, "true")]].concat()),
        worker(LOCKED_MESSAGES, WRITER, BATCH, 60, columns(&mixed)),
    ]
}

fn claims() -> Vec<Case> {
    let me = text(id(WORKER));
    let lanes = format!("'{{{LANE}}}'");
    let claim = vec![
        me.clone(),
        "1".into(),
        lanes.clone(),
        BATCH.to_string(),
        "9".into(),
        "1000000".into(),
    ];
    let read = ["1000000", "1000000", "1000"].map(str::to_owned).to_vec();
    let claim_stuck =
        vec![me.clone(), lanes.clone(), "20".into(), "9".into(), "1".into(), "1000000".into()];
    let reload = [vec![me.clone()], columns(&owned()), vec!["1000000".into()]].concat();
    let load = [columns(&owned()), vec![me.clone(), "1".into()], read].concat();
    let collect = vec![text(id(MAILED)), BATCH.to_string(), "9".into()];
    vec![
        worker(POLL, CLAIMER, 16, 14, vec![me.clone(), lanes.clone(), shards(), "'{1,2}'".into()]),
        worker(CHECK_TASKS, CLAIMER, BATCH, 30, check_tasks(&owned(), &me)),
        worker(CLAIM_TASKS, CLAIMER, BATCH, 30, claim_tasks(&me, &lanes)),
        worker(CLAIM, CLAIMER, BATCH, 60, claim),
        worker(CLAIM_STUCK, CLAIMER, 20, 90, claim_stuck),
        worker(LOAD, CLAIMER, BATCH, 24, load),
        worker(COLLECT, CLAIMER, BATCH, 20, collect),
        worker(LOAD_INBOXES, CLAIMER, BATCH, 8, inboxes(&numbers(1..=BATCH))),
        worker(WAKE_DUE, CLAIMER, 900, 25, vec![shards(), "500".into()]),
        worker(RELOAD, CLAIMER, BATCH, 16, reload),
    ]
}

fn clients() -> Vec<Case> {
    let mine = mine();
    let one = [text(key(TENANT).shard), text(key(TENANT).tenant), text(key(TENANT).run)];
    let with = |more: &[&str]| {
        let more = more.iter().map(|argument| (*argument).to_owned());
        one.iter().cloned().chain(more).collect::<Vec<_>>()
    };
    let taken = mine.iter().map(|key| format!("order {}", key.number));
    let holders = [columns(&mine), vec![list(taken)]].concat();
    vec![
        tenant(START, TENANT_BATCH, 40, start(&new(|n| n * TENANTS + TENANT))),
        tenant(SEND, TENANT_BATCH, 60, send(&mine)),
        tenant(HOLDERS, TENANT_BATCH, 12, holders),
        tenant(STATUSES, TENANT_BATCH, 8, columns(&mine)),
        tenant(OUTCOMES, TENANT_BATCH, 8, columns(&mine)),
        tenant(UPDATES, TENANT_BATCH, 16, updates(&mine)),
        tenant(APPEND_LAST, 1, 40, with(&["'\\x00'"])),
        tenant(END_RUN, 1, 20, with(&["2", "NULL", "NULL", "NULL"])),
        tenant(REMOVE_PLACEMENT, 1, 100, with(&["0", "0", "true"])),
        tenant(FORK, 1, 100, fork()),
        tenant(DISMISS, 1, 30, with(&["'by hand'"])),
    ]
}

fn looks() -> Vec<Case> {
    let mine = key(TENANT);
    let one = vec![text(mine.shard), text(mine.tenant), text(mine.run)];
    let id = vec![text(mine.shard), text(mine.tenant), "'order 5'".into()];
    let newest = vec![text(mine.tenant), shards(), "50".into(), "false".into()];
    vec![
        tenant(FIND, 1, 10, id),
        tenant(DESCRIBE, 1, 60, one.clone()),
        tenant(HISTORY, 10, 4, one.clone()),
        tenant(READ_ITEMS, 1, 12, [one.clone(), vec!["0".into(), "128".into()]].concat()),
        tenant(QUERY, 1, 6, [one, vec!["'stage'".into()]].concat()),
        tenant(DEAD_LETTERS, 16 * 50, 12, newest),
    ]
}

fn numbers(numbers: impl Iterator<Item = u64>) -> Vec<Key> {
    let mut keys = numbers.map(key).collect::<Vec<_>>();
    keys.sort_unstable();
    keys
}

/// Runs of `WORKER`, without messages.
fn owned() -> Vec<Key> {
    numbers((0..BATCH).map(|n| 5 + 300 * n))
}

/// Runs of `TENANT`, in all places.
fn mine() -> Vec<Key> {
    numbers((0..TENANT_BATCH).map(|n| TENANT + TENANTS * n))
}

/// Runs that do not exist yet.
fn new(number: fn(u64) -> u64) -> Vec<Key> {
    let count = if number(1) == 1 { BATCH } else { TENANT_BATCH };
    numbers((0..count).map(|n| number(n) + (1 << 32) / TENANTS * TENANTS))
}

fn columns(keys: &[Key]) -> Vec<String> {
    vec![
        list(keys.iter().map(|key| key.shard)),
        list(keys.iter().map(|key| key.tenant)),
        list(keys.iter().map(|key| key.run)),
    ]
}

/// Of a run with ten rows, another one of which the tenant has none.
fn fork() -> Vec<String> {
    let (from, new) = (key(TENANT), key(TENANT + TENANTS * (1 << 22)));
    let target = vec![text(new.shard), text(new.tenant), text(new.run), "0".into(), "0".into()];
    let source = vec![text(from.shard), text(from.run), "10".into(), "'{0}'".into()];
    [target, source, vec!["'{\"\\\\x00\"}'".into(), "10".into()]].concat()
}

fn inboxes(keys: &[Key]) -> Vec<String> {
    let limits = ["1000000", "1000", "false"].map(str::to_owned).to_vec();
    [columns(keys), vec![all(keys, "0")], limits].concat()
}

fn rows(keys: &[Key]) -> Vec<String> {
    vec![all(keys, "10"), all(keys, "\\\\x00")]
}

fn turn(keys: &[Key], me: &str) -> Vec<String> {
    let journal = [columns(keys), rows(keys)].concat();
    let consumed = [columns(keys), vec![list(keys.iter().map(|key| key.number))]].concat();
    let ends = ["1", "1", "NULL", "NULL", "false", "1"].map(|value| all(keys, value)).to_vec();
    [vec![me.to_owned()], journal, consumed, columns(keys), ends].concat()
}

fn park(keys: &[Key], me: &str) -> Vec<String> {
    let values = ["0", "2099-01-01", "go", "0", "NULL"].map(|value| all(keys, value)).to_vec();
    [vec![me.to_owned()], columns(keys), values].concat()
}

fn add_tasks(keys: &[Key]) -> Vec<String> {
    let values = ["7", "1", "2", "\\\\x00"].map(|value| all(keys, value)).to_vec();
    [columns(keys), values].concat()
}

fn end_tasks(keys: &[Key], me: &str) -> Vec<String> {
    let values = ["1", "1", "false"].map(|value| all(keys, value)).to_vec();
    [vec![me.to_owned()], columns(keys), values].concat()
}

fn check_tasks(keys: &[Key], me: &str) -> Vec<String> {
    let values = ["1", "1", "\\\\x00"].map(|value| all(keys, value)).to_vec();
    [vec![me.to_owned()], columns(keys), values].concat()
}

fn claim_tasks(me: &str, lanes: &str) -> Vec<String> {
    vec![me.to_owned(), lanes.to_owned(), BATCH.to_string(), "9".into()]
}

fn set_queries(keys: &[Key]) -> Vec<String> {
    let values = ["stage", "2", "2"].map(|value| all(keys, value)).to_vec();
    [columns(keys), values].concat()
}

fn publish_items(keys: &[Key]) -> Vec<String> {
    let values = ["NULL", "2"].map(|value| all(keys, value)).to_vec();
    [columns(keys), values, vec!["10000".into(), "16777216".into()]].concat()
}

fn set_attributes(keys: &[Key]) -> Vec<String> {
    let values = ["customer", "2", "\\\\x0463"].map(|value| all(keys, value)).to_vec();
    [columns(keys), values].concat()
}

fn answer_updates(keys: &[Key], me: &str) -> Vec<String> {
    let values = ["new", "2", "2", "1", "1"].map(|value| all(keys, value)).to_vec();
    [vec![me.to_owned()], columns(keys), values].concat()
}

fn updates(keys: &[Key]) -> Vec<String> {
    [columns(keys), vec![all(keys, "update")]].concat()
}

fn start(keys: &[Key]) -> Vec<String> {
    let ids = list(keys.iter().map(|key| format!("new {}", key.number)));
    let head = ["order", "1", "default", "0", "0", "1", "1"].map(|value| all(keys, value));
    let tail = vec![all(keys, "NULL"); 7];
    [columns(keys), vec![ids], head.to_vec(), tail].concat()
}

fn start_owned(keys: &[Key], me: &str) -> Vec<String> {
    [start(keys), vec![me.to_owned(), "9".into()]].concat()
}

fn send(keys: &[Key]) -> Vec<String> {
    let messages = ["0", "go", "0", "\\\\x31"].map(|value| all(keys, value)).to_vec();
    let dedup = list(keys.iter().map(|key| if key.number % 2 == 0 { "key" } else { "new key" }));
    [columns(keys), messages, vec![dedup]].concat()
}

/// To runs that are ready, from themselves: their messages come back to them.
fn inherit() -> Vec<String> {
    let ready = numbers((0..BATCH).map(|n| 1 + 3 * n));
    [columns(&ready), vec![list(ready.iter().map(|key| key.run))]].concat()
}

fn fenced(keys: &[Key], me: &str) -> Vec<String> {
    let values = vec![all(keys, "10"), all(keys, "true"), all(keys, "1")];
    [vec![me.to_owned()], columns(keys), values].concat()
}

pub(super) fn shards() -> String {
    list(0..16)
}

pub(super) fn text(value: impl std::fmt::Display) -> String {
    format!("'{value}'")
}

/// The same value for each.
fn all(keys: &[Key], value: &str) -> String {
    list(keys.iter().map(|_| value))
}

/// An array.
fn list(values: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let quoted = |value: String| if value == "NULL" { value } else { format!("\"{value}\"") };
    let values = values.map(|value| quoted(value.to_string())).collect::<Vec<_>>();
    format!("'{{{}}}'", values.join(","))
}
