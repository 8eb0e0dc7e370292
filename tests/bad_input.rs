//! Bad input: the error names the thing, the limit and the way out, and nothing is half-written.

use expect_test::{Expect, expect};
use flows::pg::dev::fresh_database;
use flows::pg::tokio_postgres::NoTls;
use flows::prelude::*;

struct Gateway;

#[activity]
async fn charge(ctx: &ActivityContext, text: String) -> Result<String> {
    ctx.state::<Gateway>()?;
    Ok(text.repeat(2))
}

#[workflow]
async fn pay(ctx: &WorkflowContext, text: String) -> Result<String> {
    charge(ctx, text).await
}

fn input(text: &str) -> pay::Input {
    pay::Input { text: text.to_owned() }
}

#[track_caller]
fn check<T>(result: Result<T>, expected: Expect) {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(error) => expected.assert_eq(&format!("{:?}: {error}", error.kind())),
    }
}

async fn engine() -> Result<(flows::pg::dev::Database, Engine)> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    Ok((database, engine))
}

#[tokio::test]
async fn starts_out_of_bounds() -> Result<()> {
    let (_database, engine) = engine().await?;
    check(
        engine.start(input("x")).id("").await,
        expect!["InvalidInput: the workflow id is empty; allowed are 1 to 255 bytes of text"],
    );
    check(
        engine.start(input("x")).id("i".repeat(256)).await,
        expect!["InvalidInput: the workflow id has 256 bytes; allowed are 1 to 255 bytes of text"],
    );
    check(
        engine.start(input("x")).queue("").await,
        expect!["InvalidInput: the queue is empty; allowed are 1 to 255 bytes of text"],
    );
    check(
        engine.start(input("x")).delay(Duration::MAX).await,
        expect![
            "InvalidInput: the delay of 18446744073709551615 s is longer than the limit of 100 years"
        ],
    );
    check(
        engine.start(input(&"x".repeat(3 << 20))).await,
        expect![
            "InvalidInput: the input of workflow `pay` has 3145740 bytes and the limit is 2097152: store it elsewhere and pass a reference, or raise the limit with `engine.set_payload_limit(bytes)`"
        ],
    );
    check(
        engine.start(input("a\0b")).await,
        expect![
            "Codec: input of `pay`: cannot encode `bad_input::__pay_Input`: it contains a NUL character (\\u0000), which PostgreSQL cannot store; remove it or encode the text, for example as base64"
        ],
    );
    check(
        engine.list().limit(0).await,
        expect!["InvalidInput: a list's limit is 0; allowed are 1 to 10000"],
    );
    assert!(engine.list().await?.is_empty(), "nothing was half-written");
    Ok(())
}

/// Whatever takes a text refuses the same ones, in the same words, before anything is sent.
/// What a policy, a limit or a group of starts cannot be is said where it is given.
#[tokio::test]
async fn starts_that_contradict_themselves() -> Result<()> {
    let (_database, engine) = engine().await?;
    let retried = |policy| engine.start(input("x")).retry(policy);
    check(
        retried(RetryPolicy::default().max_attempts(0)).await,
        expect![
            "InvalidInput: the retry policy of workflow `pay` cannot be: max_attempts is 0: the first attempt counts too"
        ],
    );
    check(
        retried(RetryPolicy::default().backoff(0.5)).await,
        expect![
            "InvalidInput: the retry policy of workflow `pay` cannot be: backoff is 0.5: it takes a factor from 1"
        ],
    );
    check(
        retried(RetryPolicy::default().backoff(f64::NAN)).await,
        expect![
            "InvalidInput: the retry policy of workflow `pay` cannot be: backoff is NaN: it takes a factor from 1"
        ],
    );
    check(
        retried(RetryPolicy::default().jitter(1.5)).await,
        expect![
            "InvalidInput: the retry policy of workflow `pay` cannot be: jitter is 1.5: it takes a share from 0 to 1"
        ],
    );
    check(
        retried(RetryPolicy::default().jitter(-0.1)).await,
        expect![
            "InvalidInput: the retry policy of workflow `pay` cannot be: jitter is -0.1: it takes a share from 0 to 1"
        ],
    );
    check(
        engine.start(input("x")).timeout(Duration::ZERO).await,
        expect!["InvalidInput: the timeout is 0 s: nothing could be done within it"],
    );
    check(
        engine.set_payload_limit(usize::MAX),
        expect![
            "InvalidInput: a payload limit of 18446744073709551615 bytes is above the largest of 104857600"
        ],
    );
    check(
        engine.signal_with_start(input("x"), "go", &()).await,
        expect![
            "InvalidInput: a signal with start needs the workflow id of the run that receives it: say `.id(..)`"
        ],
    );
    let terminating = engine.signal_with_start(input("x"), "go", &()).id("a");
    check(
        terminating.on_conflict(ConflictPolicy::TerminateExisting).await,
        expect![
            "InvalidInput: a signal with start never terminates the run that exists, it sends the signal to it: say `.on_conflict(ConflictPolicy::AllowIfClosed)` to start a new run after one that has ended"
        ],
    );
    let other = engine.tenant(uuid::Uuid::now_v7());
    let many = engine.start_many([engine.start(input("x")), other.start(input("x"))]).await?;
    let [ours, foreign] = <[_; 2]>::try_from(many).expect("one answer each");
    ours?;
    check(
        foreign,
        expect![
            "InvalidInput: a start among many has their tenant and their transaction: make it with the tenant of `start_many`, and give the transaction to that"
        ],
    );
    assert_eq!(engine.list().await?.len(), 1, "nothing else was written");
    Ok(())
}

/// A simulation that could not find anything is no success.
#[test]
fn simulations_of_nothing() {
    use flows::testing::Simulation;
    let check = |simulation: Simulation, expected: Expect| {
        expected.assert_eq(&simulation.run().unwrap_err().to_string());
    };
    check(Simulation::new(), expect!["without any fault: nothing is started: say `.start(…)`"]);
    check(
        Simulation::new().start(input("x")).workers(0),
        expect!["without any fault: a simulation has at least 1 worker and 1 thread"],
    );
    check(
        Simulation::new().start(input("x")).threads(0),
        expect!["without any fault: a simulation has at least 1 worker and 1 thread"],
    );
}

#[tokio::test]
async fn texts_that_no_name_can_be() -> Result<()> {
    let (_database, engine) = engine().await?;
    let run = engine.start(input("x")).id("run").await?;
    let long = "n".repeat(1 << 20);
    let wrong =
        [("a\0b", "contains a NUL character"), ("", "is empty"), (&long, "has 1048576 bytes")];
    for (text, how) in wrong {
        let refused = |what: &str, result: Result<()>| {
            let error = result.expect_err(what);
            let expected = format!("the {what} {how}; allowed are 1 to 255 bytes of text");
            assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidInput, &*expected));
        };
        refused("workflow id", engine.start(input("x")).id(text).await.map(drop));
        refused("queue", engine.start(input("x")).queue(text).await.map(drop));
        let other = engine.execution::<pay::Workflow>(text);
        refused("workflow id", other.describe().await.map(drop));
        refused("workflow id", other.result().await.map(drop));
        refused("workflow id", other.try_result().await.map(drop));
        refused("workflow id", other.history().await.map(drop));
        refused("workflow id", other.cancel().await);
        refused("workflow id", other.terminate("x").await);
        refused("workflow id", other.retry_stuck().await.map(drop));
        refused("workflow id", engine.signal(text, "go", &()).await);
        refused("signal name", run.signal(text, &()).await);
        refused("dedup key", run.signal("go", &()).dedup(text).await);
        refused("workflow name", engine.list().workflow(text).await.map(drop));
        refused("workflow name", engine.list().workflow(text).payloads().await.map(drop));
        refused("workflow name", engine.list().workflow(text).page().await.map(drop));
        refused("workflow name", engine.list().workflow(text).count().await.map(drop));
        let worker = || Worker::builder(&engine, register_all!()).state(Gateway);
        refused("worker's name", worker().name(text).build().map(drop));
        if !text.is_empty() {
            refused("queue", worker().queues([text]).build().map(drop));
        }
    }
    run.cancel().reason("a\0b").await?; // a reason is a text as any, which can be stored
    run.terminate("a\0b").await?;
    assert_eq!(engine.list().await?.len(), 1, "nothing was half-written");
    Ok(())
}

#[tokio::test]
async fn runs_that_do_not_exist_or_have_ended() -> Result<()> {
    let (_database, engine) = engine().await?;
    let missing = engine.execution::<pay::Workflow>("order-7");
    check(missing.describe().await, expect!["NotFound: there is no run `order-7` in this tenant"]);
    let exec = engine.start(input("x")).id("pay-1").await?;
    check(
        engine.start(input("x")).id("pay-1").await.map(drop).map_err(|error| {
            let run = exec.run_id().to_string();
            Error::invalid(error.message().replace(&run, "RUN"))
        }),
        expect![
            "InvalidInput: a run of workflow id `pay-1` exists: RUN; use another id, or say what to do with `.on_conflict(..)`"
        ],
    );
    exec.terminate("no longer wanted").await?;
    check(exec.result().await, expect!["Terminated: the run was terminated: no longer wanted"]);
    let closed = exec.signal("go", &()).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed, "{closed}");
    Ok(())
}

#[tokio::test]
async fn workers_that_cannot_work() -> Result<()> {
    let (_database, engine) = engine().await?;
    let worker = || Worker::builder(&engine, register_all!()).state(Gateway);
    check(
        Worker::builder(&engine, register_all!()).build(),
        expect![
            "Configuration: the worker lacks state `bad_input::Gateway` for activity `charge` (tests/bad_input.rs:11); add `.state(…)` to its builder"
        ],
    );
    check(
        worker().max_activities(0).build(),
        expect!["Configuration: max_activities is 0: a worker runs at least 1 activity"],
    );
    check(
        worker().max_resident_runs(0).build(),
        expect!["Configuration: max_resident_runs is 0: a worker holds at least 1 run"],
    );
    check(
        worker().queues([""; 0]).build(),
        expect!["Configuration: a worker needs a queue: `.queues([\"default\"])`"],
    );
    let year = Duration::from_secs(365 * 24 * 3600);
    for worker in [
        worker().lease(year + Duration::from_secs(1)),
        worker().poll_interval(Duration::MAX),
        worker().retry_stuck(Duration::MAX),
        worker().blocking_threshold(Duration::MAX),
        worker().resident_for(Duration::MAX),
        worker().shutdown_grace(Duration::MAX),
    ] {
        let error = worker.build().err().expect("it was accepted");
        assert!(error.message().ends_with(" s is more than a year"), "{error}");
    }
    worker().resident_for(year).build()?;
    check(
        worker().max_setbacks(2).build(),
        expect!["Configuration: max_setbacks is 2: it takes 3 to tell a run from others"],
    );
    check(
        worker().queues(["jobs", ""]).build(),
        expect!["Configuration: a queue's name is empty: name it or leave it out"],
    );
    check(
        worker().lease(Duration::from_millis(10)).build(),
        expect!["Configuration: a lease of 10ms is below the least of 1s"],
    );
    check(
        Worker::builder(&engine, Registry::new()).build(),
        expect![
            "Configuration: the registry has no definitions: annotate functions with `#[workflow]` and `#[activity]` and give the worker `flows::register_all!()`. Those of another crate are there only where the program names that crate: `use that_crate as _;`"
        ],
    );
    Ok(())
}

#[tokio::test]
async fn a_queue_that_nobody_serves_is_visible() -> Result<()> {
    let (_database, engine) = engine().await?;
    let exec = engine.start(input("x")).queue("nowhere").await?;
    let waiting = exec.describe().await?.waiting_for.unwrap_or_default();
    expect!["a worker: none that is alive serves workflow `pay` version 1 on queue `nowhere`"]
        .assert_eq(&waiting);
    Ok(())
}

#[tokio::test]
async fn an_input_that_does_not_decode_stops_that_run_alone() -> Result<()> {
    let (database, engine) = engine().await?;
    let broken = engine.start(input("x")).id("broken").await?;
    let (client, connection) = flows::pg::tokio_postgres::connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    let edit = "SET ROLE flows_worker; UPDATE flows.runs SET input = '{\"text\": 7}'";
    client.batch_execute(edit).await?;
    let fine = engine.start(input("ab")).await?;

    let worker = Worker::builder(&engine, register_all!()).state(Gateway).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (served, stuck) = tokio::join!(worker.run_until(stopped), async {
        assert_eq!(fine.result().await?, "abab");
        let stuck = loop {
            if let Some(stuck) = broken.describe().await?.stuck {
                break stuck;
            }
            tokio::task::yield_now().await;
        };
        drop(stop);
        Ok::<_, Error>(stuck)
    });
    served?;
    expect!["input of `pay`: cannot decode as `bad_input::__pay_Input`: invalid type: integer `7`, expected a string at line 1 column 10"].assert_eq(&stuck?);
    let info = broken.describe().await?;
    assert_eq!(info.status, Status::Running, "neither failed nor lost");
    Ok(())
}

#[tokio::test]
async fn databases_that_are_not_there_or_of_another_time() -> Result<()> {
    check(
        Engine::connect("postgres://app:secret@127.0.0.1:1/app").await.map(drop),
        expect![
            "Unavailable: cannot connect to PostgreSQL at 127.0.0.1, port 1: PostgreSQL: error connecting to server: Connection refused (os error 111)"
        ],
    );
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    check(
        engine.start(input("x")).await,
        expect![[
            r#"Configuration: relation "flows.schema_version" does not exist (42P01): this database has no flows schema, or an older one; run `engine.migrate()`"#
        ]],
    );
    let worker = Worker::builder(&engine, register_all!()).state(Gateway).build()?;
    check(
        worker.run().await,
        expect![[
            r#"Configuration: relation "flows.schema_version" does not exist (42P01): this database has no flows schema, or an older one; run `engine.migrate()`"#
        ]],
    );

    Ok(())
}

#[tokio::test]
async fn the_short_form_without_its_surroundings() -> Result<()> {
    check(
        flows::start(input("x")).await,
        expect![
            "Configuration: flows::start needs an engine: call `flows::set_engine(engine)` once at the program's start, or use `engine.start(…)`"
        ],
    );
    let (_database, engine) = engine().await?;
    flows::set_engine(&engine);
    check(
        flows::start(input("x")).await,
        expect![
            "Configuration: flows::start needs a tenant: run it inside `flows::with_tenant(tenant_id, async { … })` (`Uuid::nil()` is the default tenant), or use `engine.tenant(id).start(…)`"
        ],
    );
    let tenant = uuid::Uuid::from_u128(7);
    let exec = flows::with_tenant(tenant, async { flows::start(input("x")).id("a").await }).await?;
    assert_eq!(engine.tenant(tenant).list().await?[0].run_id, exec.run_id());
    assert!(engine.list().await?.is_empty());
    Ok(())
}
