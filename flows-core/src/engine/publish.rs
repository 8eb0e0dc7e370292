//! Items of activities on their way to the streams of their runs: those that come while others are being written
//! go together, whatever their runs.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::Inner;
use super::batcher::Batchers;
use super::hints::Hints;
use crate::context::Publisher;
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{NewItem, Store};

impl Publisher for Inner {
    fn publish(self: Arc<Self>, run: RunKey, item: String) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move { self.items.ask((run, NewItem { number: None, item })).await })
    }
}

pub(super) fn items(store: &Arc<dyn Store>, hints: &Arc<Hints>) -> Batchers<(RunKey, NewItem), ()> {
    let (store, hints) = (Arc::clone(store), Arc::clone(hints));
    let publish = move |items: Vec<(RunKey, NewItem)>| {
        let (store, hints) = (Arc::clone(&store), Arc::clone(&hints));
        async move {
            let answers = store.publish_items(&items).await?;
            hints.published(items.iter().map(|(key, _)| key.run).collect());
            Ok(answers)
        }
    };
    Batchers::new(|(_, item): &(RunKey, NewItem)| item.item.len(), publish)
}
