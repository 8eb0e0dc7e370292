//! The static graphs of real definitions: what is looked up, what is drawn.

#[allow(dead_code, reason = "only its definitions are of interest here")]
#[path = "../examples/order.rs"]
mod example;

use expect_test::{Expect, expect, expect_file};
use flows::prelude::*;

#[track_caller]
fn check(graph: flows::graph::Graph, expected: &Expect) {
    expected.assert_eq(&graph.to_string());
}

#[test]
fn the_order_example() {
    let registry = flows::register_all!();
    let graph = registry.workflow("order", 1).expect("the example's workflow").graph;
    check(
        graph,
        &expect![[r#"
        value uuid
        activity charge_payment
        signal "warehouse-ready"
        if !warehouse.available
          activity refund
          return Err(Error::terminal("out of stock"))
        try_join
          lane
            activity ship
          lane
            activity email
    "#]],
    );
    expect_file!["graph/order.mmd"].assert_eq(&graph.mermaid());
    expect_file!["graph/order.dot"].assert_eq(&graph.dot());
}

/// The drawing of the guide has every place of the graph, in its order.
#[test]
fn the_drawing_of_the_guide() {
    let dot = include_str!("graph/order.dot");
    let labels = dot.lines().filter_map(|line| Some(line.split_once("[label=\"")?.1));
    let labels = labels.filter_map(|line| Some(line.rsplit_once("\", shape")?.0.replace('\\', "")));
    let svg = include_str!("../docs/src/images/order.svg");
    let plain = [("&quot;", "\""), ("&#45;", "-"), ("&#160;", " "), ("&amp;", "&")];
    let svg = plain.iter().fold(svg.to_owned(), |svg, (code, plain)| svg.replace(code, plain));
    let texts: Vec<_> = svg
        .lines()
        .filter_map(|line| Some(line.strip_suffix("</text>")?.rsplit_once('>')?.1))
        .collect();
    let again = "dot -Tsvg tests/graph/order.dot";
    for label in labels {
        assert!(
            texts.contains(&label.as_str()),
            "not drawn: {label}; draw it again with `{again}`"
        );
    }
}

#[test]
fn lines_of_the_source() {
    let shown = format!("{:#}", confirm::Workflow::GRAPH);
    let line: usize = shown.trim_start().split(' ').next().unwrap().parse().unwrap();
    let source = include_str!("graph.rs").lines().nth(line - 1).unwrap();
    assert!(source.contains("send(ctx, true)"), "{line}: {source}");
}

#[activity(name = "send-v2")]
async fn send(really: bool) -> Result<bool> {
    Ok(really)
}

mod other {
    use flows::prelude::*;

    #[activity]
    pub(super) async fn send() -> Result<()> {
        Ok(())
    }

    #[durable]
    pub(super) async fn twice(ctx: &WorkflowContext) -> Result<()> {
        send(ctx).await?;
        super::other::send(ctx).await
    }
}

#[signal(name = "go")]
struct Start {
    now: bool,
}

#[workflow]
async fn confirm(ctx: &WorkflowContext) -> Result<bool> {
    send(ctx, true).await
}

#[durable]
async fn count_down(ctx: &WorkflowContext, from: u32) -> Result<()> {
    if from == 0 {
        return Ok(());
    }
    ctx.sleep(Duration::from_secs(1)).await?;
    Box::pin(count_down(ctx, from - 1)).await
}

struct Steps;

impl Steps {
    #[durable]
    async fn either<'a, T: Send + Sync>(&self, ctx: &WorkflowContext, of: &'a T) -> Result<&'a T> {
        flows::select! {
            _ = ctx.cancelled() => Ok(of),
            sent = send(ctx, false) => sent.map(|_| of),
        }
    }
}

fn plain(ctx: &WorkflowContext) -> u32 {
    ctx.random()
}

#[workflow]
async fn everything(ctx: &WorkflowContext, hosts: Vec<String>) -> Result<()> {
    let start = ctx.receive::<Start>().await?;
    if start.now {
        send(ctx, true).await?;
    } else {
        other::send(ctx).await?;
    }
    other::twice(ctx).await?;
    count_down(ctx, plain(ctx)).await?;
    Steps.either(ctx, &hosts).await?;
    for host in &hosts {
        if host.is_empty() {
            continue;
        }
        ctx.timeout(Duration::from_secs(5), confirm(ctx)).await?;
    }
    let scope = ctx.scope();
    scope.run(async { send(ctx, true).queue("mail").await }).await?;
    confirm(ctx).id(format!("confirm-{}", hosts.len())).close_policy(ClosePolicy::Abandon).detach();
    flows::try_join_all(hosts.iter().map(|_| async { send(ctx, false).await })).await?;
    flows::map_concurrent(&hosts, 20, |_| send(ctx, false)).await?;
    drop(ctx.batch(&hosts, 100, |_| send(ctx, false)).await);
    let mut sent = flows::stream_concurrent(&hosts, hosts.len(), |_| send(ctx, true));
    while let Some(sent) = sent.next().await {
        sent?;
    }
    match hosts.len() {
        0 => return ctx.continue_as_new(everything::Input { hosts }),
        n if n > 9 => panic!("\"too <many>\"; [hosts]"),
        _ => {}
    }
    Ok(())
}

#[test]
fn callees_are_looked_up() {
    check(
        everything::Workflow::GRAPH,
        &expect![[r#"
            signal "go"
            if start.now
              activity send-v2
            else
              activity send
            helper twice
              activity send
              activity send
            call plain
            helper count_down
              if from == 0
                return Ok(())
              sleep Duration::from_secs(1)
              again count_down
            helper either
              select
                arm _
                  cancelled
                arm sent
                  activity send-v2
            for host in &hosts
              if host.is_empty()
                continue
              timeout Duration::from_secs(5)
                child confirm
            scope
              activity send-v2
                with queue "mail"
            child confirm
              with id format!("confirm-{}", hosts.len())
              with close_policy ClosePolicy::Abandon
              with detach
            try_join_all
              each |_|
                activity send-v2
            map_concurrent 20
              each |_|
                activity send-v2
            batch 100
              each |_|
                activity send-v2
            stream_concurrent hosts.len()
              each |_|
                activity send-v2
            match hosts.len()
              0 =>
                continue_as_new everything
              n if n > 9 =>
                panic
              _ =>
        "#]],
    );
    expect_file!["graph/everything.mmd"].assert_eq(&everything::Workflow::GRAPH.mermaid());
    expect_file!["graph/everything.dot"].assert_eq(&everything::Workflow::GRAPH.dot());
}

#[test]
fn a_registry_tells_what_it_has() {
    let registry = flows::register_all![confirm];
    let resolved = everything::Workflow::GRAPH.resolved(&registry).to_string();
    assert!(resolved.contains("child confirm\n"), "{resolved}");
    assert!(resolved.contains("call send\n"), "{resolved}");
}
