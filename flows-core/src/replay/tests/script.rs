//! Definitions as the macros would make them: activities, and scripts to be workflows.
//!
//! This crate must not depend on the macros, so the traits are implemented by hand.

use crate::calls::Call;
use crate::context::WorkflowContext;
use crate::definition::{Activity, SourceLocation};
use crate::error::{Error, Result};

/// The definition of a workflow whose body this is; it has no input and gives a JSON value.
macro_rules! script {
    (|$ctx:ident| $body:block) => {{
        workflow!(Script "script" |$ctx| $body);
        $crate::definition::WorkflowDef::of::<Script>()
    }};
}

/// A workflow without input, as a type.
macro_rules! workflow {
    ($vis:vis $name:ident $text:literal |$ctx:ident| $body:block) => {
        $vis struct $name;

        const _: () = {
            #[derive(Default, serde::Serialize, serde::Deserialize)]
            $vis struct Input {}

            impl $crate::definition::WorkflowInput for Input {
                type Workflow = $name;
            }

            impl $crate::definition::Workflow for $name {
                const NAME: &'static str = $text;
                const VERSION: u32 = 1;
                const SOURCE: $crate::definition::SourceLocation =
                    $crate::definition::SourceLocation { file: file!(), line: line!() };
                type Input = Input;
                type Output = serde_json::Value;

                async fn run(
                    ctx: $crate::context::WorkflowContext,
                    _: Input,
                ) -> $crate::error::Result<serde_json::Value> {
                    let $ctx = &ctx;
                    let output: $crate::error::Result<_> = async { $body }.await;
                    Ok(serde_json::to_value(output?)?)
                }
            }
        };
    };
}

macro_rules! activities {
    ($($name:ident $stub:ident $text:literal)*) => {$(
        pub(super) struct $name;

        impl Activity for $name {
            const NAME: &'static str = $text;
            const SOURCE: SourceLocation = SourceLocation { file: file!(), line: line!() };
            type Input = u64;
            type Output = u64;

            async fn run(_: crate::context::ActivityContext, input: u64) -> Result<u64> {
                Ok(input)
            }
        }

        #[track_caller]
        pub(super) fn $stub(ctx: &WorkflowContext, input: u64) -> Call<$name> {
            Call::new(ctx, input)
        }
    )*};
}

activities! {
    Charge charge "charge"
    Ship ship "ship"
    Email email "email"
}

/// What a workflow sees of an error.
pub(super) fn seen(error: &Error) -> String {
    format!("{}: {error}", error.kind().name())
}
