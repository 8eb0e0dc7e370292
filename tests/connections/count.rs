//! How many connections there are, and what for: as the guide says.

use std::collections::BTreeMap;

use flows::prelude::*;
use tokio::task::JoinSet;

use crate::scene::{Scene, Serving, connect, nothing, until, within};

/// The clients' connections, of the pool and beside it, and all others by what they are for.
async fn open(scene: &Scene) -> Result<BTreeMap<String, i64>> {
    let open = "SELECT application_name, count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE 'flows%' GROUP BY 1";
    let rows = scene.administrator.query(open, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

const BESIDE: [(&str, i64); 5] = [
    ("flows claimer", 1),
    ("flows leases", 1),
    ("flows listener", 1),
    ("flows notifier", 1),
    ("flows writer", 3),
];

/// Six of a worker, and the listener; 16 of clients, four for their calls while those are used up, and four
/// for calls that wait for somebody's transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_has_as_many_as_the_guide_says() -> Result<()> {
    let scene = Scene::set().await?;
    let engine = Engine::connect(scene.database.url()).await?;
    let serving = Serving::begin(Worker::builder(&engine, register_all![nothing]).build()?);
    let all_are_open = async || {
        engine.start(nothing::Input {}).await?.result().await?;
        let open = open(&scene).await?;
        Ok(BESIDE.iter().all(|(name, count)| open.get(*name) >= Some(count)))
    };
    until(all_are_open).await?;

    let mut held = connect(scene.database.url()).await?;
    let tx = held.transaction().await?;
    for number in 0..12 {
        engine.start(nothing::Input {}).id(format!("held {number}")).with_tx(&tx).await?;
    }
    let (mut waiting, mut calls) = (JoinSet::new(), JoinSet::new());
    for number in 0..12 {
        let start = engine.start(nothing::Input {}).id(format!("held {number}"));
        waiting.spawn(async move { start.await.map(drop) });
    }
    for number in 0..400 {
        let engine = engine.tenant(uuid::Uuid::now_v7());
        calls.spawn(async move {
            let run = engine.start(nothing::Input {}).id(format!("free {number}")).await?;
            run.result().await?;
            for _ in 0..10 {
                run.describe().await?;
            }
            Ok::<_, Error>(())
        });
    }
    let counting = async {
        let mut most = BTreeMap::new();
        while !calls.is_empty() {
            for (name, count) in open(&scene).await? {
                let before: &mut i64 = most.entry(name).or_default();
                *before = count.max(*before);
            }
            while let Some(done) = calls.try_join_next() {
                done??;
            }
        }
        Ok(most)
    };
    let mut most = within("the calls for what is free", 60, counting).await?;
    let of_clients = most.remove("flows").unwrap_or_default();
    assert!((8..=16 + 4 + 4).contains(&of_clients), "{of_clients} of clients");
    let beside = BESIDE.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(most, BTreeMap::from(beside));
    tx.rollback().await?;
    while let Some(done) = waiting.join_next().await {
        done??;
    }
    serving.stop().await
}
