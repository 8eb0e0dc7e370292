//! The workflows whose histories are recorded. What they do today is what recorded runs of them
//! rely on: change one only as a user may change a workflow with open runs.

use flows::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Receipt {
    id: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shipment {
    tracking: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shipped {
    id: Uuid,
    tracking: String,
}

#[signal]
pub(crate) struct WarehouseReady {
    pub(crate) available: bool,
}

/// Fails the first time, as gateways do; declines to charge nothing.
#[activity(retry(max_attempts = 5, initial_interval = "100ms"), start_to_close = "5s")]
async fn charge_payment(ctx: &ActivityContext, customer: String, cents: u64) -> Result<Receipt> {
    if cents == 0 {
        return Err(Error::terminal("nothing to charge"));
    }
    if ctx.attempt() == 1 {
        return Err(Error::retryable(std::io::Error::other("the gateway timed out")));
    }
    Ok(Receipt { id: format!("receipt-{customer}-{cents}") })
}

#[activity]
async fn ship(order: Uuid, items: Vec<Item>) -> Result<Shipment> {
    let pieces: u32 = items.iter().map(|item| item.quantity).sum();
    Ok(Shipment { tracking: format!("T-{pieces}-{}", order.get_version_num()) })
}

#[activity]
async fn email(customer: String, text: String) -> Result<()> {
    drop((customer, text));
    Ok(())
}

#[activity]
async fn refund(receipt: String) -> Result<()> {
    drop(receipt);
    Ok(())
}

/// The order of `examples/order.rs`.
#[workflow(name = "order", version = 1)]
pub(crate) async fn order(
    ctx: &WorkflowContext,
    customer: String,
    items: Vec<Item>,
    cents: u64,
) -> Result<Shipped> {
    let id = ctx.uuid();
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

/// Asks, reminds every day, and gives up after three.
#[workflow]
pub(crate) async fn approval(ctx: &WorkflowContext, who: String) -> Result<bool> {
    for _ in 0..3 {
        flows::select! {
            answer = ctx.signal::<bool>("answer") => return answer,
            slept = ctx.sleep(Duration::from_secs(86_400)) => {
                slept?;
                email(ctx, who.clone(), "please answer".into()).await?;
            },
        }
    }
    Ok(false)
}

/// Of two couriers the faster one; whoever is slow is told to stop.
#[workflow]
pub(crate) async fn fastest(ctx: &WorkflowContext, limit: u64) -> Result<String> {
    let couriers = ["bike", "van"].map(|name| courier(ctx, name.into()));
    let first = flows::race(couriers);
    let ended = ctx.timeout(Duration::from_secs(limit), first).await;
    match ended {
        Err(error) if error.is_timeout() => Ok("nobody".into()),
        other => other,
    }
}

#[activity]
async fn courier(name: String) -> Result<String> {
    let seconds = if name == "bike" { 2 } else { 3 };
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    Ok(name)
}

/// A local value, a time, and random ones.
#[workflow]
pub(crate) async fn lottery(ctx: &WorkflowContext, tickets: Vec<String>) -> Result<String> {
    let machine = ctx.side_effect(|| "machine 7".to_owned()).await?;
    let at = ctx.random::<u32>() as usize % tickets.len().max(1);
    ctx.sleep(Duration::from_secs(1)).await?;
    let again = ctx.side_effect(|| 7_u8).await?;
    Ok(format!("{} by {machine}, {again}", tickets.get(at).cloned().unwrap_or_default()))
}

/// One child that succeeds and one that fails.
#[workflow]
pub(crate) async fn journey(ctx: &WorkflowContext) -> Result<String> {
    let there = leg(ctx, "Rome".into()).start();
    let back = leg(ctx, "nowhere".into()).await;
    let back = back.map_or_else(|error| error.message().to_owned(), |legs| legs.to_string());
    Ok(format!("{} and {back}", there.await?))
}

#[workflow]
pub(crate) async fn leg(ctx: &WorkflowContext, to: String) -> Result<u64> {
    ctx.sleep(Duration::from_secs(1)).await?;
    if to == "nowhere" {
        return Err(Error::terminal("there is no such place"));
    }
    Ok(to.len() as u64)
}

/// A child that is overtaken, and one that nobody awaits.
#[workflow]
pub(crate) async fn tour(ctx: &WorkflowContext) -> Result<String> {
    let _never_awaited = leg(ctx, "Oslo".into()).start();
    let first = flows::select! {
        legs = leg(ctx, "Rome".into()) => legs?.to_string(),
        stop = ctx.signal::<String>("stop") => stop?,
    };
    ctx.sleep(Duration::from_secs(60)).await?;
    Ok(first)
}

/// A child that is signalled, and called back with a reason.
#[workflow]
pub(crate) async fn expedition(ctx: &WorkflowContext) -> Result<String> {
    let camp = camp(ctx).id("camp").close_policy(ClosePolicy::Terminate).start();
    camp.signal("rations", &3)?;
    let why: String = ctx.signal("call back").await?;
    camp.cancel(why);
    Ok(camp.await.map_or_else(|error| error.message().to_owned(), |days| days.to_string()))
}

#[workflow]
pub(crate) async fn camp(ctx: &WorkflowContext) -> Result<u64> {
    let rations: u64 = ctx.signal("rations").await?;
    ctx.sleep(Duration::from_secs(86_400 * rations)).await?;
    Ok(rations)
}

/// Books, waits, and takes it back when it is cancelled.
#[workflow]
pub(crate) async fn stay(ctx: &WorkflowContext, nights: u32) -> Result<u32> {
    let waited = ctx.sleep(Duration::from_secs(3600)).await;
    if let Err(error) = waited {
        ctx.shield(refund(ctx, "room".into())).await?;
        return Err(error);
    }
    Ok(nights)
}

/// Reads a meter round after round, each in a run of its own.
#[workflow]
pub(crate) async fn meter(ctx: &WorkflowContext, round: u64, total: u64) -> Result<u64> {
    let total = total + read_meter(ctx, round).await?;
    if round == 2 {
        return Ok(total);
    }
    ctx.sleep(Duration::from_secs(3600)).await?;
    ctx.continue_as_new(meter::Input { round: round + 1, total })
}

/// Its input and output are not JSON in the journal.
#[activity(codec = "postcard")]
async fn read_meter(round: u64) -> Result<u64> {
    Ok(round * 10)
}

/// Takes signals of two names, some that are here already.
#[workflow]
pub(crate) async fn offer(ctx: &WorkflowContext) -> Result<u64> {
    ctx.signal::<()>("open").await?;
    let mut cents = 0;
    while let Some(price) = ctx.try_signal::<u64>("price")? {
        cents = price;
    }
    let last: u64 = ctx.signal("price").await?;
    Ok(cents.max(last))
}

/// Changed once: runs that began before the patch skip the tax.
#[workflow]
pub(crate) async fn invoice(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    let cents = if ctx.patched("tax") { add_tax(ctx, cents).await? } else { cents };
    ctx.sleep(Duration::from_secs(60)).await?;
    Ok(cents)
}

#[activity]
async fn add_tax(cents: u64) -> Result<u64> {
    Ok(cents + cents / 5)
}

/// Takes its time, so that its worker can die meanwhile.
#[workflow]
pub(crate) async fn repair(ctx: &WorkflowContext, seams: u64) -> Result<u64> {
    weld(ctx, seams).await
}

#[activity]
async fn weld(seams: u64) -> Result<u64> {
    tokio::time::sleep(Duration::from_secs(60)).await;
    Ok(seams)
}

/// Asks for values that cannot be recorded, and goes on without them.
#[workflow]
pub(crate) async fn survey(ctx: &WorkflowContext) -> Result<u64> {
    let share = ctx.side_effect(|| f64::NAN).await.unwrap_or(0.25);
    Ok((share * 100.0) as u64)
}

/// Waits for somebody who is not here.
#[workflow]
pub(crate) async fn document(ctx: &WorkflowContext) -> Result<bool> {
    countersign(ctx).await
}

#[activity(start_to_close = "1h", heartbeat = "50s")]
async fn countersign(ctx: &ActivityContext) -> Result<bool> {
    let _sent = ctx.completion_token();
    ctx.pending()
}

#[update(response = u64)]
pub(crate) struct Put {
    pub(crate) item: String,
}

/// Receives updates: one that has come before it asks, some that wait, and one that it never answers.
#[workflow]
pub(crate) async fn basket(ctx: &WorkflowContext, room: u64) -> Result<u64> {
    ctx.sleep(Duration::from_secs(60)).await?;
    let mut items = 0;
    loop {
        let has_room = |_: &Put| match items < room {
            true => Ok(()),
            false => Err(Error::terminal("it is full")),
        };
        let put = ctx.update::<Put>().validate(has_room).await?;
        if put.item.is_empty() {
            return Ok(items);
        }
        items += 1;
        put.reply(items);
    }
}

/// Has its frames rendered by workers of another queue; the first attempt of each fails.
#[workflow]
pub(crate) async fn film(ctx: &WorkflowContext, frames: u64) -> Result<u64> {
    let frames = (0..frames).map(|frame| render_frame(ctx, frame));
    Ok(flows::try_join_all(frames).await?.into_iter().sum())
}

#[activity(queue = "gpu", retry(initial_interval = "1s"))]
async fn render_frame(ctx: &ActivityContext, frame: u64) -> Result<u64> {
    if ctx.attempt() == 1 { Err(Error::retryable("too hot")) } else { Ok(frame + 1) }
}
