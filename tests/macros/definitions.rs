//! What the attributes and parameters of a definition may say, and what it then is.

use std::time::Duration;

use flows::prelude::*;
use flows::{__private::StateNeed, Codec};
use serde::{Deserialize, Serialize};

use super::{driver, world};

#[derive(Debug)]
struct Gateway {
    fee: u64,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Receipt {
    total: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("declined")]
struct Declined;

mod gateway {
    #[derive(Debug, thiserror::Error)]
    pub(super) enum Failed {
        #[error("closed for {0} hours")]
        Closed(u8),
        #[error("full")]
        Full,
    }
}

/// Charges a customer.
#[activity(
    name = "charge-v2",
    retry(
        max_attempts = 5,
        initial_interval = "200ms",
        max_interval = "1m",
        backoff = 2,
        jitter = 0.25,
        non_retryable(Declined, gateway::Failed::Closed)
    ),
    start_to_close = "30s",
    schedule_to_start = "1h30m",
    schedule_to_close = "2d",
    heartbeat = "500ms",
    queue = "payments",
    codec = "postcard",
    module = "charging"
)]
async fn charge(ctx: &ActivityContext, customer: String, mut cents: u64) -> Result<Receipt> {
    let gateway = ctx.state::<Gateway>()?;
    if customer.is_empty() {
        return Err(Error::terminal("nobody to charge"));
    }
    cents += gateway.fee;
    Ok(Receipt { total: cents })
}

/// All keys at their defaults.
#[activity]
async fn plain() -> Result<()> {
    Ok(())
}

#[activity]
#[allow(unused_variables)]
async fn gift(
    order: u64,
    #[serde(default)] wrapped: bool,
    #[serde(rename = "msg", default = "no_message")] message: String,
    #[cfg(any())] never: NoSuchType,
    #[cfg(not(any()))] always: Option<u64>,
    #[allow(unused)] _ignored: Option<u64>,
) -> Result<(u64, bool, String, Option<u64>)> {
    Ok((order, wrapped, message, always))
}

fn no_message() -> String {
    "-".into()
}

#[workflow(name = "order", version = 3, retry(max_attempts = 2), timeout = "2d", queue = "orders")]
async fn order_v3(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    let receipt = charge(ctx, "Ann".into(), cents).start_to_close(Duration::from_secs(1)).await?;
    plain(ctx).await?;
    Ok(receipt.total)
}

#[workflow]
async fn parent(ctx: &WorkflowContext) -> Result<(u64, (u64, bool, String, Option<u64>))> {
    let child = order_v3(ctx, 10).await?;
    Ok((child, gift(ctx, 1, true, "hi".into(), Some(2), None).await?))
}

#[activity]
#[cfg(any())]
async fn not_compiled(what: NoSuchType) -> Result<NoSuchType> {
    what
}

#[cfg(not(all()))]
#[workflow]
async fn not_compiled_either(ctx: &WorkflowContext) -> Result<NoSuchType> {}

#[activity]
async fn twelve(
    a: u8,
    b: u16,
    c: u32,
    d: u64,
    e: i8,
    f: i16,
    g: i32,
    h: i64,
    i: String,
    j: bool,
    k: char,
    l: Vec<u8>,
) -> Result<String> {
    Ok(format!("{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l:?}"))
}

#[workflow]
async fn calls_twelve(ctx: &WorkflowContext) -> Result<String> {
    twelve(ctx, 1, 2, 3, 4, 5, 6, 7, 8, "9".into(), true, 'x', vec![1]).await
}

#[test]
fn options_of_an_activity() {
    let options = charging::Activity::options();
    let retry = RetryPolicy::default()
        .max_attempts(5)
        .initial_interval(Duration::from_millis(200))
        .max_interval(Duration::from_secs(60))
        .backoff(2.0)
        .jitter(0.25)
        .non_retryable::<Declined>();
    assert_ne!(options.retry, retry);
    let closed = Error::from(gateway::Failed::Closed(3));
    let full = Error::from(gateway::Failed::Full);
    let declined = Error::from(Declined);
    let retried = |error| options.retry.retries(1, error);
    assert_eq!([closed, full, declined].each_ref().map(retried), [false, true, false]);
    assert_eq!(options.start_to_close, Duration::from_secs(30));
    assert_eq!(options.schedule_to_start, Some(Duration::from_secs(5400)));
    assert_eq!(options.schedule_to_close, Some(Duration::from_secs(172_800)));
    assert_eq!(options.heartbeat, Some(Duration::from_millis(500)));
    assert_eq!(options.queue.as_deref(), Some("payments"));
    assert_eq!(charging::Activity::CODEC, Codec::Postcard);
    assert_eq!(charging::Activity::NAME, "charge-v2");
    assert_eq!(plain::Activity::options(), Default::default());
    assert_eq!(plain::Activity::CODEC, Codec::Json);
}

#[test]
fn options_of_a_workflow() {
    let options = order_v3::Workflow::options();
    assert_eq!(options.retry, Some(RetryPolicy::default().max_attempts(2)));
    assert_eq!(options.timeout, Some(Duration::from_secs(172_800)));
    assert_eq!(options.queue.as_deref(), Some("orders"));
    assert_eq!((order_v3::Workflow::NAME, order_v3::Workflow::VERSION), ("order", 3));
    assert_eq!((parent::Workflow::NAME, parent::Workflow::VERSION), ("parent", 1));
}

#[test]
fn source_is_the_line_of_the_name() {
    let source = charging::Activity::SOURCE;
    let file = include_str!("definitions.rs");
    let line = file.lines().position(|line| line.contains("fn charge(")).unwrap() + 1;
    assert!(source.file.ends_with("definitions.rs"), "{source}");
    assert_eq!(source.line as usize, line);
}

#[test]
fn state_needs_are_seen() {
    let needs: Vec<_> = charging::Activity::state_needs().iter().map(|need| need.id).collect();
    assert_eq!(needs, [StateNeed::of::<Gateway>().id]);
    assert!(plain::Activity::state_needs().is_empty());
}

#[test]
fn input_is_a_struct_with_the_users_serde_attributes() {
    let input: gift::Input = serde_json::from_str(r#"{"order": 4, "always": 1}"#).unwrap();
    let gift::Input { order, wrapped, message, always, .. } = input;
    assert_eq!((order, wrapped, message.as_str(), always), (4, false, "-", Some(1)));
    let input = gift::Input { order, wrapped, message, always, _ignored: None };
    let json = serde_json::to_value(&input).unwrap();
    assert_eq!(json["msg"], "-");
    assert_eq!(serde_json::to_string(&plain::Input {}).unwrap(), "{}");
}

#[test]
fn run_is_the_body() {
    let ctx = ActivityContext::test().state(Gateway { fee: 1 });
    let receipt: charging::Output = driver::block_on(charging::run(&ctx, "Ann".into(), 5)).unwrap();
    assert_eq!(receipt, Receipt { total: 6 });
    let error = driver::block_on(charging::run(&ctx, String::new(), 5)).unwrap_err();
    assert!(error.is_terminal());
    driver::block_on(plain::run()).unwrap();
}

#[test]
fn programs() {
    let mut world = world()
        .with::<charging::Activity>()
        .with::<plain::Activity>()
        .with::<gift::Activity>()
        .with::<twelve::Activity>();
    world.context = ActivityContext::test().state(Gateway { fee: 1 }).clone();
    let (child, gift) = world.run(parent::Input {}).unwrap();
    assert_eq!((child, gift), (11, (1, true, "hi".into(), Some(2))));
    assert_eq!(world.run(calls_twelve::Input {}).unwrap(), "123456789truex[1]");
}

#[test]
fn everything_is_registered() {
    let all = register_all!();
    all.check().unwrap();
    assert!(all.activity("charge-v2").is_some());
    assert!(all.workflow("order", 3).is_some());
    assert!(all.workflow("order", 1).is_none());
    assert!(all.activity("not_compiled").is_none());
    let some = register_all![order_v3, charging, super::echo,];
    assert_eq!((some.activities().count(), some.workflows().count()), (2, 1));
}

#[signal]
#[derive(Debug, PartialEq)]
struct WarehouseReady {
    available: bool,
}

#[signal(name = "decision")]
#[derive(Clone, Serialize, Deserialize)]
enum Decision {
    Approve,
    Reject { why: String },
}

#[workflow]
async fn typed_signals(ctx: &WorkflowContext) -> Result<(WarehouseReady, String)> {
    let ready = ctx.receive::<WarehouseReady>().await?;
    let why = match ctx.receive::<Decision>().await? {
        Decision::Approve => "approved".into(),
        Decision::Reject { why } => why,
    };
    Ok((ready, why))
}

#[test]
fn signals() {
    assert_eq!((WarehouseReady::NAME, Decision::NAME), ("warehouse-ready", "decision"));
    let world = world()
        .signal("decision", &Decision::Reject { why: "late".into() })
        .signal("warehouse-ready", &WarehouseReady { available: true });
    let (ready, why) = world.run(typed_signals::Input {}).unwrap();
    assert_eq!((ready, why.as_str()), (WarehouseReady { available: true }, "late"));
}
