//! Definitions in unusual places, with unusual names.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

use super::{add, driver, world};

mod outer {
    use flows::prelude::*;

    pub(super) mod inner {
        use flows::prelude::*;

        #[derive(serde::Serialize, serde::Deserialize, Clone)]
        pub(in crate::places) struct Private(pub(super) u64);

        #[activity]
        pub(super) async fn nested(private: Private) -> Result<u64> {
            Ok(private.0)
        }

        #[activity]
        pub(in super::super) async fn wider(private: Private) -> Result<Private> {
            Ok(private)
        }
    }

    #[workflow]
    pub(crate) async fn outermost(ctx: &WorkflowContext) -> Result<u64> {
        let private = inner::wider(ctx, inner::Private(4)).await?;
        inner::nested(ctx, private).await
    }

    pub(super) fn world(world: crate::driver::World) -> crate::driver::World {
        world.with::<inner::nested::Activity>().with::<inner::wider::Activity>()
    }
}

#[test]
fn modules() {
    let world = outer::world(world());
    assert_eq!(world.run(outer::outermost::Input {}).unwrap(), 4);
}

#[test]
fn function_bodies() {
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Local {
        number: u64,
    }

    #[activity]
    async fn local_activity(ctx: &ActivityContext, local: Local, by: u64) -> Result<Local> {
        assert_eq!(ctx.attempt(), 1);
        Ok(Local { number: local.number * by })
    }

    #[workflow]
    async fn local_workflow(ctx: &WorkflowContext, local: Local) -> Result<Local> {
        #[derive(Debug)]
        struct Deeper(u64);
        let deeper = Deeper(local.number);
        local_activity(ctx, local, deeper.0).await
    }

    let world = world().with::<local_activity::Activity>();
    let output = world.run(local_workflow::Input { local: Local { number: 3 } }).unwrap();
    assert_eq!(output, Local { number: 9 });

    let ctx = ActivityContext::test();
    let output = driver::block_on(local_activity::run(&ctx, Local { number: 2 }, 4));
    assert_eq!(output.unwrap(), Local { number: 8 });
    let registry = register_all![local_activity, local_workflow, outer::outermost];
    assert_eq!((registry.activities().count(), registry.workflows().count()), (1, 2));
}

/// The user's own types may have the names of ours.
mod same_names {
    use flows::prelude::{ActivityContext, WorkflowContext, activity, workflow};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Debug, Clone)]
    pub(super) struct Input(u64);
    #[derive(Serialize, Deserialize, Debug, Clone)]
    pub(super) struct Output(u64);
    #[derive(Serialize, Deserialize, Debug, Clone)]
    pub(super) struct Activity(u64);
    #[derive(Serialize, Deserialize, Debug, Clone)]
    pub(super) struct Workflow(u64);
    #[derive(Debug)]
    pub(super) struct Error;
    type Result<T> = std::result::Result<T, Error>;

    impl std::fmt::Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("own error")
        }
    }

    impl std::error::Error for Error {}

    #[activity]
    pub(super) async fn make(
        ctx: &ActivityContext,
        input: Input,
        activity: Activity,
    ) -> Result<Output> {
        if ctx.attempt() > 1 {
            return Err(Error);
        }
        Ok(Output(input.0 + activity.0))
    }

    #[workflow]
    pub(super) async fn use_them(ctx: &WorkflowContext, workflow: Workflow) -> Result<Output> {
        let made = make(ctx, Input(1), Activity(2)).await;
        let Ok(output) = made else { return Err(Error) };
        Ok(Output(output.0 + workflow.0))
    }

    #[test]
    fn do_not_shadow() {
        let world = crate::world().with::<make::Activity>();
        let output = world.run(use_them::Input { workflow: Workflow(4) }).unwrap();
        assert_eq!(output.0, 7);
        let ctx = ActivityContext::test();
        let failed = crate::driver::block_on(make::run(&ctx, Input(1), Activity(1)));
        assert_eq!(failed.map(|output| output.0).map_err(|Error| ()), Ok(2));
    }
}

#[activity]
async fn r#type(r#match: u64, r#async: String) -> Result<String> {
    Ok(format!("{match} {async}", r#match = r#match, r#async = r#async))
}

#[workflow]
async fn r#loop(ctx: &WorkflowContext, r#fn: u64) -> Result<String> {
    r#type(ctx, r#fn, "a".into()).await
}

/// Parameters named as what the expansion itself uses.
#[activity]
async fn run(ctx: u64, input: u64, tx: u64, registry: u64) -> Result<u64> {
    Ok(ctx + input + tx + registry)
}

#[workflow]
async fn register(_: &WorkflowContext, input: u64, won: u64) -> Result<u64> {
    Ok(input + won)
}

#[workflow]
async fn unusual_names(context: &WorkflowContext) -> Result<(u64, u64)> {
    Ok((run(context, 1, 2, 3, 4).await?, register(context, 5, 6).await?))
}

#[test]
fn names() {
    let world = world().with::<r#type::Activity>().with::<run::Activity>();
    assert_eq!(r#type::Activity::NAME, "type");
    assert_eq!(world.run(r#loop::Input { r#fn: 1 }).unwrap(), "1 a");
    assert_eq!(world.run(unusual_names::Input {}).unwrap(), (10, 11));
    assert_eq!(driver::block_on(run::run(1, 1, 1, 1)).unwrap(), 4);
}

macro_rules! definitions {
    ($($name:ident: $ty:ty = $value:expr),*) => {
        $(
            #[workflow]
            async fn $name(ctx: &WorkflowContext, given: $ty) -> Result<$ty> {
                let made: $ty = $value;
                let sum = add(ctx, made, given).await?;
                Ok(sum)
            }
        )*
    };
}

definitions!(from_a_macro: u64 = 2, another_from_a_macro: u64 = 3);

#[test]
fn made_by_a_macro() {
    assert_eq!(world().run(from_a_macro::Input { given: 1 }).unwrap(), 3);
    assert_eq!(world().run(another_from_a_macro::Input { given: 1 }).unwrap(), 4);
}
