//! Edits of definitions as a whole: names and versions.

use expect_test::expect;

use crate::stage::{check, edit, whole};

edit! { an_activity {
    #[activity]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }

} => {

} }

#[test]
fn an_activity() {
    check(
        "definitions::an_activity",
        &expect![[r#"
        error: it is gone: open runs that wait for it would be stuck
    "#]],
        &expect![[r#"
        note: it is new
    "#]],
    );
}

edit! { a_renamed_activity {
    #[activity]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        pay(ctx, 1).await?;
        Ok(())
    }

} => {
    #[activity]
    async fn charge(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        charge(ctx, 1).await?;
        Ok(())
    }

} }

#[test]
fn a_renamed_activity() {
    check(
        "definitions::a_renamed_activity",
        &expect![[r#"
        error: `pay` is gone, and `charge` looks the same; open runs know `pay`
    "#]],
        &expect![[r#"
        error: `charge` is gone, and `pay` looks the same; open runs know `charge`
    "#]],
    );
}

edit! { a_renamed_function {
    #[activity]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        pay(ctx, 1).await?;
        Ok(())
    }

} => {
    #[activity(name = "pay")]
    async fn charge(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        charge(ctx, 1).await?;
        Ok(())
    }

} }

#[test]
fn a_renamed_function() {
    check("definitions::a_renamed_function", &expect!["nothing"], &expect!["nothing"]);
}

edit! { a_workflow {
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        a(ctx).await?;
        Ok(())
    }

} => {

} }

#[test]
fn a_workflow() {
    check(
        "definitions::a_workflow",
        &expect![[r#"
            error: it is gone: no worker could take up its open runs
        "#]],
        &expect![[r#"
        note: it is new
    "#]],
    );
}

edit! { a_renamed_workflow {
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        a(ctx).await?;
        Ok(())
    }
    #[workflow]
    async fn parent(ctx: &WorkflowContext) -> Result<()> {
        order(ctx).await?;
        Ok(())
    }

} => {
    #[workflow]
    async fn purchase(ctx: &WorkflowContext) -> Result<()> {
        a(ctx).await?;
        Ok(())
    }
    #[workflow]
    async fn parent(ctx: &WorkflowContext) -> Result<()> {
        purchase(ctx).await?;
        Ok(())
    }

} }

#[test]
fn a_renamed_workflow() {
    check(
        "definitions::a_renamed_workflow",
        &expect![[r#"
        error: `order` is gone, and `purchase` looks the same; open runs know `order`
    "#]],
        &expect![[r#"
        error: `purchase` is gone, and `order` looks the same; open runs know `purchase`
    "#]],
    );
}

edit! { a_version {
    #[workflow(name = "order", version = 1)]
    async fn order_v1(ctx: &WorkflowContext) -> Result<()> {
        a(ctx).await?;
        Ok(())
    }
    #[workflow(name = "order", version = 2)]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        b(ctx).await?;
        Ok(())
    }

} => {
    #[workflow(name = "order", version = 2)]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        b(ctx).await?;
        Ok(())
    }

} }

#[test]
fn a_version() {
    check(
        "definitions::a_version",
        &expect![[r#"
            error: this version is gone: no worker could take up its open runs
        "#]],
        &expect![[r#"
        note: it is new
    "#]],
    );
}

edit! { a_version_beside {
    #[workflow(name = "order")]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        a(ctx).await?;
        Ok(())
    }

} => {
    #[workflow(name = "order")]
    async fn order_v1(ctx: &WorkflowContext) -> Result<()> {
        a(ctx).await?;
        Ok(())
    }
    #[workflow(name = "order", version = 2)]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        b(ctx).await?;
        Ok(())
    }

} }

#[test]
fn a_version_beside() {
    check(
        "definitions::a_version_beside",
        &expect![[r#"
        note: it is new
    "#]],
        &expect![[r#"
            error: this version is gone: no worker could take up its open runs
        "#]],
    );
}

edit! { a_renamed_signal {
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
    struct Stocked {
        available: bool,
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        ctx.receive::<Stocked>().await?;
        Ok(())
    }

} }

#[test]
fn a_renamed_signal() {
    check(
        "definitions::a_renamed_signal",
        &expect![[r#"
        error: `ready` is gone, and `stocked` looks the same; open runs know `ready`
    "#]],
        &expect![[r#"
        error: `stocked` is gone, and `ready` looks the same; open runs know `stocked`
    "#]],
    );
}

edit! { a_signal_by_its_name {
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
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        ctx.signal::<Ready>("ready").await?;
        Ok(())
    }

} }

#[test]
fn a_signal_by_its_name() {
    check(
        "definitions::a_signal_by_its_name",
        &expect![[r#"
        warning: no workflow receives it any more by its type
    "#]],
        &expect![[r#"
        note: it is new
    "#]],
    );
}

edit! { options {
    #[activity]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }

} => {
    #[activity(retry(max_attempts = 2), start_to_close = "5s")]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }

} }

#[test]
fn options() {
    check("definitions::options", &expect!["nothing"], &expect!["nothing"]);
}

#[test]
fn a_report_says_how_to_keep_a_name() {
    whole(
        "definitions::a_renamed_activity",
        &expect![[r#"
            activity pay
              error: `pay` is gone, and `charge` looks the same; open runs know `pay`
                --> tests/lock/definitions.rs:…
                help: if it was renamed, keep the recorded name: `#[activity(name = "pay")]`; else keep the old one for open runs
        "#]],
    );
    whole(
        "definitions::a_version",
        &expect![[r#"
            workflow order 1
              error: this version is gone: no worker could take up its open runs
                help: keep its function, as `#[workflow(name = "order", version = 1)]`, until `engine.list().workflow("order").version(1)` shows no open run; then accept that with `FLOWS_LOCK=update cargo test`
        "#]],
    );
}
