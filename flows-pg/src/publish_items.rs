//! `publish_items`: items of activities, for the streams of their runs.
//!
//! All of a batch as the worker, whatever their tenants: over the connection that starts runs, beside those
//! that commit turns.

use std::time::Duration;

use flows_core::error::{Error, Result};
use flows_core::ids::RunKey;
use flows_core::store::{NewItem, STREAM_BYTES, STREAM_ITEMS};
use tokio_postgres::types::ToSql;

use crate::error::{Fault, Remedy};
use crate::parts::cut;
use crate::rows::columns;
use crate::sql::PUBLISH_ITEMS;
use crate::store::Shared;

/// How often items are written again that met a commit of their run, and the pause before.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(5);

columns! {
    /// Items for the streams of runs.
    Items<'a> from (key: RunKey, item: &'a NewItem), of key;
    numbers: Option<i64> = item.number;
    items: &'a str = &item.item;
}

impl Items<'_> {
    /// What the statement is given.
    pub(crate) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        let mut values = self.params().to_vec();
        values.extend([&STREAM_ITEMS as &(dyn ToSql + Sync), &STREAM_BYTES]);
        values
    }
}

impl Shared {
    pub(crate) async fn publish_items(
        &self,
        items: &[(RunKey, NewItem)],
    ) -> Result<Vec<Result<()>>, Error> {
        let mut answers = Vec::with_capacity(items.len());
        for part in cut(items, |(_, item)| item.item.len()) {
            match self.publish_part(&part).await {
                Ok(()) => answers.extend(part.iter().map(|_| Ok(()))),
                Err(fault) if fault.remedy() == Remedy::Data && part.len() > 1 => {
                    for item in part {
                        let published = self.publish_part(&[item]).await;
                        answers.push(published.map_err(Error::from)); // one does not harm the others
                    }
                }
                Err(fault) => {
                    let error = Error::from(fault);
                    answers.extend(part.iter().map(|_| Err(error.clone())));
                }
            }
        }
        Ok(answers)
    }

    async fn publish_part(&self, part: &[&(RunKey, NewItem)]) -> Result<(), Fault> {
        let mut columns = Items::default();
        part.iter().for_each(|(key, item)| columns.push(*key, item));
        let mut tries = 0;
        loop {
            let lent = self.starter().await?;
            let fault = match lent.link().query(PUBLISH_ITEMS, &columns.values()).await {
                Ok(_) => {
                    lent.give_back();
                    return Ok(());
                }
                Err(fault) => fault,
            };
            match fault.remedy() {
                Remedy::None => return Err(fault), // the connection is closed
                remedy => {
                    lent.give_back();
                    if remedy == Remedy::Data || tries == TRIES {
                        return Err(fault);
                    }
                }
            }
            tries += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }
}
