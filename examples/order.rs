//! The order workflow: charge, wait for the warehouse, ship, e-mail; and its way back, a refund.
//!
//! Run it with `cargo run --example order`. It finds a database or starts one by itself. With
//! `-- --graph`, `-- --mermaid` or `-- --dot` it only draws the workflow.

use flows::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Item {
    sku: String,
    quantity: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Receipt {
    id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Shipment {
    tracking: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Shipped {
    id: Uuid,
    tracking: String,
}

/// What the warehouse says about an order.
#[signal]
struct WarehouseReady {
    available: bool,
}

/// The payment gateway: stands for a client of the outside world, given to the worker once.
struct Gateway;

impl Gateway {
    /// Fails the first time it is asked, as gateways do.
    fn charge(&self, attempt: u32, key: &str) -> Result<Receipt, std::io::Error> {
        if attempt == 1 {
            return Err(std::io::Error::other("the gateway timed out"));
        }
        Ok(Receipt { id: format!("receipt-{key}") })
    }
}

#[activity(retry(max_attempts = 5, initial_interval = "100ms"), start_to_close = "5s")]
async fn charge_payment(ctx: &ActivityContext, customer: String, cents: u64) -> Result<Receipt> {
    let gateway = ctx.state::<Gateway>()?;
    if cents == 0 {
        return Err(Error::terminal("nothing to charge"));
    }
    println!("  charge_payment: {customer} pays {cents} cents (attempt {})", ctx.attempt());
    let charged = gateway.charge(ctx.attempt(), ctx.idempotency_key());
    if let Err(error) = &charged {
        println!("  charge_payment: {error}; it will be tried again");
    }
    Ok(charged?)
}

#[activity]
async fn ship(order: Uuid, items: Vec<Item>) -> Result<Shipment> {
    let pieces: u32 = items.iter().map(|item| item.quantity).sum();
    println!("  ship: {pieces} pieces of order {order}");
    Ok(Shipment { tracking: format!("T-{}", &order.simple().to_string()[..8]) })
}

#[activity]
async fn email(customer: String, text: String) -> Result<()> {
    println!("  email: to {customer}: {text}");
    Ok(())
}

#[activity]
async fn refund(receipt: String) -> Result<()> {
    println!("  refund: {receipt}");
    Ok(())
}

#[workflow(name = "order", version = 1)]
async fn order(
    ctx: &WorkflowContext,
    customer: String,
    items: Vec<Item>,
    cents: u64,
) -> Result<Shipped> {
    let id = ctx.uuid(); // the same value on every replay
    let receipt = charge_payment(ctx, customer.clone(), cents).await?;

    let warehouse = ctx.receive::<WarehouseReady>().await?;
    if !warehouse.available {
        refund(ctx, receipt.id).await?;
        return Err(Error::terminal("out of stock"));
    }
    let thanks = "your order is on its way".to_owned();
    let (shipment, ()) = flows::try_join!(ship(ctx, id, items), email(ctx, customer, thanks))?;
    Ok(Shipped { id, tracking: shipment.tracking })
}

fn input(customer: &str) -> order::Input {
    let items = vec![Item { sku: "book".into(), quantity: 2 }];
    order::Input { customer: customer.into(), items, cents: 4_200 }
}

/// The order is charged, the warehouse has it, it is shipped.
async fn delivered(engine: &Engine, id: &str) -> Result<()> {
    println!("order {id}: the way it should go");
    let exec = engine.start(input("ada@example.com")).id(id).await?;
    exec.send(WarehouseReady { available: true }).await?;
    let shipped = exec.result().await?;
    println!("  shipped as {}; its history:", shipped.tracking);
    for event in exec.history().await? {
        println!("    {:2} {:24} {}", event.position, event.kind, event.name.unwrap_or_default());
    }
    Ok(())
}

/// The order is charged, the warehouse does not have it, the money goes back.
async fn refunded(engine: &Engine, id: &str) -> Result<()> {
    println!("order {id}: out of stock");
    let exec = engine.start(input("bob@example.com")).id(id).await?;
    exec.send(WarehouseReady { available: false }).await?;
    match exec.result().await {
        Ok(shipped) => Err(Error::terminal(format!("it was shipped as {}", shipped.tracking))),
        Err(error) => {
            let info = exec.describe().await?;
            println!("  ended as {}: {error}", info.status);
            Ok(())
        }
    }
}

/// What the workflow looks like, in the form that the first argument asks for.
fn drawing() -> Option<String> {
    let graph = order::Workflow::GRAPH;
    match std::env::args().nth(1)?.as_str() {
        "--graph" => Some(graph.to_string()),
        "--mermaid" => Some(graph.mermaid()),
        "--dot" => Some(graph.dot()),
        _ => None,
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    if let Some(drawing) = drawing() {
        print!("{drawing}");
        return Ok(());
    }
    let database = flows::pg::dev::database().await?;
    println!("database: {}", database.describe());
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;

    let worker = Worker::builder(&engine, flows::register_all!()).state(Gateway).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(async move { worker.run_until(stopped).await });

    let suffix = Uuid::now_v7().simple().to_string();
    delivered(&engine, &format!("order-{suffix}-1")).await?;
    refunded(&engine, &format!("order-{suffix}-2")).await?;

    drop(stop); // a program of yours gives `flows::shutdown_signal()` to the worker instead
    working.await?
}
