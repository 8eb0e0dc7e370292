//! Memory of a worker that meets a lot at once: long inboxes, long journals.
//!
//! Each is measured in a process of its own, by the most memory that it ever had.

use std::process::Command;

use flows::prelude::*;

use crate::bench::{Bench, with_worker};

/// What a worker may take, beside what other things in its process do.
const MOST: usize = 300 << 20;
/// In this process, the work is done; in others, it is begun.
const CHILD: &str = "FLOWS_COSTS_CHILD";

#[workflow]
async fn drains(ctx: &WorkflowContext, letters: u32) -> Result<usize> {
    let mut bytes = 0;
    for _ in 0..letters {
        bytes += ctx.signal::<String>("letter").await?.len();
    }
    Ok(bytes)
}

/// Its journal has an error of two megabytes for each attempt.
#[activity(retry(max_attempts = 6, initial_interval = "1ms", backoff = 1.0))]
async fn complains() -> Result<()> {
    Err(Error::retryable("no! ".repeat(500_000)))
}

#[workflow]
async fn has_a_past(ctx: &WorkflowContext) -> Result<String> {
    drop(complains(ctx).await);
    ctx.signal("go").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_megabytes_of_letters_to_one_run_are_read_by_the_page() -> Result<()> {
    if is_begun("large::hundreds_of_megabytes_of_letters_to_one_run_are_read_by_the_page") {
        return Ok(());
    }
    let (letters, bytes) = (60_000_u32, 6_000);
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let exec = engine.start(drains::Input { letters }).await?;
    exec.signal("letter", &"x".repeat(bytes)).await?;
    let copies = format!(
        "INSERT INTO flows.inbox (shard, tenant_id, run_id, kind, codec, name, payload)
         SELECT shard, tenant_id, run_id, kind, codec, name, payload
         FROM flows.inbox, generate_series(2, {letters})"
    );
    bench.admin().batch_execute(&copies).await?;
    let result = with_worker(&engine, async { exec.result().await }).await?;
    assert_eq!(result, letters as usize * bytes);
    let small = "SELECT max(octet_length(events)) < 9000000 AND count(*) > 50 FROM flows.journal";
    assert!(bench.is_true(small).await?, "the journal has rows of bounded size");
    within_limit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_long_journals_are_read_one_after_the_other() -> Result<()> {
    if is_begun("large::many_long_journals_are_read_one_after_the_other") {
        return Ok(());
    }
    let runs = 60;
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    let exec = engine.start(has_a_past::Input {}).await?;
    let grown = "SELECT coalesce(sum(octet_length(events)), 0) > 10000000 FROM flows.journal";
    with_worker(&engine, bench.comes_true(grown)).await?;
    exec.signal("go", &"on").await?;
    let copies = [
        ("runs", "tenant_id, shard, lane, version, workflow, queue, input"),
        ("journal", "tenant_id, shard, position, events"),
        ("inbox", "tenant_id, shard, kind, codec, name, payload"),
        ("ready", "tenant_id, shard, priority, load, lane"),
    ];
    for (table, columns) in copies {
        bench.copy(table, columns, runs).await?;
    }
    let ended = format!("SELECT count(*) = {runs} FROM flows.runs WHERE status = 1");
    with_worker(&engine, bench.comes_true(&ended)).await?;
    within_limit()
}

/// It needs its input in its first turn, and ends in its second.
#[workflow]
async fn weighs(ctx: &WorkflowContext, text: String) -> Result<usize> {
    let bytes = text.len();
    drop(text);
    ctx.sleep(Duration::from_millis(1)).await?;
    Ok(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_inputs_are_read_a_few_at_a_time() -> Result<()> {
    if is_begun("large::many_large_inputs_are_read_a_few_at_a_time") {
        return Ok(());
    }
    let runs = 200; // as many as one claim takes
    let bench = Bench::new().await?;
    let engine = bench.engine().await?;
    engine.start(weighs::Input { text: "x".repeat((2 << 20) - 100) }).await?;
    let copies = [
        ("runs", "tenant_id, shard, lane, version, workflow, queue, input"),
        ("ready", "tenant_id, shard, priority, load, lane"),
    ];
    for (table, columns) in copies {
        bench.copy(table, columns, runs).await?;
    }
    let ended = format!("SELECT count(*) = {runs} FROM flows.runs WHERE status = 1");
    with_worker(&engine, bench.comes_true(&ended)).await?;
    within_limit()
}

impl Bench {
    /// Makes one run many, all in its shard.
    async fn copy(&self, table: &str, columns: &str, runs: usize) -> Result<()> {
        let copy = format!(
            "INSERT INTO flows.{table} ({columns}, run_id)
             SELECT {columns}, lpad(to_hex(n * 256 + shard), 32, '0')::uuid
             FROM flows.{table}, generate_series(2, {runs}) AS n"
        );
        Ok(self.admin().batch_execute(&copy).await?)
    }
}

/// In the process of a test: does it in another one, and gives what came of it.
fn is_begun(name: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return false;
    }
    let this = std::env::current_exe().expect("this program");
    let child = Command::new(this).args(["--exact", name, "--nocapture"]).env(CHILD, "1").status();
    assert!(child.expect("a child process").success(), "see above");
    true
}

fn within_limit() -> Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let missing = || Error::terminal("no VmHWM in /proc/self/status");
    let most = kilobytes.ok_or_else(missing)?.parse::<usize>()? << 10;
    eprintln!("at most {} MB", most >> 20);
    assert!(most < MOST, "{} MB", most >> 20);
    Ok(())
}
