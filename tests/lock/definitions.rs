//! Edits of definitions as a whole: names and versions.

use crate::stage::edit;

edit! { an_activity {
    #[activity]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }

} => {

} }

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

edit! { a_workflow {
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        a(ctx).await?;
        Ok(())
    }

} => {

} }

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

edit! { a_queue {
    #[activity]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }

} => {
    #[activity(queue = "gpu")]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }

} }

edit! { another_queue {
    #[activity(queue = "gpu")]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }

} => {
    #[activity(queue = "cpu")]
    async fn pay(cents: u64) -> Result<[u8; 3]> {
        Ok([cents as u8; 3])
    }

} }

edit! { an_update {
    #[update(response = u32)]
    struct Add {
        sku: String,
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        ctx.update::<Add>().await?.reply(1);
        Ok(())
    }

} => {
    #[update(response = u64)]
    struct Add {
        sku: String,
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        ctx.update::<Add>().await?.reply(1);
        Ok(())
    }

} }

edit! { options_of_a_child {
    #[workflow]
    async fn billing(ctx: &WorkflowContext) -> Result<()> {
        Ok(())
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        billing(ctx).id("bill-1").queue("fast").await?;
        billing(ctx).detach();
        Ok(())
    }

} => {
    #[workflow]
    async fn billing(ctx: &WorkflowContext) -> Result<()> {
        Ok(())
    }
    #[workflow]
    async fn order(ctx: &WorkflowContext) -> Result<()> {
        billing(ctx).id("bill-2").close_policy(ClosePolicy::Abandon).queue("slow").await?;
        billing(ctx).await
    }

} }
