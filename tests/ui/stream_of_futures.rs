//! Work in chunks of eight, by a stream.
use flows::prelude::*;

mod futures {
    pub(crate) mod stream {
        pub(crate) fn iter<I>(values: I) -> I {
            values
        }
    }
}

#[activity]
async fn ship(item: u64) -> Result<u64> {
    Ok(item)
}

#[workflow]
async fn order(ctx: &WorkflowContext, items: Vec<u64>) -> Result<usize> {
    let calls = items.into_iter().map(|item| ship(ctx, item));
    let stream = futures::stream::iter(calls);
    Ok(stream.count())
}

fn main() {}
