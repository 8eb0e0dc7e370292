//! A signal to a run that nobody has in memory: what the run has is read together with its claim.

use std::collections::BTreeMap;

use flows::prelude::*;

use crate::bench::Bench;

const SIGNALS: u64 = 20;

#[workflow]
async fn adds(ctx: &WorkflowContext) -> Result<u64> {
    let mut sum = 0;
    for _ in 0..SIGNALS {
        sum += ctx.signal::<u64>("go").await?;
    }
    Ok(sum)
}

/// One statement starts a thousand runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_starts_are_one_statement() -> Result<()> {
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let starts = (0..1_000).map(|n| engine.start(adds::Input {}).id(format!("run {n}")));
    assert!(engine.start_many(starts).await?.iter().all(Result::is_ok));
    let counts: BTreeMap<_, _> = engine.store().unwrap().counters().into_iter().collect();
    assert_eq!(counts.get("start"), Some(&1), "{counts:?}");
    Ok(())
}

/// Two statements start a run with its signal; three signal one that exists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_with_start_is_one_transaction_of_few_statements() -> Result<()> {
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let send = |id: u64| engine.signal_with_start(adds::Input {}, "go", &1).id(format!("run {id}"));
    let counts = || engine.store().unwrap().counters().into_iter().collect::<BTreeMap<_, _>>();
    let count = |name: &str| counts().get(name).copied().unwrap_or(0);
    for id in 0..SIGNALS {
        send(id).await?;
    }
    assert_eq!((count("start"), count("holders"), count("send")), (SIGNALS, 0, SIGNALS));
    for id in 0..SIGNALS {
        send(id).await?;
    }
    let expected = (2 * SIGNALS, SIGNALS, 2 * SIGNALS);
    assert_eq!((count("start"), count("holders"), count("send")), expected, "{:?}", counts());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_to_a_parked_run_is_sent_claimed_and_committed() -> Result<()> {
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let worker = Worker::builder(&engine, flows::register_all!());
    let worker = worker.resident_for(Duration::from_millis(10)).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, sum) = tokio::join!(worker.run_until(stopped), async {
        let exec = engine.start(adds::Input {}).await?;
        for number in 0..SIGNALS {
            let waits = "SELECT (SELECT count(*) FROM flows.parked) = 1 \
                         AND NOT EXISTS (SELECT FROM flows.inbox)";
            bench.comes_true(waits).await?;
            exec.signal("go", &number).await?;
        }
        let sum = exec.result().await;
        drop(stop);
        sum
    });
    served?;
    assert_eq!(sum?, (0..SIGNALS).sum::<u64>());
    let counts: BTreeMap<_, _> = engine.store().unwrap().counters();
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    // some may be found by a look that was just due, in front of the hint
    assert_eq!(count("send"), SIGNALS, "{counts:?}");
    assert!((SIGNALS..=2 * SIGNALS).contains(&count("load")), "{counts:?}");
    assert!(count("loaded with its claim") > SIGNALS / 2, "{counts:?}");
    Ok(())
}
