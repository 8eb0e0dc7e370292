//! A saga: flight, hotel and payment of a trip, all of them or none.
//!
//! Run it with `cargo run --example saga`. It finds a database or starts one by itself.

use flows::prelude::*;

#[activity]
async fn cancel_flight(flight: String) -> Result<()> {
    println!("  undone: {flight}");
    Ok(())
}

/// Its compensation takes what it returns.
#[activity(compensate = cancel_flight)]
async fn book_flight(to: String) -> Result<String> {
    println!("  booked: a flight to {to}");
    Ok(format!("flight to {to}"))
}

/// Fails once, as agencies do: a compensation is retried like any other activity.
#[activity(retry(max_attempts = 20, initial_interval = "100ms"))]
async fn cancel_hotel(ctx: &ActivityContext, hotel: String) -> Result<()> {
    if ctx.attempt() == 1 {
        println!("  the hotel does not answer; it will be tried again");
        return Err(Error::retryable("the hotel does not answer"));
    }
    println!("  undone: {hotel}");
    Ok(())
}

#[activity(compensate = cancel_hotel)]
async fn book_hotel(city: String, nights: u32) -> Result<String> {
    println!("  booked: {nights} nights in {city}");
    Ok(format!("{nights} nights in {city}"))
}

#[activity]
async fn refund(customer: String, cents: u64, receipt: String) -> Result<()> {
    println!("  undone: {customer} has {cents} cents of {receipt} back");
    Ok(())
}

/// Its compensation takes its parameters and what it returns.
#[activity(compensate = refund)]
async fn charge(ctx: &ActivityContext, customer: String, cents: u64) -> Result<String> {
    println!("  charged: {cents} cents to {customer}");
    Ok(format!("receipt {}", &ctx.idempotency_key()[..8]))
}

#[activity]
async fn rent_car(cars: u32) -> Result<String> {
    match cars {
        0 => Err(Error::terminal("there is no car left")),
        _ => Ok("a car".into()),
    }
}

/// When it returns an error, what `saga` has done is undone in reverse.
#[workflow]
async fn trip(ctx: &WorkflowContext, customer: String, to: String, cars: u32) -> Result<String> {
    let saga = ctx.saga();
    let flight = saga.run(book_flight(ctx, to.clone())).await?;
    let hotel = saga.run(book_hotel(ctx, to, 3)).await?;
    saga.run(charge(ctx, customer, 84_000)).await?;
    let car = rent_car(ctx, cars).await?;
    let a_day = Duration::from_secs(86_400);
    ctx.timeout(a_day, ctx.signal::<()>("confirmed")).await?;
    Ok(format!("{flight}, {hotel}, {car}"))
}

fn input(cars: u32) -> trip::Input {
    trip::Input { customer: "Ada".into(), to: "Lisbon".into(), cars }
}

async fn ended(exec: &Execution<trip::Workflow>) -> Result<()> {
    match exec.result().await {
        Ok(trip) => println!("  completed: {trip}"),
        Err(error) => println!("  {}: {error}", exec.describe().await?.status),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = flows::pg::dev::database().await?;
    println!("database: {}", database.describe());
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let worker = Worker::builder(&engine, flows::register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(async move { worker.run_until(stopped).await });

    println!("a trip that is confirmed");
    let exec = engine.start(input(1)).await?;
    exec.signal("confirmed", &()).await?;
    ended(&exec).await?;

    println!("a trip for which there is no car");
    let exec = engine.start(input(0)).await?;
    ended(&exec).await?;

    println!("a trip that is cancelled");
    let exec = engine.start(input(1)).await?;
    exec.cancel().reason("Ada is ill").await?;
    ended(&exec).await?;

    drop(stop);
    working.await?
}

/// Run them with `cargo test --example saga`.
#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use flows::testing::{TestEnv, crash_everywhere};

    use super::*;

    #[flows::test]
    async fn a_trip_without_a_car_is_undone_wherever_a_worker_dies() {
        let undone = Arc::new(Mutex::new(Vec::<&str>::new()));
        let notes = |what| {
            let undone = Arc::clone(&undone);
            move || undone.lock().expect("notes").push(what)
        };
        let (hotel, money, flight) = (notes("hotel"), notes("money"), notes("flight"));
        let error = crash_everywhere(input(0))
            .mock(cancel_hotel::Activity, move |_| {
                hotel();
                Ok(())
            })
            .mock(refund::Activity, move |input| {
                assert_eq!((input.customer.as_str(), input.cents), ("Ada", 84_000));
                money();
                Ok(())
            })
            .mock(cancel_flight::Activity, move |_| {
                flight();
                Ok(())
            })
            .here_only()
            .await
            .expect_err("no car");
        assert_eq!(error.message(), "there is no car left");
        let undone = undone.lock().expect("notes").clone();
        assert_eq!(undone[..3], ["money", "hotel", "flight"], "in the run without crashes");
        let of = |what| undone.iter().filter(|it| **it == what).count();
        assert!(of("flight") > 10 && of("hotel") > 10 && of("money") > 10, "{undone:?}");
    }

    #[flows::test]
    async fn a_confirmed_trip_is_kept_wherever_a_worker_dies() {
        let trip = crash_everywhere(input(1)).signal("confirmed", &()).await?;
        assert_eq!(trip, "flight to Lisbon, 3 nights in Lisbon, a car");
    }

    /// A day without an answer: the timeout is what the trip ends with.
    #[flows::test]
    async fn a_trip_that_nobody_confirms_is_undone(env: TestEnv) {
        env.mock(cancel_hotel::Activity, |_| Err(Error::terminal("the hotel insists")));
        let exec = env.start(input(1)).await?;
        let error = exec.result().await.expect_err("nobody confirms");
        let end = "; 1 of 3 steps could not be undone: `book_hotel` (by `cancel_hotel`): the hotel insists";
        assert!(error.message().ends_with(end), "{error}");
    }

    /// The graph shows what undoes a step.
    #[test]
    fn the_graph() {
        let graph = flows::register_all!().workflow("trip", 1).expect("the example's").graph;
        expect_test::expect![[r#"
            saga
              activity book_flight
              undo cancel_flight
            saga
              activity book_hotel
              undo cancel_hotel
            saga
              activity charge
              undo refund
            activity rent_car
            timeout a_day
              signal "confirmed"
        "#]]
        .assert_eq(&graph.to_string());
    }
}
