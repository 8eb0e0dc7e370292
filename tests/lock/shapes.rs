//! Edits of types: of inputs and outputs, signals, and with postcard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stage::edit;

/// Declares types of which only the shape matters.
macro_rules! types {
    ($($item:item)+) => {
        $(#[derive(Serialize, Deserialize)]
        #[allow(dead_code, reason = "only its shape matters")]
        $item)+
    };
}

types! {
    pub(crate) struct Line { sku: String }
    pub(crate) struct LineWithNote { sku: String, note: String }
    pub(crate) enum Kind { Cash, Card { number: String } }
    pub(crate) enum MoreKinds { Cash, Card { number: String }, Points(u32) }
    pub(crate) enum OtherKind { Cash, Card(u64) }
}

/// Two inputs of one workflow.
macro_rules! input {
    ($name:ident { $($old:tt)* } => { $($new:tt)* }) => {
        edit! { $name {
            use super::super::*;
            #[workflow]
            async fn order(ctx: &WorkflowContext, $($old)*) -> Result<()> {
                a(ctx).await?;
                Ok(())
            }
        } => {
            use super::super::*;
            #[workflow]
            async fn order(ctx: &WorkflowContext, $($new)*) -> Result<()> {
                a(ctx).await?;
                Ok(())
            }
        } }
    };
}

input! { optional_field { a: u8 } => { a: u8, b: Option<String> } }
input! { defaulted_field { a: u8 } => { a: u8, #[serde(default)] b: Vec<u8> } }
input! { required_field { a: u8 } => { a: u8, b: String } }
input! { renamed_field { a: u8, client: String } => { a: u8, customer: String } }
input! { aliased_field { a: u8, client: String } => { a: u8, #[serde(alias = "client")] customer: String } }
input! { another_type { a: u8, b: u64 } => { a: u8, b: String } }
input! { wider_type { a: u8, b: u32 } => { a: u8, b: u64 } }
input! { option_of_it { a: u8, b: u32 } => { a: u8, b: Option<u32> } }
input! { default_taken_away { a: u8, #[serde(default)] b: bool } => { a: u8, b: bool } }
input! { nested { a: u8, lines: Vec<Line> } => { a: u8, lines: Vec<LineWithNote> } }
input! { variants { a: u8, kind: Kind } => { a: u8, kind: MoreKinds } }
input! { variant_retyped { kind: Kind } => { kind: OtherKind } }
input! { tuples { pair: (u8, u8) } => { pair: (u8, String) } }
input! { longer_tuples { pair: (u8, u8) } => { pair: (u8, u8, u8) } }
input! { of_maps { of: BTreeMap<String, u8> } => { of: BTreeMap<String, bool> } }
input! { anything { of: u8 } => { of: serde_json::Value } }

edit! { output_of_a_workflow {
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<u64> {
        a(ctx).await
    }
} => {
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<String> {
        a(ctx).await.map(|n| n.to_string())
    }
} }

edit! { output_of_an_activity {
    #[activity]
    async fn pay(cents: u64) -> Result<u64> {
        Ok(Default::default())
    }
} => {
    #[activity]
    async fn pay(cents: u64) -> Result<(u64, u64)> {
        Ok(Default::default())
    }
} }

edit! { input_of_an_activity {
    #[activity]
    async fn pay(cents: u64) -> Result<u64> {
        Ok(Default::default())
    }
} => {
    #[activity]
    async fn pay(cents: u64, note: String) -> Result<u64> {
        Ok(Default::default())
    }
} }

edit! { postcard_output {
    #[activity(codec = "postcard")]
    async fn pay(cents: u64) -> Result<u32> {
        Ok(Default::default())
    }
} => {
    #[activity(codec = "postcard")]
    async fn pay(cents: u64) -> Result<u64> {
        Ok(Default::default())
    }
} }

edit! { postcard_input {
    #[activity(codec = "postcard")]
    async fn pay(cents: u64) -> Result<u32> {
        Ok(Default::default())
    }
} => {
    #[activity(codec = "postcard")]
    async fn pay(cents: u32) -> Result<u32> {
        Ok(Default::default())
    }
} }

edit! { another_codec {
    #[activity(codec = "postcard")]
    async fn pay(cents: u64) -> Result<u32> {
        Ok(Default::default())
    }
} => {
    #[activity]
    async fn pay(cents: u64) -> Result<u32> {
        Ok(Default::default())
    }
} }

edit! { payload {
    #[signal]
    struct Ready {
        available: bool,
    }

    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        ctx.receive::<Ready>().await?;
        Ok(())
    }
} => {
    #[signal]
    struct Ready {
        available: bool,
        at: u64,
    }

    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        ctx.receive::<Ready>().await?;
        Ok(())
    }
} }

edit! { refused_field {
    #[signal]
    #[serde(deny_unknown_fields)]
    struct Ready {
        available: bool,
        at: u64,
    }

    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        ctx.receive::<Ready>().await?;
        Ok(())
    }
} => {
    #[signal]
    #[serde(deny_unknown_fields)]
    struct Ready {
        available: bool,
    }

    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        ctx.receive::<Ready>().await?;
        Ok(())
    }
} }
