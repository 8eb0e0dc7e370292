//! Edits of types: of inputs and outputs, signals, and with postcard.

use std::collections::BTreeMap;

use expect_test::expect;
use serde::{Deserialize, Serialize};

use crate::stage::{check, edit, whole};

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

#[test]
fn optional_field() {
    check(
        "shapes::optional_field",
        &expect![[r#"
        note: the new field `input.b` may be missing
    "#]],
        &expect![[r#"
        warning: the field `input.b` is gone
    "#]],
    );
}

#[test]
fn defaulted_field() {
    check(
        "shapes::defaulted_field",
        &expect![[r#"
        note: the new field `input.b` may be missing
    "#]],
        &expect![[r#"
        warning: the field `input.b` is gone
    "#]],
    );
}

#[test]
fn required_field() {
    check(
        "shapes::required_field",
        &expect![[r#"
        error: the new field `input.b` is missing in what is recorded
    "#]],
        &expect![[r#"
        warning: the field `input.b` is gone
    "#]],
    );
}

#[test]
fn renamed_field() {
    check(
        "shapes::renamed_field",
        &expect![[r#"
            error: the field `input.client` became `input.customer`
        "#]],
        &expect![[r#"
            error: the field `input.customer` became `input.client`
        "#]],
    );
}

#[test]
fn aliased_field() {
    check("shapes::aliased_field", &expect!["outdated"], &expect!["outdated"]);
}

#[test]
fn another_type() {
    check(
        "shapes::another_type",
        &expect![[r#"
        error: `input.b` was u64 and is str
    "#]],
        &expect![[r#"
        error: `input.b` was str and is u64
    "#]],
    );
}

#[test]
fn wider_type() {
    check(
        "shapes::wider_type",
        &expect!["outdated"],
        &expect![[r#"
        error: `input.b` was u64 and is u32
    "#]],
    );
}

#[test]
fn option_of_it() {
    check(
        "shapes::option_of_it",
        &expect!["outdated"],
        &expect![[r#"
        error: `input.b` is no `Option` any more, and may have been written as null
    "#]],
    );
}

#[test]
fn default_taken_away() {
    check(
        "shapes::default_taken_away",
        &expect![[r#"
        error: `input.b` may not be missing any more
    "#]],
        &expect!["outdated"],
    );
}

#[test]
fn nested() {
    check(
        "shapes::nested",
        &expect![[r#"
        error: the new field `input.lines.note` is missing in what is recorded
    "#]],
        &expect![[r#"
        warning: the field `input.lines.note` is gone
    "#]],
    );
}

#[test]
fn variants() {
    check(
        "shapes::variants",
        &expect![[r#"
        note: the variant `input.kind::Points` is new
    "#]],
        &expect![[r#"
        error: the variant `input.kind::Points` is gone
    "#]],
    );
}

#[test]
fn variant_retyped() {
    check(
        "shapes::variant_retyped",
        &expect![[r#"
        error: `input.kind::Card` was struct and is u64
    "#]],
        &expect![[r#"
        error: `input.kind::Card` was u64 and is struct
    "#]],
    );
}

#[test]
fn tuples() {
    check(
        "shapes::tuples",
        &expect![[r#"
        error: `input.pair.1` was u8 and is str
    "#]],
        &expect![[r#"
        error: `input.pair.1` was str and is u8
    "#]],
    );
}

#[test]
fn longer_tuples() {
    check(
        "shapes::longer_tuples",
        &expect![[r#"
        error: `input.pair` was tuple 2 and is tuple 3
    "#]],
        &expect![[r#"
        error: `input.pair` was tuple 3 and is tuple 2
    "#]],
    );
}

#[test]
fn of_maps() {
    check(
        "shapes::of_maps",
        &expect![[r#"
        error: `input.of` was u8 and is bool
    "#]],
        &expect![[r#"
        error: `input.of` was bool and is u8
    "#]],
    );
}

#[test]
fn anything() {
    check(
        "shapes::anything",
        &expect!["outdated"],
        &expect![[r#"
        warning: `input.of` was any and is u8
    "#]],
    );
}

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

#[test]
fn output_of_a_workflow() {
    check(
        "shapes::output_of_a_workflow",
        &expect![[r#"
        error: `output` was u64 and is str
    "#]],
        &expect![[r#"
        error: `output` was str and is u64
    "#]],
    );
}

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

#[test]
fn output_of_an_activity() {
    check(
        "shapes::output_of_an_activity",
        &expect![[r#"
        error: `output` was u64 and is tuple 2
    "#]],
        &expect![[r#"
        error: `output` was tuple 2 and is u64
    "#]],
    );
}

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

#[test]
fn input_of_an_activity() {
    check(
        "shapes::input_of_an_activity",
        &expect![[r#"
        warning: the input has another shape
    "#]],
        &expect![[r#"
        warning: the input has another shape
    "#]],
    );
}

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

#[test]
fn postcard_output() {
    check(
        "shapes::postcard_output",
        &expect![[r#"
        error: the output has another shape, and `codec = "postcard"` reads no other than was written
    "#]],
        &expect![[r#"
        error: the output has another shape, and `codec = "postcard"` reads no other than was written
    "#]],
    );
}

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

#[test]
fn postcard_input() {
    check(
        "shapes::postcard_input",
        &expect![[r#"
        warning: the input has another shape
    "#]],
        &expect![[r#"
        warning: the input has another shape
    "#]],
    );
}

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

#[test]
fn another_codec() {
    check(
        "shapes::another_codec",
        &expect![[r#"
        warning: its codec is JSON now, and was postcard
    "#]],
        &expect!["outdated"],
    );
}

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

#[test]
fn payload() {
    check(
        "shapes::payload",
        &expect![[r#"
        error: the new field `payload.at` is missing in what is recorded
    "#]],
        &expect![[r#"
        warning: the field `payload.at` is gone
    "#]],
    );
}

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

#[test]
fn refused_field() {
    check(
        "shapes::refused_field",
        &expect![[r#"
        error: the field `payload.at` is gone, and `deny_unknown_fields` refuses it
    "#]],
        &expect![[r#"
        error: the new field `payload.at` is missing in what is recorded
    "#]],
    );
}

#[test]
fn a_report_names_the_attribute() {
    whole(
        "shapes::required_field",
        &expect![[r#"
            workflow order 1
              error: the new field `input.b` is missing in what is recorded
                --> tests/lock/shapes.rs:…
                help: give it `#[serde(default)]`, or make it an `Option`; or give the workflow a new `version`, and keep this one for its open runs
        "#]],
    );
    whole(
        "shapes::renamed_field",
        &expect![[r#"
            workflow order 1
              error: the field `input.client` became `input.customer`
                --> tests/lock/shapes.rs:…
                help: `#[serde(alias = "client")]` reads what is recorded; or give the workflow a new `version`, and keep this one for its open runs
        "#]],
    );
}
