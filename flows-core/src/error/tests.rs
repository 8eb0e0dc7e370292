//! The error goes into what others carry errors in, and comes out as what it was.

use std::error::Error as StdError;
use std::ops::Deref;

use super::class::{AsStandard as _, ErrorClass, ErrorType};
use super::returned::ReturnType;
use super::returned::conversions_prelude::*;
use super::value::ErrorOf;
use super::value::values_prelude::*;
use super::{Context as _, Error, ErrorKind, ErrorRecord, Result};
use crate::RetryPolicy;

#[derive(Debug, thiserror::Error)]
enum Gateway {
    #[error("declined with code {0}")]
    Declined(u32),
}

/// An application's error type.
#[derive(Debug, thiserror::Error)]
enum App {
    #[error("the workflow library says so")]
    Flows(#[from] Error),
    #[error("while it did {what}")]
    While { what: &'static str, source: Box<App> },
    #[error(transparent)]
    Gateway(#[from] Gateway),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Through(#[from] Error);

/// Has one in its text, and is another error.
#[derive(Debug, thiserror::Error)]
#[error("{what}, and before that: {before}")]
struct Mentions {
    what: &'static str,
    before: Error,
}

/// What a definition that returns this error gives.
macro_rules! returned {
    ($error:expr) => {{
        let result: Result<(), _> = Err($error);
        (&&&&ReturnType::of(&result)).convert(result).unwrap_err()
    }};
}

/// An error as one reads it in full.
fn shown(error: &Error) -> String {
    format!("{:?}: {error:#} {:?}", error.kind(), error.details::<u32>())
}

fn declined() -> Error {
    let error = Error::terminal(Gateway::Declined(51)).with_details(51);
    Err::<(), _>(error).context("cannot charge").unwrap_err()
}

const DECLINED: &str = "Terminal: cannot charge: declined with code 51 Some(51)";

#[test]
fn it_keeps_everything_in_a_box_and_in_reports() {
    assert_eq!(shown(&declined()), DECLINED);
    let into_box = || -> Result<(), Box<dyn StdError + Send + Sync>> { Err(declined())? };
    assert_eq!(shown(&returned!(into_box().unwrap_err())), DECLINED);
    let into_anyhow = || -> anyhow::Result<()> { Err(declined())? };
    assert_eq!(shown(&returned!(into_anyhow().unwrap_err())), DECLINED);
    let into_eyre = || -> eyre::Result<()> { Err(declined())? };
    assert_eq!(shown(&returned!(into_eyre().unwrap_err())), DECLINED);
    for carried in [
        returned!(Box::from(declined()) as Box<dyn StdError + Send + Sync>),
        returned!(anyhow::Error::from(declined())),
        returned!(eyre::Report::from(declined())),
        returned!(Through(declined())),
        Error::from(Through(declined())),
        returned!(App::Other(declined().into())),
    ] {
        assert!(carried.type_name().is_some_and(|name| !name.contains("dyn")), "{carried:?}");
        assert_eq!(shown(&carried), DECLINED);
    }
    assert!(into_box().unwrap_err().source().is_some_and(|cause| cause.is::<super::StoredCause>()));
}

#[test]
fn an_error_without_causes_keeps_its_kind_too() {
    let cancelled = || Error::new(ErrorKind::Cancelled, "no longer wanted");
    for carried in [
        returned!(cancelled()),
        returned!(Box::from(cancelled()) as Box<dyn StdError + Send + Sync>),
        returned!(anyhow::Error::from(cancelled())),
        returned!(eyre::Report::from(cancelled())),
        returned!(App::Other(cancelled().into())),
        returned!(Through(cancelled())),
        Error::from(Through(cancelled())),
        Error::from(App::Other(App::Flows(Through(cancelled()).into()).into())),
        Error::from(App::Other(anyhow::Error::from(cancelled()).context("late"))),
        returned!(eyre::Report::from(cancelled()).wrap_err("late")),
        Err::<(), _>(cancelled()).context("late").unwrap_err(),
    ] {
        assert!(carried.is_cancelled(), "{carried:?}");
        assert!(format!("{carried:#}").ends_with("no longer wanted"), "{carried:#}");
        assert_eq!(format!("{carried:#}").matches("no longer").count(), 1, "{carried:#}");
    }
}

#[test]
fn the_outermost_error_is_the_message_and_the_rest_its_causes() {
    let source = Box::new(App::Flows(declined()));
    let error = Error::from(App::While { what: "the accounts", source });
    assert_eq!(
        format!("{error:#}"),
        "while it did the accounts: the workflow library says so: cannot charge: declined with code 51"
    );
    assert!(error.is_terminal());
    assert_eq!(error.details(), Some(51));
    assert!(error.type_name().is_some_and(|name| name.ends_with("::App")), "{error:?}");
}

#[test]
fn what_only_mentions_an_error_is_another() {
    let before = Error::new(ErrorKind::Cancelled, "no longer wanted");
    let error = Error::from(Mentions { what: "the refund failed", before });
    assert_eq!(error.kind(), ErrorKind::Retryable);
}

#[test]
fn a_kind_that_is_said_counts() {
    let error = Error::retryable(declined());
    assert_eq!(shown(&error), DECLINED.replace("Terminal", "Retryable"));
    let error = Error::terminal(App::Other(anyhow::anyhow!("broken")));
    assert!(error.is_terminal());
}

#[test]
fn other_errors_in_reports_are_retryable() {
    let error = returned!(anyhow::Error::from(Gateway::Declined(7)).context("cannot charge"));
    assert_eq!(shown(&error), "Retryable: cannot charge: declined with code 7 None");
    assert_eq!(error.type_name(), None, "nobody knows it");
    assert!(error.downcast_ref::<Gateway>().is_some());
    assert!(error.clone().downcast_ref::<Gateway>().is_some());
    let error = returned!(App::Gateway(Gateway::Declined(7)));
    assert_eq!(error.kind(), ErrorKind::Retryable);
    assert!(error.downcast_ref::<App>().is_some());
}

#[test]
fn reports_give_it_back() {
    for error in [declined(), Error::new(ErrorKind::Timeout, "late")] {
        let report = anyhow::Error::from(error.clone()).context("at noon");
        assert_eq!(report.downcast_ref::<Error>().map(Error::kind), Some(error.kind()));
        let report = eyre::Report::from(error.clone()).wrap_err("at noon");
        assert_eq!(report.downcast_ref::<Error>().map(Error::kind), Some(error.kind()));
        assert_eq!(format!("{report:#}"), format!("at noon: {error:#}"));
    }
}

#[test]
fn it_dereferences_to_a_standard_error() {
    let error = declined();
    let standard: &(dyn StdError + Send + Sync) = error.deref();
    assert_eq!(standard.to_string(), "cannot charge");
    assert_eq!(
        standard.source().map(ToString::to_string).as_deref(),
        Some("declined with code 51")
    );
}

/// A type that says what it is.
#[derive(Debug, thiserror::Error, serde::Serialize, serde::Deserialize, PartialEq)]
enum Known {
    #[error("gone for good")]
    Gone { code: u8 },
    #[error("busy")]
    Busy,
    #[error("neither")]
    Neither,
}

impl ErrorClass for Known {
    fn is_terminal(&self) -> Option<bool> {
        match self {
            Self::Gone { .. } => Some(true),
            Self::Busy => Some(false),
            Self::Neither => None,
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        (&&ErrorOf::<Self>::new()).value(self)
    }
}

/// What the derive makes of an enum that stands for others.
#[derive(Debug, thiserror::Error)]
enum Outer {
    #[error(transparent)]
    Known(Known),
    #[error(transparent)]
    Other(anyhow::Error),
}

impl ErrorClass for Outer {
    fn is_terminal(&self) -> Option<bool> {
        None
    }

    fn stands_for(&self) -> Option<&(dyn StdError + 'static)> {
        Some(match self {
            Self::Known(error) => error.as_standard(),
            Self::Other(error) => error.as_standard(),
        })
    }
}

inventory::submit! { ErrorType::of::<Known>() }
inventory::submit! { ErrorType::of::<Outer>() }

#[test]
fn a_type_that_is_known_is_found_wherever_it_is() {
    let gone = || Known::Gone { code: 4 };
    for error in [
        Error::from(gone()),
        returned!(anyhow::Error::from(gone()).context("late")),
        returned!(eyre::Report::from(gone())),
        returned!(Box::from(gone()) as Box<dyn StdError + Send + Sync>),
        Error::from(Outer::Known(gone())),
        Error::from(Outer::Other(gone().into())),
        Error::from(Outer::Other(anyhow::Error::from(Outer::Known(gone())).context("late"))),
    ] {
        assert!(error.is_terminal(), "{error:?}");
        assert_eq!(error.details::<Known>(), Some(gone()));
        assert_eq!(error.downcast_ref::<Known>(), Some(&gone()));
        assert_eq!(format!("{error:#}").matches("gone").count(), 1, "{error:#}");
        assert!(error.type_name().is_some_and(|name| name.contains("error::tests::")), "{error:?}");
    }
    let error = Error::terminal(Known::Busy);
    assert!(error.is_terminal(), "it was said");
    assert_eq!(error.details::<Known>(), Some(Known::Busy));
    assert!(Error::from(Known::Neither).is_retryable());
}

#[test]
fn a_policy_excludes_types_by_what_they_are_and_by_their_stored_names() {
    let policy = RetryPolicy::default().non_retryable::<Gateway>();
    let retries = |policy: &RetryPolicy, error: &Error| policy.retries(1, error);
    let declined = || Gateway::Declined(7);
    let inside = returned!(anyhow::Error::from(declined()).context("late"));
    assert!(!retries(&policy, &declined().into()));
    assert!(!retries(&policy, &inside));
    assert!(retries(&policy, &Known::Busy.into()));
    assert!(policy.settle(inside.clone()).is_terminal());

    let json = serde_json::to_string(&policy).expect("JSON");
    assert!(json.ends_with(r#""non_retryable":["flows_core::error::tests::Gateway"]}"#), "{json}");
    let stored: RetryPolicy = serde_json::from_str(&json).expect("a policy");
    assert_eq!(stored, policy);
    assert!(!retries(&stored, &declined().into()));
    assert!(retries(&stored, &inside), "nobody knows its name");
    assert!(retries(&policy.by_name(), &inside), "here neither");

    let named = json.replace("flows_core::error::tests::Gateway", "Gateway");
    let named: RetryPolicy = serde_json::from_str(&named).expect("a policy of an earlier build");
    assert!(!retries(&named, &declined().into()));
}

#[test]
fn some_errors_of_a_type_are_excluded_also_where_it_was_stored() {
    let policy = RetryPolicy::default().excluding_some::<Known>("Busy", |error| {
        (&&ErrorOf::<Known>::new()).is(error, |error| matches!(error, Known::Busy))
    });
    let stored = |error: Error| Error::from(ErrorRecord::from(&error));
    assert!(!policy.retries(1, &Known::Busy.into()));
    assert!(!policy.retries(1, &stored(Known::Busy.into())));
    assert!(policy.retries(1, &stored(Known::Neither.into())));
    let policy = RetryPolicy::default().excluding_some::<Gateway>("Declined", |error| {
        let kind = &&ErrorOf::<Gateway>::new();
        kind.is(error, |Gateway::Declined(code)| *code > 9)
    });
    assert!(!policy.retries(1, &Gateway::Declined(10).into()));
    assert!(policy.retries(1, &Gateway::Declined(9).into()));
}

fn through_all() -> Error {
    let error = declined().through_activity("charge", 2, 3);
    let error = Error::from(App::from(error)).of_attempt(2);
    error.through_child("billing", "bill-42".into()).through_run("order", "order-42".into())
}

#[test]
fn what_it_has_come_through_is_said_where_it_came_through() {
    let chain = "the workflow library says so: activity `charge` (#2): cannot charge: declined with code 51";
    let error = through_all();
    let said = format!("workflow `order` (order-42): child workflow `billing` (bill-42): {chain}");
    assert_eq!(format!("{error:#}"), said);
    assert_eq!(error.to_string(), "the workflow library says so");
    let steps: Vec<_> = error.failed_steps().map(ToString::to_string).collect();
    let order = "workflow `order` (order-42)";
    let billing = "child workflow `billing` (bill-42, attempt 2)";
    assert_eq!(steps, [order, billing, "activity `charge` (#2, attempt 3)"]);
    let nameless = declined().through_run("", "order-42".into());
    assert!(format!("{nameless:#}").starts_with("run order-42: cannot charge: "), "{nameless:#}");
}

#[test]
fn what_it_has_come_through_is_stored() {
    let error = through_all();
    let read: Error =
        serde_json::from_str(&serde_json::to_string(&error).expect("JSON")).expect("an error");
    assert_eq!(format!("{read:?}"), format!("{error:?}"));
    assert!(read.failed_steps().eq(error.failed_steps()));
    let cut =
        Error::terminal_with("x".repeat(100 << 10)).through_activity("charge", 2, 1).within(10);
    assert_eq!(cut.failed_steps().count(), 1);
}

#[test]
fn as_many_are_kept_as_can_be_read() {
    let deep = (0..100).fold(declined(), |error, op| error.through_activity("down", op, 1));
    assert_eq!(deep.failed_steps().count(), 32);
    assert_eq!(deep.failed_steps().last().map(|step| step.id()), Some("0"));
}

#[test]
fn no_text_is_said_twice() {
    let cause = Error::terminal("closed until noon");
    let error =
        Error::terminal(format!("no bread: {cause}")).with_chain([cause.to_string()].into_iter());
    assert_eq!(format!("{error:#}"), "no bread: closed until noon");
    let error = Error::from(App::Flows(error));
    assert_eq!(format!("{error:#}"), "the workflow library says so: no bread: closed until noon");
}

/// An error of an application that holds one of the library, and can be written and read.
#[derive(Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("the bill is open")]
struct Open(#[from] Error);

#[test]
fn a_value_holds_the_errors_in_it() {
    use super::returned::completions_prelude::*;
    let error = Error::from(Open(declined()));
    let error = (&&ReturnType::<Result<(), Open>>::new()).complete(error);
    let read: Error = ErrorRecord::from(&error).into();
    let Open(inner) = read.details().expect("its value");
    assert_eq!((inner.details(), inner.is_terminal()), (Some(51), true));
    assert_eq!(format!("{inner:#}"), "cannot charge: declined with code 51");
}
