//! An expense that people approve: a request that is answered, reminders, and escalation to the next approver.
//!
//! Run it with `cargo run --example human_approval`. It finds a database or starts one by itself.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

/// What an approver says. The reply is what has become of the expense.
#[update(response = Decided)]
struct Decide {
    by: String,
    approved: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Decided {
    by: String,
    approved: bool,
    /// How often somebody was reminded.
    reminders: u32,
}

#[activity]
async fn notify(who: String, text: String) -> Result<()> {
    println!("  to {who}: {text}");
    Ok(())
}

#[activity]
async fn pay(ctx: &ActivityContext, employee: String, cents: u64) -> Result<String> {
    println!("  paid: {cents} cents to {employee}");
    Ok(format!("transfer {}", &ctx.idempotency_key()[..8]))
}

/// Asks the approvers one after the other. Each is reminded, and has so much time.
#[workflow]
async fn expense(
    ctx: &WorkflowContext,
    employee: String,
    cents: u64,
    approvers: Vec<String>,
    patience: Duration,
) -> Result<String> {
    let mut reminders = 0;
    for approver in approvers {
        notify(ctx, approver.clone(), format!("{employee} asks for {cents} cents")).await?;
        for asked in 0..3 {
            // Nobody else decides, and nothing of who tries is in the history.
            let is_asked = |decide: &Decide| match decide.by == approver {
                true => Ok(()),
                false => Err(Error::terminal(format!("{} is not asked; {approver} is", decide.by))),
            };
            flows::select! {
                decide = ctx.update::<Decide>().validate(is_asked) => {
                    let decide = decide?;
                    let (by, approved) = (decide.by.clone(), decide.approved);
                    let paid = match approved {
                        true => Some(pay(ctx, employee.clone(), cents).await?),
                        false => None,
                    };
                    decide.reply(Decided { by, approved, reminders }); // after the payment
                    return paid.ok_or_else(|| Error::terminal(format!("{approver} has declined")));
                }
                slept = ctx.sleep(patience) => slept?,
            }
            if asked < 2 {
                reminders += 1;
                notify(ctx, approver.clone(), "please decide".into()).await?;
            }
        }
    }
    Err(Error::terminal("nobody has decided"))
}

fn input(cents: u64) -> expense::Input {
    let approvers = vec!["Grace".to_owned(), "Edsger".to_owned()];
    expense::Input {
        employee: "Ada".into(),
        cents,
        approvers,
        patience: Duration::from_millis(300),
    }
}

async fn decides(exec: &Execution<expense::Workflow>, by: &str, approved: bool) -> Result<()> {
    match exec.update(Decide { by: by.to_owned(), approved }).await {
        Ok(decided) => println!("  {by} gets the reply: {decided:?}"),
        Err(error) => println!("  {by} gets the error: {error}"),
    }
    Ok(())
}

async fn ended(exec: &Execution<expense::Workflow>) -> Result<()> {
    match exec.result().await {
        Ok(transfer) => println!("  completed: {transfer}"),
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

    println!("an expense that is approved");
    let exec = engine.start(input(4_200)).await?;
    decides(&exec, "Mallory", true).await?;
    decides(&exec, "Grace", true).await?;
    ended(&exec).await?;

    println!("an expense that escalates");
    let exec = engine.start(input(90_000)).await?;
    tokio::time::sleep(Duration::from_millis(1_200)).await; // Grace is on holiday
    decides(&exec, "Edsger", false).await?;
    ended(&exec).await?;

    println!("an expense that nobody decides");
    let exec = engine.start(input(100)).await?;
    ended(&exec).await?;
    decides(&exec, "Grace", true).await?;

    drop(stop);
    working.await?
}

/// Run them with `cargo test --example human_approval`.
#[cfg(test)]
mod tests {
    use flows::testing::{TestEnv, crash_everywhere};

    use super::*;

    fn by(who: &str) -> Decide {
        Decide { by: who.to_owned(), approved: true }
    }

    #[flows::test]
    async fn who_is_not_asked_decides_nothing(env: TestEnv) {
        let exec = env.start(input(100)).await?;
        let error = exec.update(by("Edsger")).await.expect_err("Grace is asked");
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(error.message(), "Edsger is not asked; Grace is");
        let decided = exec.update(by("Grace")).await?;
        assert_eq!(decided, Decided { by: "Grace".into(), approved: true, reminders: 0 });
        exec.result().await?;
        let refused = exec.history().await?;
        assert_eq!(refused.iter().filter(|event| event.kind == "update_received").count(), 1);
        env.assert_called(pay::Activity, 1);
    }

    #[flows::test]
    async fn nobody_decides(env: TestEnv) {
        let exec = env.start(input(100)).await?;
        assert_eq!(exec.result().await.expect_err("nobody").message(), "nobody has decided");
        env.assert_called(notify::Activity, 2 + 4);
        env.assert_called(pay::Activity, 0);
    }

    /// Edsger decides when it has come to him, and not before.
    #[flows::test]
    async fn it_escalates_wherever_a_worker_dies() {
        let paid = crash_everywhere(input(100))
            .mock(pay::Activity, |input| Ok(format!("{} cents", input.cents)))
            .update(by("Edsger"))
            .update_after(Duration::from_secs(1), by("Edsger"))
            .await?;
        assert_eq!(paid, "100 cents");
    }
}
