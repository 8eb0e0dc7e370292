//! The order workflow: charge, wait for the warehouse, ship, tell the customer.

use flows::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::harness::Env;
use crate::world::World;

on_every_store! {
    a_complete_order,
    payment_declined,
    out_of_stock_is_refunded,
}

#[derive(Debug, Serialize, Deserialize)]
struct Confirmation {
    available: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shipped {
    id: Uuid,
    tracking: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Declined {
    code: u32,
}

#[activity(retry(max_attempts = 3, initial_interval = "10ms"))]
async fn charge_payment(ctx: &ActivityContext, customer: String, cents: u64) -> Result<u64> {
    ctx.state::<World>()?.note("charge");
    if cents == 0 {
        return Err(Error::terminal_with(Declined { code: 51 }).with_message("card declined"));
    }
    Ok(cents + customer.len() as u64)
}

#[activity]
async fn refund(ctx: &ActivityContext, receipt: u64) -> Result<()> {
    ctx.state::<World>()?.note(format!("refund {receipt}"));
    Ok(())
}

#[activity]
async fn ship(ctx: &ActivityContext, order: Uuid, items: Vec<String>) -> Result<String> {
    ctx.state::<World>()?.note(format!("ship {}", items.join("+")));
    assert_eq!(order.get_version_num(), 7);
    Ok(format!("T-{}", items.len()))
}

#[activity]
async fn email(ctx: &ActivityContext, customer: String) -> Result<()> {
    ctx.state::<World>()?.note(format!("email {customer}"));
    Ok(())
}

#[workflow]
async fn order(
    ctx: &WorkflowContext,
    customer: String,
    items: Vec<String>,
    cents: u64,
) -> Result<Shipped> {
    let id = ctx.uuid();
    let receipt = charge_payment(ctx, customer.clone(), cents).await?;
    let confirmed: Confirmation = ctx.signal("warehouse-ready").await?;
    if !confirmed.available {
        refund(ctx, receipt).await?;
        return Err(Error::terminal("out of stock"));
    }
    let (tracking, ()) = flows::try_join!(ship(ctx, id, items), email(ctx, customer))?;
    Ok(Shipped { id, tracking })
}

fn registry() -> Registry {
    register_all![order, charge_payment, refund, ship, email]
}

fn of(cents: u64) -> order::Input {
    order::Input { customer: "Ada".into(), items: vec!["ink".into(), "pen".into()], cents }
}

async fn a_complete_order(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(of(4_200)).id("order-42").await?;
    env.world.noted("charge", 1).await;
    exec.signal("warehouse-ready", &Confirmation { available: true }).await?;
    let shipped = exec.result().await?;

    assert_eq!(shipped.tracking, "T-2");
    let mut notes = env.world.notes();
    notes.sort();
    assert_eq!(notes, ["charge", "email Ada", "ship ink+pen"]);
    let info = exec.describe().await?;
    assert_eq!((info.status, info.waiting_for), (Status::Completed, None));
    let output = info.output.expect("an output").decode::<serde_json::Value>()?;
    assert_eq!(output, serde_json::to_value(&shipped)?);
    Ok(())
}

async fn payment_declined(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(of(0)).id("order-42").await?;
    let error = exec.result().await.unwrap_err();

    assert_eq!((error.message(), error.is_terminal()), ("card declined", true));
    assert_eq!(error.details::<Declined>(), Some(Declined { code: 51 }));
    assert_eq!(env.world.notes(), ["charge"], "it was tried once");
    assert_eq!(exec.describe().await?.status, Status::Failed);
    Ok(())
}

async fn out_of_stock_is_refunded(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(of(4_200)).id("order-42").await?;
    exec.signal("warehouse-ready", &Confirmation { available: false }).await?;
    let error = exec.result().await.unwrap_err();

    assert_eq!(error.message(), "out of stock");
    assert_eq!(env.world.notes(), ["charge", "refund 4203"]);
    Ok(())
}
