//! Lists of many runs: what is few among many is found at once, what a page looks at is bounded, and
//! whatever way a list is read, it has what a plain query has.

mod common;

use common::*;
use flows_core::ids::RunKey;
use flows_core::store::traits::*;
use flows_core::store::{
    AttributeFilter, AttributeValue, Committed, ListCursor, ListFilter, NewRun, Next, RunStatus,
    RunView, list_all,
};
use flows_core::time::Timestamp;
use uuid::Uuid;

const MANY: &str = "
    INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow, queue, input, status,
                            closed_at, output)
    SELECT n % 16, '00000000-0000-0000-0000-000000000000', flows.uuidv7(), 1, 1, 'many', 'default',
           '1', 1, clock_timestamp(), '1'
    FROM generate_series(1, 25000) AS n";

/// The oldest: one for each filter.
const FEW: &str = "
    INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow, queue, input, status,
                            created_at, closed_at, output)
    SELECT n, '00000000-0000-0000-0000-000000000000', flows.uuidv7(), 1, CASE n WHEN 1 THEN 7 ELSE 1 END,
           CASE n WHEN 2 THEN 'rare' ELSE 'many' END, 'default', '1', CASE WHEN n < 4 THEN 1 ELSE n - 2 END,
           at, at + CASE n WHEN 3 THEN interval '1 year' ELSE interval '1 s' END, '1'
    FROM generate_series(1, 8) AS n, LATERAL (SELECT '2020-01-01'::timestamptz + n * interval '1 s' AS at) AS a";

/// What the store sets where it ends a run.
const ENDED: &str = "
    UPDATE flows.runs
    SET outcome = CASE WHEN status > 1 THEN status END,
        ended_late = CASE WHEN closed_at NOT BETWEEN created_at AND created_at + interval '1 min' THEN closed_at END
    WHERE closed_at IS NOT NULL";

fn any() -> ListFilter {
    ListFilter { limit: 100, ..ListFilter::default() }
}

/// The only page of a list, and what is counted by the first.
async fn only_page(db: &Setup, filter: &ListFilter) -> Vec<RunKey> {
    let page = db.store.list(Uuid::nil(), filter).await.expect("a list");
    assert_eq!(page.next, None, "{filter:?} looks at all runs");
    let counted = db.store.count(Uuid::nil(), filter).await.expect("a count");
    assert_eq!(counted, page.runs.len() as u64, "{filter:?}");
    page.runs.iter().map(|run| run.key).collect()
}

#[tokio::test]
async fn few_among_many_are_found_at_once_by_any_filter() {
    let db = setup().await;
    let open = run(None);
    start(&db.store, &open).await;
    let sql = db.sql().await;
    sql.batch_execute(FEW).await.expect("a few runs");
    sql.batch_execute(ENDED).await.expect("they have ended");
    sql.batch_execute(MANY).await.expect("many runs");
    let few = sql
        .query("SELECT run_id FROM flows.runs WHERE created_at < '2021-01-01' ORDER BY shard", &[]);
    let few: Vec<Uuid> = few.await.expect("the few").iter().map(|row| row.get(0)).collect();
    let days = ["2020-06-01", "2020-12-01", "2021-03-01"].map(|day| time(&sql, day));
    let [middle, end, later] =
        futures_util::future::join_all(days).await.try_into().expect("three");

    let status = |status| ListFilter { status: Some(status), ..any() };
    for (filter, expected) in [
        (ListFilter { version: Some(7), ..any() }, few[0]),
        (ListFilter { workflow: Some("rare".into()), ..any() }, few[1]),
        (ListFilter { closed_after: Some(end), closed_before: Some(later), ..any() }, few[2]),
        (status(RunStatus::Failed), few[3]),
        (status(RunStatus::Cancelled), few[4]),
        (status(RunStatus::Terminated), few[5]),
        (status(RunStatus::TimedOut), few[6]),
        (status(RunStatus::Continued), few[7]),
        (status(RunStatus::Running), open.key.run),
    ] {
        let found = only_page(&db, &filter).await;
        assert_eq!(found.iter().map(|key| key.run).collect::<Vec<_>>(), [expected], "{filter:?}");
        let nobody = ListFilter { workflow: Some("nobody".into()), ..filter };
        assert_eq!(only_page(&db, &nobody).await, []);
    }
    for filter in [
        ListFilter { closed_after: Some(Timestamp::MAX), ..any() },
        ListFilter { closed_after: Some(middle), closed_before: Some(end), ..any() },
        ListFilter { created_after: Some(middle), created_before: Some(end), ..any() },
        ListFilter { closed_after: Some(middle), ..status(RunStatus::Running) },
    ] {
        assert_eq!(only_page(&db, &filter).await, [], "{filter:?}");
    }
    let oldest = ListFilter { created_before: Some(middle), ..any() };
    assert_eq!(only_page(&db, &oldest).await.len(), few.len());
}

async fn time(sql: &flows_pg::tokio_postgres::Client, day: &str) -> Timestamp {
    let micros = format!("SELECT (extract(epoch FROM '{day}'::timestamptz) * 1000000)::bigint");
    Timestamp(sql.query_one(&micros, &[]).await.expect("a time").get(0))
}

/// Whether a run is open or completed, no index tells.
#[tokio::test]
async fn what_no_index_tells_is_found_in_pages() {
    let db = setup().await;
    let worker = db.worker().await;
    let done = db.owned(&worker).await;
    let end = record(done, 0, Next::Close(close(RunStatus::Completed)));
    commit(&db.store, &worker, &[end]).await;
    let open = MANY.replace("1, clock_timestamp(), '1'", "0, NULL, NULL");
    db.sql().await.batch_execute(&open).await.expect("open runs");

    let completed = ListFilter { status: Some(RunStatus::Completed), ..any() };
    let page = db.store.list(Uuid::nil(), &completed).await.expect("a page");
    assert!(page.runs.is_empty(), "a page looks at a part of them");
    assert!(page.next.is_some(), "and says that there are more");
    let found = list_all(&db.store, Uuid::nil(), &completed).await.expect("a list");
    assert_eq!(found.runs.iter().map(|run| run.key).collect::<Vec<_>>(), [done]);
    assert_eq!(found.next, None);
    assert_eq!(db.store.count(Uuid::nil(), &any()).await.expect("a count"), 25_001);
}

/// Of all outcomes, workflows and versions, half of them late, some with a clock that was set back, some
/// of one time; and the open ones are parked.
const MIXED: &str = "
    INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow, queue, input, status,
                            created_at, closed_at)
    SELECT n % 16, '00000000-0000-0000-0000-000000000000', flows.uuidv7(), 1, 1 + n / 7 % 2,
           CASE WHEN n % 97 = 0 THEN 'rare' ELSE 'w' || n % 3 END, 'default', '1', n % 7,
           '2024-01-01'::timestamptz + n / 2 * interval '1 minute',
           CASE WHEN n % 7 > 0 THEN '2024-01-01'::timestamptz + n / 2 * interval '1 minute'
               + CASE n % 4 WHEN 0 THEN '1 s' WHEN 1 THEN '2 days' WHEN 2 THEN '1 minute' ELSE '-5 s' END::interval END
    FROM generate_series(1, 7000) AS n;
    INSERT INTO flows.parked (shard, tenant_id, run_id, priority, lane, waiting_for)
    SELECT shard, tenant_id, run_id, 0, 1, 'signal `go`' FROM flows.runs WHERE status = 0";

const PLAIN: &str = "
    SELECT run_id FROM flows.runs
    WHERE ($1::text IS NULL OR workflow = $1) AND ($2::bigint IS NULL OR version = $2)
      AND ($3::smallint IS NULL OR status = $3)
      AND ($4::bigint IS NULL OR closed_at >= to_timestamp($4::bigint))
      AND ($5::bigint IS NULL OR closed_at < to_timestamp($5::bigint))
      AND ($6::bigint IS NULL OR created_at >= to_timestamp($6::bigint))
    ORDER BY created_at DESC, run_id DESC";

#[tokio::test]
async fn lists_and_counts_have_what_a_plain_query_has() {
    let db = setup().await;
    let sql = db.sql().await;
    sql.batch_execute(MIXED).await.expect("runs");
    sql.batch_execute(ENDED).await.expect("they have ended");
    let workflows = [None, Some("rare"), Some("w1")];
    let statuses = [None, Some(0), Some(1), Some(2), Some(5)];
    // seconds since 1970: 2024-01-02, 2024-01-03
    let (second, third) = (Some(1_704_153_600), Some(1_704_240_000));
    let closed = [(None, None), (second, third), (third, None), (None, second)];
    let micros = |seconds: Option<i64>| seconds.map(|seconds| Timestamp(seconds * 1_000_000));
    let mut nth = 0;
    for workflow in workflows {
        for (status, (after, before)) in statuses.into_iter().flat_map(|s| closed.map(|c| (s, c))) {
            nth += 1;
            let version = [None, Some(2)][nth % 2];
            let created = [None, second, None][nth % 3];
            let filter = ListFilter {
                workflow: workflow.map(str::to_owned),
                version,
                status: status.and_then(RunStatus::from_code),
                closed_after: micros(after),
                closed_before: micros(before),
                created_after: micros(created),
                limit: 150,
                ..ListFilter::default()
            };
            let version = version.map(i64::from);
            let plain = sql
                .query(PLAIN, &[&workflow, &version, &status, &after, &before, &created])
                .await
                .expect("rows");
            let plain = plain.iter().map(|row| row.get(0)).collect::<Vec<Uuid>>();
            assert_eq!(by_pages(&db, filter.clone()).await, plain, "{filter:?}");
            let counted = db.store.count(Uuid::nil(), &filter).await.expect("a count");
            assert_eq!(counted, plain.len() as u64, "{filter:?}");
        }
    }
}

/// A random number below a bound.
fn below(state: &mut u64, bound: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % bound
}

/// A filter made at random, of values that runs have and that none has; times are those of runs.
fn random_filter(state: &mut u64, runs: &[RunView]) -> ListFilter {
    let at = |state: &mut u64| runs[below(state, runs.len() as u64) as usize].created_at;
    let window = |state: &mut u64| match below(state, 4) {
        0 => (Some(at(state)), Some(at(state))),
        1 => (Some(at(state)), None),
        2 => (None, Some(at(state))),
        _ => (None, None),
    };
    let workflow = ["w0", "w1", "rare", "nobody", "", "", "", ""][below(state, 8) as usize];
    let workflow = Some(workflow.to_owned()).filter(|name| !name.is_empty());
    let version = [None, None, Some(1), Some(2), Some(9)][below(state, 5) as usize];
    let status = RunStatus::from_code(below(state, 12) as i16);
    let (created, closed) = (window(state), window(state));
    let behind =
        (below(state, 4) == 0).then(|| ListCursor::of(&runs[below(state, 7_000) as usize]));
    ListFilter {
        parent: None,
        workflow,
        version,
        status,
        created_after: created.0,
        created_before: created.1,
        closed_after: closed.0,
        closed_before: closed.1,
        attributes: Vec::new(),
        behind,
        payloads: false,
        limit: [1, 7, 150, 9_000][below(state, 4) as usize],
    }
}

#[tokio::test]
async fn any_filters_together_select_what_passes_them() {
    let db = setup().await;
    let sql = db.sql().await;
    sql.batch_execute(MIXED).await.expect("runs");
    sql.batch_execute(ENDED).await.expect("they have ended");
    let whole = ListFilter { limit: 10_000, ..any() };
    let whole = list_all(&db.store, Uuid::nil(), &whole).await.expect("a list").runs;
    assert_eq!(whole.len(), 7_000);
    assert!(whole.is_sorted_by_key(|run| std::cmp::Reverse(ListCursor::of(run))));
    let mut state = 7;
    for nth in 0..150 {
        let filter = random_filter(&mut state, &whole);
        let passing = whole.iter().filter(|run| filter.passes(run)).map(|run| run.key.run);
        let expected = passing.collect::<Vec<_>>();
        let all = ListFilter { limit: filter.limit.max(expected.len() / 20 + 1), ..filter.clone() };
        assert_eq!(by_pages(&db, all).await, expected, "{nth}: {filter:?}");
        let page = db.store.list(Uuid::nil(), &filter).await.expect("a page");
        let page = page.runs.iter().map(|run| run.key.run).collect::<Vec<_>>();
        assert!(expected.starts_with(&page), "{nth}: {filter:?}");
        let counted = db.store.count(Uuid::nil(), &filter).await.expect("a count");
        assert_eq!(counted, expected.len() as u64, "{nth}: {filter:?}");
    }
}

/// Every run has a number below 50 and a name, each third one a stage, and one in a hundred is rare.
const ATTRIBUTES: &str = "
    INSERT INTO flows.attributes (shard, tenant_id, run_id, name, rows, encoded, created_at)
    SELECT r.shard, r.tenant_id, r.run_id, a.name, 0, a.encoded, r.created_at
    FROM (SELECT r.*, row_number() OVER (ORDER BY run_id) AS n FROM flows.runs r) AS r,
         LATERAL (VALUES ('number', '\\x02'::bytea || int8send((n % 50) # (-9223372036854775808)::bigint)),
                         ('name', '\\x04'::bytea || convert_to('n' || n % 2000, 'UTF8')),
                         ('stage', CASE n % 3 WHEN 0 THEN '\\x0461'::bytea END),
                         ('rare', CASE n % 100 WHEN 7 THEN '\\x0101'::bytea END)) AS a (name, encoded)
    WHERE a.encoded IS NOT NULL";

fn random_attribute(state: &mut u64) -> AttributeFilter {
    let number = |state: &mut u64| AttributeValue::from(below(state, 55) as i64);
    let name = |state: &mut u64| AttributeValue::from(format!("n{}", below(state, 2_100)));
    match below(state, 9) {
        0 => AttributeFilter::one_of("number", [number(state)]),
        1 => AttributeFilter::one_of("number", (0..below(state, 30)).map(|_| number(state))),
        2 => AttributeFilter::within("number", &(number(state)..number(state))),
        3 => AttributeFilter::within("number", &(number(state)..)),
        4 => AttributeFilter::one_of("name", (0..30).map(|_| name(state))),
        5 => AttributeFilter::within("name", &(name(state)..=name(state))),
        6 => AttributeFilter::one_of("stage", ["a".into()]),
        7 => AttributeFilter::within("rare", &..),
        _ => AttributeFilter::one_of("stage", [1.into(), "b".into()]),
    }
}

#[tokio::test]
async fn attributes_and_other_filters_select_what_passes_them() {
    let db = setup().await;
    let sql = db.sql().await;
    for text in [MIXED, ENDED, ATTRIBUTES] {
        sql.batch_execute(text).await.expect("runs");
    }
    let attributes = vec![AttributeFilter::within("number", &..)];
    let whole = ListFilter { attributes, limit: 10_000, ..any() };
    let whole = list_all(&db.store, Uuid::nil(), &whole).await.expect("a list").runs;
    assert_eq!(whole.len(), 7_000);
    assert!(whole.is_sorted_by_key(|run| std::cmp::Reverse(ListCursor::of(run))));
    let mut state = 11;
    for nth in 0..80 {
        let attributes = (0..=below(&mut state, 2)).map(|_| random_attribute(&mut state)).collect();
        let other =
            if below(&mut state, 3) == 0 { any() } else { random_filter(&mut state, &whole) };
        let filter = ListFilter { attributes, ..other };
        let passes = |run: &&RunView| filter.passes(run) && filter.has_attributes(run);
        let expected = whole.iter().filter(passes).map(|run| run.key.run).collect::<Vec<_>>();
        let all = ListFilter { limit: filter.limit.max(expected.len() / 10 + 1), ..filter.clone() };
        assert_eq!(by_pages(&db, all).await, expected, "{nth}: {filter:?}");
        let page = db.store.list(Uuid::nil(), &filter).await.expect("a page");
        let page = page.runs.iter().map(|run| run.key.run).collect::<Vec<_>>();
        assert!(expected.starts_with(&page), "{nth}: {filter:?}");
        let counted = db.store.count(Uuid::nil(), &filter).await.expect("a count");
        assert_eq!(counted, expected.len() as u64, "{nth}: {filter:?}");
    }
}

/// For people: what is stored is text with a type.
#[tokio::test]
async fn attributes_are_shown_as_text() {
    let db = setup().await;
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_micros(1_500_000);
    let given: [(&str, AttributeValue); 5] = [
        ("boolean", true.into()),
        ("integer", (-42).into()),
        ("text", "ü".into()),
        ("time", time.into()),
        ("empty", "".into()),
    ];
    let given = given.map(|(name, value)| (name.to_owned(), value)).into();
    let new = NewRun { attributes: Some(Box::new(given)), ..run(None) };
    start(&db.store, &new).await;
    let shown = "SELECT concat_ws(' ', name, type, CASE type WHEN 'timestamp' THEN extract(epoch FROM value::timestamptz)::text
                 ELSE value END) FROM flows.run_attributes ORDER BY name";
    let expected = [
        "boolean boolean true",
        "empty text ",
        "integer integer -42",
        "text text ü",
        "time timestamp 1.500000",
    ];
    assert_eq!(db.column(shown).await, expected);
}

async fn by_pages(db: &Setup, mut filter: ListFilter) -> Vec<Uuid> {
    let mut found = Vec::new();
    loop {
        let page = db.store.list(Uuid::nil(), &filter).await.expect("a page");
        assert!(page.runs.len() <= filter.limit);
        found.extend(page.runs.iter().map(|run| run.key.run));
        filter.behind = page.next;
        if page.next.is_none() {
            return found;
        }
    }
}

/// Whatever a page found: it is cut short by its payloads before it is by what it looks at.
#[tokio::test]
async fn a_page_that_payloads_cut_short_goes_on_behind_its_last_run() {
    let db = setup().await;
    let large = "
        INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow, queue, input)
        SELECT n, '00000000-0000-0000-0000-000000000000', flows.uuidv7(), 1, 1, 'large', 'default',
               to_jsonb((SELECT string_agg(md5((n + x)::text), '') FROM generate_series(1, 320000) AS x))
        FROM generate_series(1, 4) AS n";
    let client = db.sql().await;
    client.batch_execute(large).await.unwrap();
    client.batch_execute(MANY).await.unwrap();
    let workflow = Some("large".to_owned());
    let mut filter = ListFilter { workflow, payloads: true, limit: 100, ..ListFilter::default() };
    let (mut found, mut most) = (0, 0);
    loop {
        let page = db.store.list(Uuid::nil(), &filter).await.unwrap();
        assert!(page.runs.iter().all(|run| run.input().is_some()));
        (found, most) = (found + page.runs.len(), most.max(page.runs.len()));
        filter.behind = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!((found, most), (4, 2), "10 MB each, and pages of 16");
}

/// Whoever ends a run notes for lists how it ended, and when, if that is not near its start.
#[tokio::test]
async fn an_end_is_noted_for_lists_by_a_worker_and_by_a_termination() {
    let db = setup().await;
    let worker = db.worker().await;
    let sql = db.sql().await;
    for (status, age) in [
        (RunStatus::Completed, "0"),
        (RunStatus::Completed, "1 day"),
        (RunStatus::Failed, "0"),
        (RunStatus::Failed, "1 day"),
    ] {
        let key = db.owned(&worker).await;
        let older =
            "UPDATE flows.runs SET created_at = created_at - $2::text::interval WHERE run_id = $1";
        sql.execute(older, &[&key.run, &age]).await.expect("an older run");
        let ends = [move_only(key, Next::Close(close(status)))];
        assert_eq!(commit(&db.store, &worker, &ends).await, [Committed::Done]);
        let key = db.owned(&worker).await;
        sql.execute(older, &[&key.run, &age]).await.expect("an older run");
        assert!(db.store.terminate(key, b"end", &close(status), &[]).await.expect("an end"));
    }
    let noted = "SELECT outcome::text, count(*)::text, count(ended_late)::text, bool_and(ended_late = closed_at)::text
                 FROM flows.runs GROUP BY status, outcome ORDER BY status";
    let noted = sql.query(noted, &[]).await.expect("what is noted");
    let texts = |row: &flows_pg::tokio_postgres::Row| -> [Option<String>; 4] {
        std::array::from_fn(|n| row.get(n))
    };
    let text = |text: &str| Some(text.to_owned());
    let failed = RunStatus::Failed.code().to_string();
    let expected = [
        [None, text("4"), text("2"), text("true")],
        [text(&failed), text("4"), text("2"), text("true")],
    ];
    assert_eq!(noted.iter().map(texts).collect::<Vec<_>>(), expected);
}
