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
    an_error_says_what_it_has_come_through,
    an_error_type_comes_through_children_with_all_that_it_holds,
    the_attempt_of_a_child_is_said,
    an_update_is_refused_with_the_applications_error,
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

/// Errors of an application that hold each other.
#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize, ErrorClass)]
enum CardError {
    #[error("the card was declined with code {code}")]
    #[error_class(terminal)]
    Declined { code: u32 },
    #[error("the gateway did not answer")]
    NoAnswer,
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
enum BillingError {
    #[error("the bill of {who} is open")]
    Open { who: String, source: Error },
    #[error(transparent)]
    Other(#[from] Error),
}

/// Is declined at the second attempt.
#[activity(retry(max_attempts = 3, initial_interval = "1ms"))]
async fn charge_card(ctx: &ActivityContext, code: u32) -> Result<u32, CardError> {
    if ctx.attempt() == 1 { Err(CardError::NoAnswer) } else { Err(CardError::Declined { code }) }
}

#[workflow]
async fn billing(ctx: &WorkflowContext, who: String) -> Result<u32, BillingError> {
    charge_card(ctx, 51).await.map_err(|source| BillingError::Open { who, source })
}

/// Gives its child's error on, as it is.
#[workflow]
async fn shipping(ctx: &WorkflowContext) -> Result<u32, BillingError> {
    let id = format!("{}-bill", ctx.workflow_id());
    Ok(billing(ctx, "Ada".into()).id(id).await?)
}

/// What it finds in its grandchild's error.
#[workflow]
async fn shop(ctx: &WorkflowContext) -> Result<(String, u32)> {
    let id = format!("{}-ship", ctx.workflow_id());
    let error = shipping(ctx).id(id).await.expect_err("nothing is shipped");
    let Some(BillingError::Other(error)) = error.details() else { return Err(error) };
    let Some(BillingError::Open { who, source }) = error.details() else { return Err(error) };
    let Some(CardError::Declined { code }) = source.details() else { return Err(source) };
    Ok((who, code))
}

fn errands() -> Registry {
    register_all![billing, shipping, shop, charge_card, closed, asks_closed, cart]
}

async fn an_error_says_what_it_has_come_through(env: Env) -> Result<()> {
    let _worker = env.serve(errands())?;
    let exec = env.engine.start(shipping::Input {}).id("ship-1").await?;
    let error = exec.result().await.expect_err("nothing is shipped");
    assert_eq!((error.message(), error.is_terminal()), ("the bill of Ada is open", true));
    let said = "workflow `shipping` (ship-1): child workflow `billing` (ship-1-bill): the bill of Ada is open: \
                activity `charge_card` (#0): the card was declined with code 51";
    assert_eq!(format!("{error:#}"), said);
    let said = "Terminal: workflow `shipping` (ship-1): child workflow `billing` (ship-1-bill): \
                the bill of Ada is open: activity `charge_card` (#0, attempt 2): \
                the card was declined with code 51 {";
    assert!(format!("{error:?}").starts_with(said), "{error:?}");
    let steps: Vec<_> =
        error.failed_steps().map(|step| (step.name(), step.id(), step.attempt())).collect();
    assert_eq!(
        steps,
        [("shipping", "ship-1", 1), ("billing", "ship-1-bill", 1), ("charge_card", "0", 2)]
    );
    let described = exec.describe().await?.error.expect("an error");
    assert_eq!(described.failed_steps().count(), 2, "the run itself is known");
    Ok(())
}

async fn an_error_type_comes_through_children_with_all_that_it_holds(env: Env) -> Result<()> {
    let _worker = env.serve(errands())?;
    let found = env.engine.start(shop::Input {}).await?.result().await?;
    assert_eq!(found, ("Ada".to_owned(), 51));
    Ok(())
}

#[workflow(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn closed(_ctx: &WorkflowContext) -> Result<()> {
    Err(Error::retryable("closed until noon"))
}

#[workflow]
async fn asks_closed(ctx: &WorkflowContext) -> Result<()> {
    let id = format!("{}-child", ctx.workflow_id());
    closed(ctx).id(id).await.context("nobody answers")
}

async fn the_attempt_of_a_child_is_said(env: Env) -> Result<()> {
    let _worker = env.serve(errands())?;
    let exec = env.engine.start(asks_closed::Input {}).id("ask-1").await?;
    let error = exec.result().await.expect_err("it is closed");
    let said = "Retryable: workflow `asks_closed` (ask-1): nobody answers: \
                child workflow `closed` (ask-1-child, attempt 2): closed until noon";
    assert_eq!(format!("{error:?}"), said);
    Ok(())
}

/// Serde can write and read it, and nothing else is known of it.
#[derive(Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum CartError {
    #[error("an item has a name")]
    Nameless,
    #[error("there is room for {room} items")]
    Full { room: usize },
}

#[update(response = usize, error = CartError)]
struct AddItem {
    item: String,
}

#[workflow]
async fn cart(ctx: &WorkflowContext, room: usize) -> Result<Vec<String>> {
    let mut items = Vec::new();
    loop {
        let named = |add: &AddItem| match add.item.is_empty() {
            true => Err(CartError::Nameless),
            false => Ok(()),
        };
        let add = ctx.update::<AddItem>().validate(named).await?;
        if items.len() == room {
            add.reject(CartError::Full { room });
            return Ok(items);
        }
        items.push(add.item.clone());
        add.reply(items.len());
    }
}

async fn an_update_is_refused_with_the_applications_error(env: Env) -> Result<()> {
    let _worker = env.serve(errands())?;
    let exec = env.engine.start(cart::Input { room: 1 }).await?;
    let add = |item: &str| exec.update(AddItem { item: item.to_owned() });
    assert_eq!(add("milk").await?, 1);
    for (item, reason, said) in [
        ("", CartError::Nameless, "an item has a name"),
        ("bread", CartError::Full { room: 1 }, "there is room for 1 items"),
    ] {
        let error = add(item).await.expect_err("it is refused");
        assert_eq!((error.kind(), error.message()), (ErrorKind::Rejected, said));
        assert_eq!(error.details(), Some(reason));
        assert!(error.type_name().is_some_and(|name| name.ends_with("CartError")), "{error:?}");
    }
    exec.result().await?;
    Ok(())
}
