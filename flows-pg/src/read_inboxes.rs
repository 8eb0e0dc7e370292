//! `read_inboxes`: inboxes are read on, by the page.

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::Page;

use crate::load::pages;
use crate::rows::Keys;
use crate::store::Shared;

impl Shared {
    pub(crate) async fn read_inboxes(&self, asked: &[(RunKey, i64)]) -> Result<Vec<Page>> {
        let lent = self.claimer().await?;
        let keys = asked.iter().map(|(run, _)| *run).collect::<Keys>();
        let behind = asked.iter().map(|(_, behind)| *behind).collect::<Vec<_>>();
        let pages = pages(lent.link(), &keys, &behind, asked.len() == 1).await?;
        lent.give_back();
        Ok(pages)
    }
}
