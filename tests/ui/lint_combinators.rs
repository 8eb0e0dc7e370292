//! Combinators of other libraries, as functions and as macros.
#![allow(unused)]
use std::time::Duration;

use flows::prelude::*;
use futures::future;
use futures::stream::FuturesUnordered;
use futures::FutureExt;

#[activity]
async fn ship(item: u64) -> Result<u64> {
    Ok(item)
}

#[workflow]
async fn order(ctx: &WorkflowContext, items: Vec<u64>) -> Result<()> {
    let all = futures::future::join_all(items.iter().map(|item| ship(ctx, *item))).await;
    let all = future::try_join_all(items.iter().map(|item| ship(ctx, *item))).await?;
    let first = future::select(ship(ctx, 1), ship(ctx, 2)).await;
    let unordered: FuturesUnordered = FuturesUnordered::new();
    let stream = futures::stream::iter(&items);
    tokio::select! {
        shipped = ship(ctx, 3) => drop(shipped),
        _ = ctx.sleep(Duration::from_secs(1)) => {}
    }
    let both = tokio::join!(ship(ctx, 4), ship(ctx, 5));
    let both = tokio::try_join!(ship(ctx, 6), ship(ctx, 7))?;
    let ready = futures::poll!(ship(ctx, 8));
    let now = ship(ctx, 9).now_or_never();
    Ok(())
}

mod futures {
    pub(crate) mod future {
        pub(crate) async fn join_all<I>(_: I) {}
        pub(crate) async fn try_join_all<I>(_: I) -> flows::Result<()> {
            Ok(())
        }
        pub(crate) async fn select<A, B>(_: A, _: B) {}
    }

    pub(crate) mod stream {
        #[derive(Default)]
        pub(crate) struct FuturesUnordered(Vec<u64>);

        impl FuturesUnordered {
            pub(crate) fn new() -> Self {
                Self::default()
            }
        }

        pub(crate) fn iter<I>(values: I) -> I {
            values
        }
    }

    pub(crate) trait FutureExt: Sized {
        fn now_or_never(self) {}
    }
    impl<F: Future> FutureExt for F {}

    macro_rules! poll {
        ($future:expr) => {
            $future.await
        };
    }
    pub(crate) use poll;
}

fn main() {}
