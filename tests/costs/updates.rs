//! An update: six statements from the request to the reply. Its sender sends it and reads the reply; the worker
//! collects it, reads it, and writes event and reply in one commit. A refusal writes no event.

use std::collections::BTreeMap;

use flows::prelude::*;

use crate::bench::Bench;

const UPDATES: u64 = 20;

#[update(response = u64)]
struct Count {
    by: u64,
}

#[workflow]
async fn counter(ctx: &WorkflowContext) -> Result<u64> {
    let mut sum = 0;
    while sum < UPDATES {
        let small = |count: &Count| match count.by < 10 {
            true => Ok(()),
            false => Err(Error::terminal("too many at once")),
        };
        let count = ctx.update::<Count>().validate(small).await?;
        sum += count.by;
        count.reply(sum);
    }
    Ok(sum)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_is_sent_collected_committed_and_read() -> Result<()> {
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let worker = Worker::builder(&engine, flows::register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, counted) = tokio::join!(worker.run_until(stopped), async {
        let exec = engine.start(counter::Input {}).await?;
        for number in 1..UPDATES {
            assert_eq!(exec.update(Count { by: 1 }).await?, number);
        }
        for _ in 0..UPDATES {
            exec.update(Count { by: 10 }).await.expect_err("too many at once");
        }
        let counts: BTreeMap<_, _> = engine.store().unwrap().counters();
        let events = exec.history().await?.len() as u64;
        assert_eq!(exec.update(Count { by: 1 }).await?, UPDATES);
        drop(stop);
        Ok::<_, Error>((counts, events))
    });
    served?;
    let (counts, events) = counted?;
    let count = |name: &str| counts.get(name).copied().unwrap_or(0);
    let all = 2 * UPDATES - 1;
    eprintln!("{UPDATES} updates and as many refusals: {counts:?}");
    assert_eq!(events, 1 + 2 * (UPDATES - 1), "an update is two events, a refusal none");
    assert_eq!((count("send"), count("answer_updates")), (all, all), "{counts:?}");
    // A look may come just in front of a hint, and finds nothing; the first request may be read with the run.
    assert!((all..=all + 5).contains(&(count("collect") + count("load"))), "{counts:?}");
    assert!((all..=all + 5).contains(&count("updates")), "{counts:?}");
    assert_eq!(count("load_inboxes"), count("collect"), "{counts:?}");
    assert_eq!(count("append") + count("turn"), all, "{counts:?}");
    Ok(())
}
