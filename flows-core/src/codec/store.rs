//! The store behind the codecs of an engine: what is written is encoded, what is read is decoded.
//!
//! What cannot be decoded is passed on as it is, and whoever meets it says so: a run whose journal, input or
//! messages are encoded is stuck, and the other runs of the batch are not harmed.

use std::any::Any;
use std::sync::Arc;

use futures_util::future::join_all;

use super::Codecs;
use crate::error::{Error, ErrorKind};
use crate::forward_store;
use crate::store::forward::names::*;

pub(crate) struct EncodingStore {
    inner: Arc<dyn Store>,
    codecs: Codecs,
}

impl EncodingStore {
    pub(crate) fn new(inner: Arc<dyn Store>, codecs: Codecs) -> Self {
        Self { inner, codecs }
    }

    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn start(&self, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        let runs = self.codecs.encoded(|to| to.runs(runs)).await?;
        self.inner.start(&runs).await
    }

    async fn start_held(&self, run: &NewRun, limit: Duration) -> Result<Started> {
        let run = self.codecs.encoded(|to| to.run(run)).await?;
        self.inner.start_held(&run, limit).await
    }

    async fn start_owned(&self, worker: Uuid, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        let runs = self.codecs.encoded(|to| to.runs(runs)).await?;
        self.inner.start_owned(worker, &runs).await
    }

    async fn send(&self, messages: &[OutgoingMessage]) -> Result<Vec<Result<Sent>>> {
        let messages = self.codecs.encoded(|to| to.messages(messages)).await?;
        self.inner.send(&messages).await
    }

    async fn send_held(&self, message: &OutgoingMessage, limit: Duration) -> Result<Sent> {
        let message = self.codecs.encoded(|to| to.message(message)).await?;
        self.inner.send_held(&message, limit).await
    }

    async fn signal_with_start(
        &self,
        run: &NewRun,
        signal: &OutgoingMessage,
    ) -> Result<(Started, Sent)> {
        let encoded = self.codecs.encoded(|to| Ok((to.run(run)?, to.message(signal)?))).await?;
        self.inner.signal_with_start(&encoded.0, &encoded.1).await
    }

    async fn terminate(
        &self,
        run: RunKey,
        record: &[u8],
        close: &Close,
        messages: &[OutgoingMessage],
    ) -> Result<bool> {
        let encoded = self.codecs.encoded(|to| {
            Ok((to.bytes(run, record)?, to.close(run, close)?, to.messages(messages)?))
        });
        let (record, close, messages) = encoded.await?;
        self.inner.terminate(run, &record, &close, &messages).await
    }

    async fn rerun(&self, dead: RunKey, run: &NewRun) -> Result<Started> {
        let run = self.codecs.encoded(|to| to.run(run)).await?;
        self.inner.rerun(dead, &run).await
    }

    async fn fork(&self, forks: &[ForkedRun]) -> Result<Started> {
        let forks = self.codecs.encoded(|to| to.forks(forks)).await?;
        self.inner.fork(&forks).await
    }

    async fn describe(&self, run: RunKey) -> Result<Option<RunView>> {
        let mut view = self.inner.describe(run).await?;
        self.codecs.decoded(&mut view, |by, view| view.iter_mut().for_each(|it| by.view(it))).await;
        Ok(view)
    }

    async fn find_schedule(
        &self,
        tenant: Uuid,
        id: &str,
    ) -> Result<(Timestamp, Option<ScheduleRow>)> {
        let (now, mut row) = self.inner.find_schedule(tenant, id).await?;
        self.codecs
            .decoded(&mut row, |by, row| row.iter_mut().for_each(|it| by.schedule(it)))
            .await;
        Ok((now, row))
    }

    async fn change_schedule(&self, change: &ScheduleChange) -> Result<bool> {
        let change = self.codecs.encoded(|to| to.schedule(change)).await?;
        self.inner.change_schedule(&change).await
    }

    async fn claim_schedules(&self, limit: usize) -> Result<Vec<ScheduleRow>> {
        self.decoded_schedules(self.inner.claim_schedules(limit).await?).await
    }

    async fn schedules(&self, tenant: Uuid, after: &str, limit: usize) -> Result<Vec<ScheduleRow>> {
        self.decoded_schedules(self.inner.schedules(tenant, after, limit).await?).await
    }

    async fn decoded_schedules(&self, mut rows: Vec<ScheduleRow>) -> Result<Vec<ScheduleRow>> {
        let each = |by: &super::decoder::PayloadDecoder<'_>, rows: &mut Vec<ScheduleRow>| {
            rows.iter_mut().for_each(|row| by.schedule(row));
        };
        self.codecs.decoded(&mut rows, each).await;
        Ok(rows)
    }

    async fn claim(&self, claim: Claim<'_>) -> Result<Vec<Activation>> {
        self.activations(self.inner.claim(claim).await?).await
    }

    async fn claim_stuck(&self, claim: ClaimStuck<'_>) -> Result<Vec<Activation>> {
        self.activations(self.inner.claim_stuck(claim).await?).await
    }

    async fn reload(&self, worker: Uuid, runs: &[RunKey]) -> Result<Vec<Activation>> {
        self.activations(self.inner.reload(worker, runs).await?).await
    }

    async fn activations(&self, mut runs: Vec<Activation>) -> Result<Vec<Activation>> {
        let decoded = self
            .codecs
            .decoded(&mut runs, |by, runs| runs.iter_mut().for_each(|run| by.activation(run)));
        decoded.await;
        Ok(runs)
    }

    async fn collect(&self, worker: Uuid) -> Result<Vec<Collected>> {
        let mut collected = self.inner.collect(worker).await?;
        let decoded = self.codecs.decoded(&mut collected, |by, collected| {
            collected.iter_mut().for_each(|it| by.messages(&mut it.inbox));
        });
        decoded.await;
        Ok(collected)
    }

    async fn read_inboxes(&self, asked: &[(RunKey, i64)]) -> Result<Vec<Page>> {
        let mut pages = self.inner.read_inboxes(asked).await?;
        let decoded = self.codecs.decoded(&mut pages, |by, pages| {
            pages.iter_mut().for_each(|page| by.messages(&mut page.messages));
        });
        decoded.await;
        Ok(pages)
    }

    /// A record that cannot be encoded is refused, or comes again where its objects cannot be written now; neither
    /// harms the others.
    async fn commit(
        &self,
        writer: usize,
        worker: Uuid,
        records: &[Record],
    ) -> Result<Vec<Committed>> {
        let each = records.iter().map(|record| self.codecs.encoded(|to| to.record(record)));
        let (mut encoded, mut refused) = (Vec::with_capacity(records.len()), Vec::new());
        for (record, of) in join_all(each).await.into_iter().zip(records) {
            match record {
                Ok(record) => {
                    encoded.push(record);
                    refused.push(None);
                }
                Err(error) => refused.push(Some(not_encoded(of.key, &error))),
            }
        }
        let mut answers = match encoded[..] {
            [] => Vec::new(),
            _ => self.inner.commit(writer, worker, &encoded).await?,
        }
        .into_iter();
        Ok(refused.into_iter().filter_map(|refused| refused.or_else(|| answers.next())).collect())
    }

    async fn claim_tasks(&self, claim: ClaimTasks<'_>) -> Result<Vec<ClaimedTask>> {
        let mut claimed = self.inner.claim_tasks(claim).await?;
        let decoded = self.codecs.decoded(&mut claimed, |by, claimed| {
            for ClaimedTask { task, heartbeat, .. } in claimed {
                by.bytes(&mut task.content);
                heartbeat.iter_mut().for_each(|details| by.bytes(details));
            }
        });
        decoded.await;
        Ok(claimed)
    }

    async fn check_tasks(&self, worker: Uuid, beats: &[TaskBeat]) -> Result<Vec<bool>> {
        let beats = self.codecs.encoded(|to| beats.iter().map(|beat| to.beat(beat)).collect());
        let beats: Vec<_> = beats.await?;
        self.inner.check_tasks(worker, &beats).await
    }

    async fn end_tasks(&self, worker: Uuid, ends: &[TaskEnd]) -> Result<Vec<bool>> {
        let ends = self.codecs.encoded(|to| ends.iter().map(|end| to.end(end)).collect());
        let ends: Vec<_> = ends.await?;
        self.inner.end_tasks(worker, &ends).await
    }

    async fn publish_items(&self, items: &[(RunKey, NewItem)]) -> Result<Vec<Result<()>>> {
        let encoded = self.codecs.encoded(|to| {
            items
                .iter()
                .map(|(key, item)| Ok((*key, to.item(*key, item)?)))
                .collect::<Result<Vec<_>>>()
        });
        self.inner.publish_items(&encoded.await?).await
    }

    async fn outcomes(&self, runs: &[RunKey]) -> Result<Vec<(RunKey, Outcome)>> {
        let mut outcomes = self.inner.outcomes(runs).await?;
        let decoded = self.codecs.decoded(&mut outcomes, |by, outcomes| {
            for (_, outcome) in outcomes {
                by.json(&mut outcome.output);
                by.json(&mut outcome.error);
            }
        });
        decoded.await;
        Ok(outcomes)
    }

    async fn query(&self, run: RunKey, name: &str) -> Result<Option<String>> {
        let mut value = self.inner.query(run, name).await?;
        self.codecs.decoded(&mut value, |by, value| by.json(value)).await;
        Ok(value)
    }

    async fn updates(&self, asked: &[(RunKey, String)]) -> Result<Vec<UpdateState>> {
        let mut states = self.inner.updates(asked).await?;
        let decoded = self.codecs.decoded(&mut states, |by, states| {
            for state in states {
                if let UpdateState::Answered(Ok(json) | Err(json)) = state {
                    by.text(json);
                }
            }
        });
        decoded.await;
        Ok(states)
    }

    async fn read_items(&self, run: RunKey, from: i64) -> Result<Option<ItemPage>> {
        let mut page = self.inner.read_items(run, from).await?;
        let decoded = self.codecs.decoded(&mut page, |by, page| {
            let items = page.iter_mut().flat_map(|page| &mut page.items);
            items.for_each(|item| by.text(&mut item.item));
        });
        decoded.await;
        Ok(page)
    }

    async fn history(&self, run: RunKey) -> Result<Vec<HistoryRow>> {
        let mut rows = self.inner.history(run).await?;
        let decoded = self.codecs.decoded(&mut rows, |by, rows| {
            rows.iter_mut().for_each(|row| by.bytes(&mut row.events));
        });
        decoded.await;
        Ok(rows)
    }

    async fn list(&self, tenant: Uuid, filter: &ListFilter) -> Result<Listed> {
        let mut listed = self.inner.list(tenant, filter).await?;
        self.views(&mut listed.runs).await;
        Ok(listed)
    }

    async fn views(&self, views: &mut Vec<RunView>) {
        self.codecs.decoded(views, |by, views| views.iter_mut().for_each(|it| by.view(it))).await;
    }

    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        let mut scanned = self.inner.scan(scan).await?;
        let decoded = self.codecs.decoded(&mut scanned, |by, scanned| {
            scanned.runs.iter_mut().for_each(|(run, _)| by.activation(run));
        });
        decoded.await;
        Ok(scanned)
    }

    async fn stuck(&self, tenant: Uuid, limit: usize) -> Result<Vec<RunView>> {
        let mut views = self.inner.stuck(tenant, limit).await?;
        self.views(&mut views).await;
        Ok(views)
    }

    async fn dead_letters(
        &self,
        tenant: Uuid,
        limit: usize,
        dismissed: bool,
    ) -> Result<Vec<DeadLetterRow>> {
        let mut letters = self.inner.dead_letters(tenant, limit, dismissed).await?;
        let decoded = self.codecs.decoded(&mut letters, |by, letters| {
            letters.iter_mut().for_each(|letter| by.json(&mut letter.error));
        });
        decoded.await;
        Ok(letters)
    }
}

/// What becomes of a record that cannot be encoded.
fn not_encoded(key: RunKey, error: &Error) -> Committed {
    if error.kind() != ErrorKind::Unavailable {
        return Committed::Refused(error.to_string());
    }
    tracing::warn!(run = %key.run, "what the run has done is kept and written later: {error}");
    Committed::Held
}

/// The verbs that carry values.
macro_rules! encoding {
    ($store:ident start($runs:ident)) => { Box::pin(Self::start($store, $runs)) };
    ($store:ident start_held($($given:ident),*)) => { Box::pin(Self::start_held($store, $($given),*)) };
    ($store:ident start_owned($($given:ident),*)) => { Box::pin(Self::start_owned($store, $($given),*)) };
    ($store:ident send($messages:ident)) => { Box::pin(Self::send($store, $messages)) };
    ($store:ident send_held($($given:ident),*)) => { Box::pin(Self::send_held($store, $($given),*)) };
    ($store:ident signal_with_start($($given:ident),*)) => {
        Box::pin(Self::signal_with_start($store, $($given),*))
    };
    ($store:ident terminate($($given:ident),*)) => { Box::pin(Self::terminate($store, $($given),*)) };
    ($store:ident rerun($($given:ident),*)) => { Box::pin(Self::rerun($store, $($given),*)) };
    ($store:ident fork($forks:ident)) => { Box::pin(Self::fork($store, $forks)) };
    ($store:ident describe($run:ident)) => { Box::pin(Self::describe($store, $run)) };
    ($store:ident find_schedule($($given:ident),*)) => {
        Box::pin(Self::find_schedule($store, $($given),*))
    };
    ($store:ident change_schedule($change:ident)) => {
        Box::pin(Self::change_schedule($store, $change))
    };
    ($store:ident claim_schedules($limit:ident)) => {
        Box::pin(Self::claim_schedules($store, $limit))
    };
    ($store:ident schedules($($given:ident),*)) => { Box::pin(Self::schedules($store, $($given),*)) };
    ($store:ident claim($claim:ident)) => { Box::pin(Self::claim($store, $claim)) };
    ($store:ident claim_stuck($claim:ident)) => { Box::pin(Self::claim_stuck($store, $claim)) };
    ($store:ident reload($($given:ident),*)) => { Box::pin(Self::reload($store, $($given),*)) };
    ($store:ident collect($worker:ident)) => { Box::pin(Self::collect($store, $worker)) };
    ($store:ident read_inboxes($asked:ident)) => { Box::pin(Self::read_inboxes($store, $asked)) };
    ($store:ident commit($($given:ident),*)) => { Box::pin(Self::commit($store, $($given),*)) };
    ($store:ident claim_tasks($claim:ident)) => { Box::pin(Self::claim_tasks($store, $claim)) };
    ($store:ident check_tasks($($given:ident),*)) => { Box::pin(Self::check_tasks($store, $($given),*)) };
    ($store:ident end_tasks($($given:ident),*)) => { Box::pin(Self::end_tasks($store, $($given),*)) };
    ($store:ident publish_items($items:ident)) => { Box::pin(Self::publish_items($store, $items)) };
    ($store:ident outcomes($runs:ident)) => { Box::pin(Self::outcomes($store, $runs)) };
    ($store:ident query($($given:ident),*)) => { Box::pin(Self::query($store, $($given),*)) };
    ($store:ident updates($asked:ident)) => { Box::pin(Self::updates($store, $asked)) };
    ($store:ident read_items($($given:ident),*)) => { Box::pin(Self::read_items($store, $($given),*)) };
    ($store:ident history($run:ident)) => { Box::pin(Self::history($store, $run)) };
    ($store:ident list($($given:ident),*)) => { Box::pin(Self::list($store, $($given),*)) };
    ($store:ident scan($scan:ident)) => { Box::pin(Self::scan($store, $scan)) };
    ($store:ident stuck($($given:ident),*)) => { Box::pin(Self::stuck($store, $($given),*)) };
    ($store:ident dead_letters($($given:ident),*)) => { Box::pin(Self::dead_letters($store, $($given),*)) };
    ($store:ident $verb:ident($($given:ident),*)) => { $store.inner().$verb($($given),*) };
}

forward_store!(ClientStore for EncodingStore, encoding);
forward_store!(WorkerStore for EncodingStore, encoding);
forward_store!(Inspect for EncodingStore, encoding);
forward_store!(Operate for EncodingStore);
forward_store!(Hub for EncodingStore);

impl Store for EncodingStore {
    fn as_any(&self) -> &dyn Any {
        self.inner.as_any()
    }
}
