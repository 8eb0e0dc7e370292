//! How the histories are recorded: scenarios on the memory store, on virtual time and from a seed,
//! so that recording one again would give the same text.

use std::pin::Pin;
use std::sync::Arc;

use flows::memory::MemoryStore;
use flows::prelude::*;
use flows::{AnyWorkflow, History};
use flows_core::Engine;

use crate::workflows::*;

type Recorded = Pin<Box<dyn Future<Output = Result<Execution<AnyWorkflow>>> + Send>>;

/// The name of a history, and how its run goes.
type Scenario = (&'static str, fn(Engine) -> Recorded);

macro_rules! scenarios {
    ($($name:ident,)*) => {
        const SCENARIOS: &[Scenario] = &[$((stringify!($name), |engine| Box::pin($name(engine))),)*];
    };
}

scenarios! {
    order_delivered,
    order_out_of_stock,
    order_declined,
    order_waiting,
    order_terminated,
    approval_given,
    approval_never_given,
    fastest_courier,
    no_courier_in_time,
    lottery_drawn,
    journey_with_children,
    leg_of_a_journey,
    tour_cut_short,
    tour_of_an_older_build,
    stay_cancelled,
    meter_continued,
    meter_read,
    offer_taken,
    invoice_with_tax,
    repair_after_a_death,
    repair_of_a_suspect,
    survey_refused,
    document_countersigned,
    order_forked,
    basket_filled,
    expedition_called_back,
    film_rendered,
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|(name, _)| *name)
}

/// Plays a scenario and exports its run.
pub(crate) fn record(name: &str) -> Result<History> {
    let scenario = SCENARIOS.iter().find(|(known, _)| *known == name);
    let (_, scenario) = scenario.unwrap_or_else(|| panic!("no scenario `{name}`"));
    let _seeded = flows_core::clock::seeded(1);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let engine = Engine::new(Arc::new(MemoryStore::new()));
        let worker =
            Worker::builder(&engine, Registry::all()).queues(["default", "gpu"]).build()?;
        let _working = tokio::spawn(async move { worker.run().await });
        scenario(engine).await?.export().await
    })
}

fn an_order(cents: u64) -> order::Input {
    let items = vec![Item { sku: "book".into(), quantity: 2 }];
    order::Input { customer: "ada@example.com".into(), items, cents }
}

async fn ended<W: flows::types::Typed>(exec: Execution<W>) -> Result<Execution<AnyWorkflow>> {
    drop(exec.result().await);
    Ok(exec.typed())
}

/// Lets virtual time pass.
async fn later(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn order_delivered(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(an_order(4_200)).id("order-1").await?;
    exec.send(WarehouseReady { available: true }).await?;
    ended(exec).await
}

async fn order_out_of_stock(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(an_order(4_200)).id("order-2").await?;
    later(10).await;
    exec.send(WarehouseReady { available: false }).await?;
    ended(exec).await
}

async fn order_declined(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(an_order(0)).id("order-3").await?).await
}

async fn order_waiting(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(an_order(4_200)).id("order-4").await?;
    later(60).await;
    Ok(exec.typed())
}

async fn order_terminated(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(an_order(4_200)).id("order-5").await?;
    later(60).await;
    exec.terminate("the shop is closed").await?;
    Ok(exec.typed())
}

async fn approval_given(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(approval::Input { who: "ada@example.com".into() }).await?;
    later(100_000).await;
    exec.signal("answer", &true).await?;
    ended(exec).await
}

async fn approval_never_given(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(approval::Input { who: "ada@example.com".into() }).await?).await
}

async fn fastest_courier(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(fastest::Input { limit: 60 }).await?).await
}

async fn no_courier_in_time(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(fastest::Input { limit: 1 }).await?).await
}

async fn lottery_drawn(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let tickets = ["Ada", "Bob", "Eve"].map(str::to_owned).to_vec();
    ended(engine.start(lottery::Input { tickets }).await?).await
}

async fn journey_with_children(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(journey::Input {}).await?).await
}

async fn leg_of_a_journey(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(leg::Input { to: "nowhere".into() }).await?).await
}

async fn tour_cut_short(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(tour::Input {}).await?;
    exec.signal("stop", &"stopped").await?;
    ended(exec).await
}

/// The same, recorded when a child went on though its call was dropped: no event says otherwise.
async fn tour_of_an_older_build(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    tour_cut_short(engine).await
}

async fn expedition_called_back(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(expedition::Input {}).await?;
    later(60).await;
    exec.signal("call back", &"a storm").await?;
    ended(exec).await
}

async fn stay_cancelled(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(stay::Input { nights: 3 }).await?;
    later(60).await;
    exec.cancel().reason("the weather").await?;
    ended(exec).await
}

/// The first of three runs, which has gone on as the second.
async fn meter_continued(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(meter::Input { round: 0, total: 0 }).await?).await
}

async fn meter_read(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(meter::Input { round: 2, total: 10 }).await?).await
}

async fn offer_taken(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(offer::Input {}).await?;
    exec.signal("price", &100_u64).await?;
    exec.signal("price", &90_u64).await?;
    exec.signal("open", &()).await?;
    later(60).await;
    exec.signal("price", &95_u64).await?;
    ended(exec).await
}

async fn invoice_with_tax(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(invoice::Input { cents: 500 }).await?).await
}

/// The worker dies in the middle of the activity.
async fn survey_refused(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(survey::Input {}).id("survey-1").await?).await
}

/// Forked where it had been told that the warehouse is not ready, and told otherwise.
async fn order_forked(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = order_out_of_stock(engine.clone()).await?;
    let history = exec.history().await?;
    let told = history.iter().find(|event| event.kind == "signal_received");
    let fork = engine.fork(exec.run_id(), told.map_or(0, |event| event.index)).await?;
    later(10).await;
    fork.send(WarehouseReady { available: true }).await?;
    ended(fork).await
}

async fn basket_filled(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(basket::Input { room: 3 }).id("basket-1").await?;
    let put = |item: &str| exec.update(Put { item: item.to_owned() }).dedup(item.to_owned());
    put("early").send().await?;
    later(100).await;
    put("late").await?;
    let end = exec.update(Put { item: String::new() }).dedup("end").await;
    drop(end); // it is not answered
    ended(exec).await
}

async fn repair_after_a_death(_: Engine) -> Result<Execution<AnyWorkflow>> {
    let engine = Engine::new(Arc::new(MemoryStore::new()));
    let begin = || {
        let worker = Worker::builder(&engine, Registry::all()).build()?;
        Ok::<_, Error>(tokio::spawn(async move { worker.run().await }))
    };
    let first = begin()?;
    let exec = engine.start(repair::Input { seams: 3 }).id("repair-1").await?;
    later(10).await;
    first.abort();
    let _second = begin()?;
    ended(exec).await
}

/// The same, recorded when the journal says from where on attempts are noted.
async fn repair_of_a_suspect(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    repair_after_a_death(engine).await
}

/// Its first attempt falls silent; the second is completed.
async fn document_countersigned(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    let exec = engine.start(document::Input {}).id("document-1").await?;
    let run = exec.run_id().simple();
    let token = |attempt: u32| format!("{}-{run}-0-{attempt}", uuid::Uuid::nil().simple());
    later(10).await;
    engine.heartbeat(token(1), &"read").await?;
    later(70).await;
    engine.heartbeat(token(2), &"signed").await?;
    later(20).await;
    engine.complete(token(2), &true).await?;
    ended(exec).await
}

async fn film_rendered(engine: Engine) -> Result<Execution<AnyWorkflow>> {
    ended(engine.start(film::Input { frames: 2 }).id("film-1").await?).await
}
