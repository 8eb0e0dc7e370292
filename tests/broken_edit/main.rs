//! One broken edit of the order example, caught three times: by the lock, by a replay before the
//! deploy, and by a worker at run time. The guide shows the edit and the three messages; they are
//! compared with it here.
//!
//! `before` is the example as it stands, `after` is somebody's edit of it.

#[allow(dead_code, reason = "only its definitions are of interest here")]
#[path = "order.rs"]
mod after;
#[allow(dead_code, reason = "only its definitions are of interest here")]
#[path = "../../examples/order.rs"]
mod before;
#[path = "../shared/waiting.rs"]
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::expect;
use flows::__private::{Registration, inventory};
use flows::memory::MemoryStore;
use flows::prelude::*;
use flows::testing::{check_lock_of, replay_with};
use flows::{Description, Status};

use waiting::{Serving, until};

const BEFORE: &str = include_str!("../../examples/order.rs");
const AFTER: &str = include_str!("order.rs");
const GUIDE: &str = include_str!("../../docs/src/determinism.md");

/// What a program knows of the order that only starts it; and a gateway that takes any card.
mod client {
    use flows::prelude::*;
    use serde_json::{Value, json};

    #[activity]
    pub(crate) async fn charge_payment(customer: String, cents: u64) -> Result<Value> {
        Ok(json!({ "id": format!("{customer} paid {cents}") }))
    }

    #[workflow(name = "order", version = 1)]
    pub(crate) async fn order(
        ctx: &WorkflowContext,
        customer: String,
        items: Vec<Value>,
        cents: u64,
    ) -> Result<Value> {
        let _ = ctx;
        Err(Error::terminal(format!("no worker here for {customer}, {items:?}, {cents}")))
    }
}

/// The build that one of the two modules makes.
fn build(module: &str) -> Registry {
    let mut registry = Registry::new();
    for registration in inventory::iter::<Registration> {
        let mut one = Registry::new();
        (registration.register)(&mut one);
        let workflows = one.workflows().map(|def| def.graph.path);
        let mut paths = workflows.chain(one.activities().map(|def| def.path));
        if paths.any(|path| path.starts_with(module)) {
            (registration.register)(&mut registry);
        }
    }
    registry
}

fn before() -> Registry {
    build("broken_edit::before::")
}

fn after() -> Registry {
    build("broken_edit::after::")
}

/// The same, for a worker: its payments go to the other gateway.
fn at_work(build: &Registry) -> Registry {
    let mut registry = Registry::new().with::<client::charge_payment::Activity>();
    build.workflows().for_each(|def| registry.add_workflow(def.clone()));
    let activities = build.activities().filter(|def| def.name != "charge_payment");
    activities.for_each(|def| registry.add_activity(def.clone()));
    registry
}

/// The guide has these lines, as a block of its own.
#[track_caller]
fn assert_shown(kind: &str, text: &str) {
    let block = format!("```{kind}\n{}\n```", text.trim_end());
    assert!(GUIDE.contains(&block), "the guide does not show:\n{block}");
}

/// The edit is the one that the guide shows, and nothing else differs.
#[test]
fn the_edit() {
    let hunk = |hunk: &str| {
        let (mut old, mut new) = (String::new(), String::new());
        for line in hunk.lines() {
            match line.split_at_checked(1) {
                Some(("+", added)) => new += &format!("{added}\n"),
                line => {
                    let kept = line.map_or("", |(_, kept)| kept);
                    old += &format!("{kept}\n");
                    new += &format!("{kept}\n");
                }
            }
        }
        (old, new)
    };
    let mut edited = BEFORE.to_owned();
    for shown in EDIT {
        let (old, new) = hunk(shown);
        assert_eq!(edited.matches(&old).count(), 1, "the example has no such place:\n{old}");
        edited = edited.replace(&old, &new);
    }
    assert_eq!(edited, AFTER);
    assert_shown("diff", &EDIT.join(" …\n"));
}

const EDIT: &[&str] = &[
    "+#[activity]
+async fn check_fraud(customer: String) -> Result<()> {
+    println!(\"  check_fraud: {customer} is not on the list\");
+    Ok(())
+}
+
 #[activity]
 async fn refund(receipt: String) -> Result<()> {
",
    "     let id = ctx.uuid(); // the same value on every replay
+    check_fraud(ctx, customer.clone()).await?;
     let receipt = charge_payment(ctx, customer.clone(), cents).await?;
",
];

/// The lock file of this repository, in a place where it may be written.
fn a_copy_of_the_lock(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken_edit");
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let copy = folder.join(name);
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/flows.lock");
    std::fs::copy(lock, &copy).expect("the lock of the example");
    copy
}

#[test]
fn the_lock_says_so() {
    let path = a_copy_of_the_lock("flows.lock");
    check_lock_of(&before(), &path);
    let panic = std::panic::catch_unwind(|| check_lock_of(&after(), &path)).expect_err("it breaks");
    let report = panic.downcast_ref::<String>().expect("a message");
    let report = report.replace(&path.display().to_string(), "flows.lock");
    expect![[r#"
        1 edit would break open runs (flows.lock)

        workflow order 1
          error: `activity check_fraud` was put in before `activity charge_payment`
            --> tests/broken_edit/order.rs:98
            help: open runs may be past this place: put it under `if ctx.patched("…") { … }`, which they skip; or give the workflow a new `version`, and keep this one for its open runs
        activity check_fraud
          note: it is new
            --> tests/broken_edit/order.rs:79
            help: no open run knows it

        If no run is open that could break, accept it: FLOWS_LOCK=update cargo test
    "#]].assert_eq(&report);
    assert_shown("text", &report);
}

/// An order of the old build that waits for its warehouse.
async fn a_waiting_order(
    engine: &flows_core::Engine,
) -> Result<Execution<client::order::Workflow>> {
    let worker = Worker::builder(engine, at_work(&before())).build()?;
    let serving = Serving::begin(worker);
    let input = client::order::Input {
        customer: "ada@example.com".into(),
        items: vec![serde_json::json!({ "sku": "book", "quantity": 2 })],
        cents: 4_200,
    };
    let exec = engine.start(input).id("order-42").await?;
    described(&exec, |info| {
        info.waiting_for.as_deref().is_some_and(|what| what.starts_with("signal"))
    })
    .await?;
    serving.stop().await?;
    Ok(exec)
}

/// Waits until the run is described so, and gives the description.
async fn described(
    exec: &Execution<client::order::Workflow>,
    is_so: impl Fn(&Description) -> bool,
) -> Result<Description> {
    until(async || Ok(is_so(&exec.describe().await?))).await?;
    exec.describe().await
}

/// Virtual time, and ids from a seed.
fn run<T>(test: impl AsyncFnOnce(flows_core::Engine) -> Result<T>) -> Result<T> {
    let _seeded = flows_core::clock::seeded(42);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build()?;
    runtime.block_on(async { test(flows_core::Engine::new(Arc::new(MemoryStore::new()))).await })
}

#[test]
fn a_replay_says_so() -> Result<()> {
    let history = run(async |engine| a_waiting_order(&engine).await?.export().await)?;
    replay_with(&at_work(&before()), &history).expect("the build that wrote it");
    let error = replay_with(&at_work(&after()), &history).expect_err("it breaks").to_string();
    expect![[r#"
        run 01b8dac5-b401-715b-9d39-b5bf90ae8894 of workflow `order` version 1 does not replay, at event 2 of 2 (`activity_completed`, journal row 0):
        the journal does not match this build
          journal: activity `charge_payment` (#0) completed
          code:    activity `check_fraud` (#0), called at tests/broken_edit/order.rs:98
        This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again."#]].assert_eq(&error);
    assert_shown("text", &error);
    Ok(())
}

#[test]
fn a_worker_says_so_and_nothing_is_lost() -> Result<()> {
    let info = run(async |engine| {
        let exec = a_waiting_order(&engine).await?;
        let edited = Worker::builder(&engine, at_work(&after())).build()?;
        let edited = tokio::spawn(async move { edited.run().await });
        exec.signal("warehouse-ready", &serde_json::json!({ "available": true })).await?;
        let stuck = described(&exec, |info| info.stuck.is_some()).await?;
        edited.abort();

        let mended = Worker::builder(&engine, at_work(&before())).build()?;
        let _mended = tokio::spawn(async move { mended.run().await });
        let shipped = exec.result().await?;
        assert!(shipped["tracking"].as_str().is_some_and(|tracking| tracking.starts_with("T-")));
        Ok(stuck)
    })?;
    assert_eq!(info.status, Status::Running);
    let why = info.stuck.unwrap_or_default();
    expect![[r#"
        the journal does not match this build
          journal: activity `charge_payment` (#0) completed
          code:    activity `check_fraud` (#0), called at tests/broken_edit/order.rs:98
        This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again."#]].assert_eq(&why);
    assert_shown("text", &why);
    Ok(())
}
