//! A run that goes on as another.

use std::panic::Location;

use crate::context::WorkflowContext;
use crate::definition::{Workflow, WorkflowInput};
use crate::ending::ContinueAs;
use crate::error::{Error, ErrorKind, Result};
use crate::payload::Payload;

impl WorkflowContext {
    /// Ends this run and goes on as a new one with another input and an empty journal:
    /// `return ctx.continue_as_new(order::Input { … })`.
    #[track_caller]
    pub fn continue_as_new<I: WorkflowInput, T>(&self, input: I) -> Result<T> {
        self.calls("`ctx.continue_as_new(..)`", Location::caller());
        let (name, version) = (<I::Workflow as Workflow>::NAME, <I::Workflow as Workflow>::VERSION);
        let input = Payload::column(&input)?.as_json().unwrap_or("null").to_owned();
        let next = ContinueAs { workflow: name.to_owned(), version, input };
        let message = format!("continued as a new run of `{name}`");
        Err(Error::new(ErrorKind::ContinueAsNew, message).with_details(next))
    }
}
