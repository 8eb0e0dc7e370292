//! An agent: a model that answers in tokens and calls tools, with a budget, and a person who is asked where it must
//! not decide alone. What it says is followed while it says it.
//!
//! Run it with `cargo run --example agent`. It finds a database or starts one by itself.

use std::io::Write;

use flows::prelude::*;
use serde::{Deserialize, Serialize};

/// What readers of the run's stream see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Progress {
    Token(String),
    Tool { name: String, answer: String },
    Asks(String),
    Spent { cents: u64 },
}

/// What the model wants after it has spoken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Wish {
    /// A tool that does no harm.
    LookUp {
        order: String,
    },
    /// Something that a person has to allow.
    Refund {
        order: String,
        cents: u64,
    },
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Answer {
    text: String,
    wish: Wish,
    cents: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Entry {
    User(String),
    Model(String),
    Tool(String),
}

/// Asks the model and publishes its tokens as they come. This model knows three sentences; a real one is called here,
/// with `ctx.idempotency_key()`.
#[activity(retry(max_attempts = 5, initial_interval = "200ms"), start_to_close = "2m")]
async fn ask_model(ctx: &ActivityContext, talk: Vec<Entry>) -> Result<Answer> {
    let (text, wish) = match talk.len() {
        1 => ("Let me look at your order.", Wish::LookUp { order: "o-17".into() }),
        3 => (
            "It never left. I would refund it.",
            Wish::Refund { order: "o-17".into(), cents: 4_200 },
        ),
        _ => ("Done. Anything else?", Wish::Nothing),
    };
    for token in text.split_inclusive(' ') {
        ctx.publish(&Progress::Token(token.to_owned())).await?;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    Ok(Answer { text: text.to_owned(), wish, cents: 3 })
}

#[activity]
async fn look_up(order: String) -> Result<String> {
    Ok(format!("order {order}: paid, never shipped"))
}

/// Never twice: the key says whether it was done before.
#[activity(retry(max_attempts = 20))]
async fn refund(ctx: &ActivityContext, order: String, cents: u64) -> Result<String> {
    Ok(format!("{cents} cents of {order} refunded ({})", &ctx.idempotency_key()[..8]))
}

#[signal]
struct Decision {
    allowed: bool,
}

/// A tool may do what a person has allowed; nobody answers for a day: it may not.
#[flows::durable]
async fn use_tool(ctx: &WorkflowContext, wish: Wish) -> Result<Option<(String, String)>> {
    Ok(match wish {
        Wish::Nothing => None,
        Wish::LookUp { order } => Some(("look_up".to_owned(), look_up(ctx, order).await?)),
        Wish::Refund { order, cents } => {
            ctx.publish(&Progress::Asks(format!("may I refund {cents} cents of {order}?")))?;
            let a_day = Duration::from_secs(86_400);
            let answer = match ctx.timeout(a_day, ctx.receive::<Decision>()).await {
                Ok(Decision { allowed: true }) => refund(ctx, order, cents).await?,
                Ok(Decision { allowed: false }) => "a person has refused this".to_owned(),
                Err(error) if error.is_timeout() => "nobody has answered".to_owned(),
                Err(error) => return Err(error),
            };
            Some(("refund".to_owned(), answer))
        }
    })
}

/// Goes on until the model wants nothing more, or has used its budget up. After a crash, it goes on behind the last
/// answer: no answer is paid twice.
#[workflow]
async fn agent(ctx: &WorkflowContext, question: String, budget_cents: u64) -> Result<String> {
    let mut talk = vec![Entry::User(question)];
    let mut spent = 0;
    loop {
        if spent >= budget_cents {
            return Err(Error::terminal(format!("the budget of {budget_cents} cents is used up")));
        }
        let Answer { text, wish, cents } = ask_model(ctx, talk.clone()).await?;
        spent += cents;
        ctx.publish(&Progress::Spent { cents: spent })?;
        talk.push(Entry::Model(text.clone()));
        let Some((name, answer)) = use_tool(ctx, wish).await? else { return Ok(text) };
        ctx.publish(&Progress::Tool { name, answer: answer.clone() })?;
        talk.push(Entry::Tool(answer));
    }
}

/// Follows a run, prints what it says, and decides when it asks.
async fn follow(exec: &Execution<agent::Workflow>) -> Result<()> {
    let mut stream = exec.stream::<Progress>();
    while let Some(item) = stream.next().await? {
        match item.value {
            Progress::Token(token) => print!("{token}"),
            Progress::Tool { name, answer } => println!("  [{name}: {answer}]"),
            Progress::Spent { cents } => println!("  [{cents} cents so far]"),
            Progress::Asks(what) => {
                println!("  [it asks: {what} Yes.]");
                exec.send(Decision { allowed: true }).await?;
            }
        }
        drop(std::io::stdout().flush());
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

    for budget_cents in [100, 6] {
        println!("an agent with {budget_cents} cents");
        let question = "Where is my order?".to_owned();
        let exec = engine.start(agent::Input { question, budget_cents }).await?;
        follow(&exec).await?;
        match exec.result().await {
            Ok(answer) => println!("it ended with: {answer}"),
            Err(error) => println!("it failed: {error}"),
        }
    }

    drop(stop);
    working.await?
}

/// Run them with `cargo test --example agent`.
#[cfg(test)]
mod tests {
    use flows::testing::{TestEnv, crash_everywhere};

    use super::*;

    fn input(budget_cents: u64) -> agent::Input {
        agent::Input { question: "Where is my order?".into(), budget_cents }
    }

    #[flows::test]
    async fn a_person_decides(env: TestEnv) {
        let exec = env.start(input(100)).await?;
        exec.send(Decision { allowed: false }).await?;
        assert_eq!(exec.result().await?, "Done. Anything else?");
        let (mut stream, mut said, mut asked) = (exec.stream(), String::new(), Vec::new());
        while let Some(item) = stream.next().await? {
            match item.value {
                Progress::Token(token) => said += &token,
                other => asked.push(other),
            }
        }
        assert!(said.ends_with("Done. Anything else?"), "{said}");
        let refused = "a person has refused this".to_owned();
        assert!(asked.contains(&Progress::Tool { name: "refund".into(), answer: refused }));
    }

    #[flows::test]
    async fn nobody_decides(env: TestEnv) {
        let exec = env.start(input(100)).await?;
        follow_silently(&exec).await?;
        assert_eq!(exec.result().await?, "Done. Anything else?");
    }

    /// Virtual time moves while a reader waits.
    async fn follow_silently(exec: &Execution<agent::Workflow>) -> Result<()> {
        let mut stream = exec.stream::<Progress>();
        while stream.next().await?.is_some() {}
        Ok(())
    }

    #[tokio::test]
    async fn it_survives_crashes_and_keeps_to_its_budget() -> Result<()> {
        let answer = crash_everywhere(input(100)).signal("Decision", &Decision { allowed: true });
        assert_eq!(answer.await?, "Done. Anything else?");
        let error = crash_everywhere(input(6)).signal("Decision", &Decision { allowed: true });
        assert!(error.await.is_err());
        Ok(())
    }
}
