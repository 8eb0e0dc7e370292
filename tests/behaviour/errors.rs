//! Errors across the wire: what an activity said reaches the workflow, the caller and the describer.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

use crate::harness::Env;

on_every_store! {
    an_error_keeps_its_type_message_chain_and_details,
    an_error_keeps_whether_it_can_be_retried,
    an_error_of_the_workflow_itself_is_its_result,
    a_foreign_error_type_becomes_the_librarys,
    a_panic_that_is_not_retried_is_the_calls_error,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Declined {
    code: u32,
    hint: Option<String>,
}

#[derive(Debug)]
struct Timeout(std::io::Error);

impl std::fmt::Display for Timeout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the gateway did not answer")
    }
}

impl std::error::Error for Timeout {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// The error type of an application.
#[derive(Debug)]
enum Failure {
    Broke(u32),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let Failure::Broke(cents) = failure;
        Self::terminal_with(cents).with_message(format!("{cents} cents are missing"))
    }
}

#[activity(retry(max_attempts = 1))]
async fn fails(how: String) -> Result<u32> {
    match &*how {
        "standard" => Err(Timeout(std::io::Error::other("connection reset")).into()),
        "terminal" => Err(Error::terminal(Timeout(std::io::Error::other("connection reset")))),
        "panic" => panic!("out of paper"),
        _ => {
            let details = Declined { code: 51, hint: Some("another card".into()) };
            Err(Error::terminal_with(details).with_message("declined"))
        }
    }
}

#[activity]
async fn own_error(cents: u32) -> Result<u32, Failure> {
    Err(Failure::Broke(cents))
}

/// What the workflow saw, or the error itself.
#[workflow]
async fn sees(ctx: &WorkflowContext, how: String, passes_on: bool) -> Result<String> {
    let error = fails(ctx, how).await.unwrap_err();
    if passes_on {
        return Err(error);
    }
    let chain: Vec<_> = error.chain().collect();
    let type_name = error.type_name().and_then(|name| name.rsplit("::").next());
    Ok(format!("{:?} {type_name:?} {error} {chain:?}", error.kind()))
}

#[workflow]
async fn broke(ctx: &WorkflowContext, itself: bool) -> Result<u32, Failure> {
    if itself {
        return Err(Failure::Broke(1));
    }
    let error = own_error(ctx, 7).await.expect_err("broke");
    Err(Failure::Broke(error.details::<u32>().unwrap_or_default()))
}

fn registry() -> Registry {
    register_all![sees, broke, fails, own_error]
}

fn input(how: &str, passes_on: bool) -> sees::Input {
    sees::Input { how: how.to_owned(), passes_on }
}

async fn an_error_keeps_its_type_message_chain_and_details(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let seen = env.engine.start(input("standard", false)).await?.result().await?;
    let text = r#"Retryable Some("Timeout") the gateway did not answer ["connection reset"]"#;
    assert_eq!(seen, text);

    let exec = env.engine.start(input("details", true)).await?;
    let declined = Declined { code: 51, hint: Some("another card".into()) };
    let info = exec.result().await.unwrap_err();
    assert_eq!((info.message(), info.details()), ("declined", Some(declined)));
    let described = exec.describe().await?.error.expect("an error");
    assert_eq!(described.details::<Declined>(), info.details());
    let history = exec.history().await?;
    let errors: Vec<_> = history.iter().filter_map(|event| event.error.as_ref()).collect();
    assert_eq!(errors.len(), 2, "of the activity and of the run");
    assert!(errors.iter().all(|error| error.details() == info.details::<Declined>()));
    Ok(())
}

async fn an_error_keeps_whether_it_can_be_retried(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    for (how, retryable) in [("standard", true), ("terminal", false), ("details", false)] {
        let error = env.engine.start(input(how, true)).await?.result().await.unwrap_err();
        assert_eq!((error.is_retryable(), error.is_terminal()), (retryable, !retryable), "{how}");
    }
    Ok(())
}

async fn an_error_of_the_workflow_itself_is_its_result(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let error = env.engine.start(broke::Input { itself: true }).await?.result().await.unwrap_err();
    assert_eq!((error.message(), error.details()), ("1 cents are missing", Some(1_u32)));
    Ok(())
}

async fn a_foreign_error_type_becomes_the_librarys(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let error = env.engine.start(broke::Input { itself: false }).await?.result().await.unwrap_err();
    assert_eq!((error.message(), error.is_terminal()), ("7 cents are missing", true));
    Ok(())
}

async fn a_panic_that_is_not_retried_is_the_calls_error(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let error = env.engine.start(input("panic", true)).await?.result().await.unwrap_err();
    assert!(error.is_panic());
    let place = format!("panicked at {}:", file!());
    let message = error.message();
    assert!(message.starts_with(&place) && message.ends_with(": out of paper"), "{message}");
    Ok(())
}
