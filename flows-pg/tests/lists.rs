//! Lists of many runs: what a page looks at is bounded, and what is few among many is found.

mod common;

use common::*;
use flows_core::store::{ListFilter, Store, list_all};
use uuid::Uuid;

const MANY: &str = "
    INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow, queue, input, status,
                            closed_at, output)
    SELECT n % 16, '00000000-0000-0000-0000-000000000000', flows.uuidv7(), 1, 1, 'many', 'default',
           '1', 1, now(), '1'
    FROM generate_series(1, 25000) AS n";

#[tokio::test]
async fn one_run_behind_many_is_found_in_pages() {
    let db = setup().await;
    let rare = run(None);
    start(&db.store, &rare).await;
    db.sql().await.batch_execute(MANY).await.unwrap();

    let workflow = Some("order".to_owned());
    let filter = ListFilter { workflow, limit: 100, ..ListFilter::default() };
    let page = db.store.list(Uuid::nil(), &filter).await.unwrap();
    assert!(page.runs.is_empty(), "a page looks at a part of them");
    assert!(page.next.is_some(), "and says that there are more");
    let found = list_all(&db.store, Uuid::nil(), &filter).await.unwrap();
    assert_eq!(found.runs.iter().map(|run| run.key).collect::<Vec<_>>(), [rare.key]);
    assert_eq!(found.next, None);

    let mut all = ListFilter { limit: 100, ..ListFilter::default() };
    let (mut counted, mut pages) = (0, 0);
    loop {
        let page = db.store.count(Uuid::nil(), &all).await.unwrap();
        (counted, pages, all.behind) = (counted + page.runs, pages + 1, page.next);
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!((counted, pages), (25_001, 2));
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
        assert!(page.runs.iter().all(|run| run.input.is_some()));
        (found, most) = (found + page.runs.len(), most.max(page.runs.len()));
        filter.behind = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!((found, most), (4, 2), "10 MB each, and pages of 16");
}
