//! The store behind the codecs of an engine: what is written is encoded, what is read is decoded.
//!
//! What cannot be decoded is passed on as it is, and whoever meets it says so: a run whose journal, input or
//! messages are encoded is stuck, and the other runs of the batch are not harmed.

use std::any::Any;
use std::sync::Arc;

use super::Codecs;
use crate::forward_store;
use crate::headers::Headers;
use crate::payload::Payload;
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
        self.inner.start(&self.codecs.runs(runs)?).await
    }

    async fn start_held(&self, run: &NewRun, limit: Duration) -> Result<Started> {
        self.inner.start_held(&self.codecs.run(run)?, limit).await
    }

    async fn start_owned(&self, worker: Uuid, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        self.inner.start_owned(worker, &self.codecs.runs(runs)?).await
    }

    async fn send(&self, messages: &[OutgoingMessage]) -> Result<Vec<Result<Sent>>> {
        self.inner.send(&self.codecs.messages(messages)?).await
    }

    async fn send_held(&self, message: &OutgoingMessage, limit: Duration) -> Result<Sent> {
        self.inner.send_held(&self.codecs.message(message)?, limit).await
    }

    async fn signal_with_start(
        &self,
        run: &NewRun,
        signal: &OutgoingMessage,
    ) -> Result<(Started, Sent)> {
        let (run, signal) = (self.codecs.run(run)?, self.codecs.message(signal)?);
        self.inner.signal_with_start(&run, &signal).await
    }

    async fn terminate(
        &self,
        run: RunKey,
        record: &[u8],
        close: &Close,
        messages: &[OutgoingMessage],
    ) -> Result<bool> {
        let (record, close) = (self.codecs.encode(record)?, self.codecs.close(close)?);
        self.inner.terminate(run, &record, &close, &self.codecs.messages(messages)?).await
    }

    async fn rerun(&self, dead: RunKey, run: &NewRun) -> Result<Started> {
        self.inner.rerun(dead, &self.codecs.run(run)?).await
    }

    async fn fork(&self, forks: &[ForkedRun]) -> Result<Started> {
        self.inner.fork(&self.codecs.forks(forks)?).await
    }

    async fn describe(&self, run: RunKey) -> Result<Option<RunView>> {
        let mut view = self.inner.describe(run).await?;
        view.iter_mut().for_each(|view| self.codecs.read_view(view));
        Ok(view)
    }

    async fn claim(&self, claim: Claim<'_>) -> Result<Vec<Activation>> {
        self.activations(self.inner.claim(claim).await?)
    }

    async fn claim_stuck(&self, claim: ClaimStuck<'_>) -> Result<Vec<Activation>> {
        self.activations(self.inner.claim_stuck(claim).await?)
    }

    async fn reload(&self, worker: Uuid, runs: &[RunKey]) -> Result<Vec<Activation>> {
        self.activations(self.inner.reload(worker, runs).await?)
    }

    fn activations(&self, mut runs: Vec<Activation>) -> Result<Vec<Activation>> {
        runs.iter_mut().for_each(|run| self.codecs.read_activation(run));
        Ok(runs)
    }

    async fn collect(&self, worker: Uuid) -> Result<Vec<Collected>> {
        let mut collected = self.inner.collect(worker).await?;
        collected.iter_mut().for_each(|it| self.codecs.read_messages(&mut it.inbox));
        Ok(collected)
    }

    async fn read_inboxes(&self, asked: &[(RunKey, i64)]) -> Result<Vec<Page>> {
        let mut pages = self.inner.read_inboxes(asked).await?;
        pages.iter_mut().for_each(|page| self.codecs.read_messages(&mut page.messages));
        Ok(pages)
    }

    /// A record that cannot be encoded is refused, and does not harm the others.
    async fn commit(
        &self,
        writer: usize,
        worker: Uuid,
        records: &[Record],
    ) -> Result<Vec<Committed>> {
        let (mut encoded, mut refused) = (Vec::with_capacity(records.len()), Vec::new());
        for record in records {
            match self.codecs.record(record) {
                Ok(record) => {
                    encoded.push(record);
                    refused.push(None);
                }
                Err(error) => refused.push(Some(Committed::Refused(error.to_string()))),
            }
        }
        let mut answers = match encoded[..] {
            [] => Vec::new(),
            _ => self.inner.commit(writer, worker, &encoded).await?,
        }
        .into_iter();
        Ok(refused.into_iter().filter_map(|refused| refused.or_else(|| answers.next())).collect())
    }

    async fn publish_items(&self, items: &[(RunKey, NewItem)]) -> Result<Vec<Result<()>>> {
        let encoded = |(key, item): &(RunKey, NewItem)| Ok((*key, self.codecs.item(item)?));
        let items = items.iter().map(encoded).collect::<Result<Vec<_>>>()?;
        self.inner.publish_items(&items).await
    }

    async fn outcomes(&self, runs: &[RunKey]) -> Result<Vec<(RunKey, Outcome)>> {
        let mut outcomes = self.inner.outcomes(runs).await?;
        for (_, outcome) in &mut outcomes {
            self.codecs.read_json(&mut outcome.output);
            self.codecs.read_json(&mut outcome.error);
        }
        Ok(outcomes)
    }

    async fn query(&self, run: RunKey, name: &str) -> Result<Option<String>> {
        let mut value = self.inner.query(run, name).await?;
        self.codecs.read_json(&mut value);
        Ok(value)
    }

    async fn updates(&self, asked: &[(RunKey, String)]) -> Result<Vec<UpdateState>> {
        let mut states = self.inner.updates(asked).await?;
        for state in &mut states {
            if let UpdateState::Answered(Ok(json) | Err(json)) = state {
                self.codecs.read_text(json);
            }
        }
        Ok(states)
    }

    async fn read_items(&self, run: RunKey, from: i64) -> Result<Option<ItemPage>> {
        let mut page = self.inner.read_items(run, from).await?;
        let items = page.iter_mut().flat_map(|page| &mut page.items);
        items.for_each(|item| self.codecs.read_text(&mut item.item));
        Ok(page)
    }

    async fn history(&self, run: RunKey) -> Result<Vec<HistoryRow>> {
        let mut rows = self.inner.history(run).await?;
        rows.iter_mut().for_each(|row| self.codecs.read_bytes(&mut row.events));
        Ok(rows)
    }

    async fn list(&self, tenant: Uuid, filter: &ListFilter) -> Result<Listed> {
        let mut listed = self.inner.list(tenant, filter).await?;
        listed.runs.iter_mut().for_each(|view| self.codecs.read_view(view));
        Ok(listed)
    }

    async fn scan(&self, scan: &Scan) -> Result<Scanned> {
        let mut scanned = self.inner.scan(scan).await?;
        scanned.runs.iter_mut().for_each(|(run, _)| self.codecs.read_activation(run));
        Ok(scanned)
    }

    async fn stuck(&self, tenant: Uuid, limit: usize) -> Result<Vec<RunView>> {
        let mut views = self.inner.stuck(tenant, limit).await?;
        views.iter_mut().for_each(|view| self.codecs.read_view(view));
        Ok(views)
    }

    async fn dead_letters(
        &self,
        tenant: Uuid,
        limit: usize,
        dismissed: bool,
    ) -> Result<Vec<DeadLetterRow>> {
        let mut letters = self.inner.dead_letters(tenant, limit, dismissed).await?;
        letters.iter_mut().for_each(|letter| self.codecs.read_json(&mut letter.error));
        Ok(letters)
    }
}

/// What is written.
impl Codecs {
    pub(super) fn run(&self, run: &NewRun) -> Result<NewRun> {
        let input = self.encode_json(&run.spec.input)?;
        let headers = self.headers(&run.spec.headers)?;
        Ok(run.clone().with(|spec| (spec.input, spec.headers) = (input.into(), headers)))
    }

    fn headers(&self, headers: &Headers) -> Result<Headers> {
        let Some(json) = headers.to_json() else { return Ok(Headers::default()) };
        Headers::from_json(&self.encode_json(&json)?)
    }

    pub(super) fn runs(&self, runs: &[NewRun]) -> Result<Vec<NewRun>> {
        runs.iter().map(|run| self.run(run)).collect()
    }

    pub(super) fn message(&self, message: &OutgoingMessage) -> Result<OutgoingMessage> {
        let payload = &message.payload;
        let payload = Payload::from_parts(payload.codec(), self.encode(payload.bytes())?);
        Ok(OutgoingMessage { payload, ..message.clone() })
    }

    pub(super) fn messages(&self, messages: &[OutgoingMessage]) -> Result<Vec<OutgoingMessage>> {
        messages.iter().map(|message| self.message(message)).collect()
    }

    pub(super) fn close(&self, close: &Close) -> Result<Close> {
        let mut close = close.clone();
        let Outcome { output, error, .. } = &mut close.outcome;
        *output = output.as_deref().map(|json| self.encode_json(json)).transpose()?;
        *error = error.as_deref().map(|json| self.encode_error(json)).transpose()?;
        Ok(close)
    }

    /// Rows that are copied are encoded by now.
    pub(super) fn forks(&self, forks: &[ForkedRun]) -> Result<Vec<ForkedRun>> {
        let row = |(position, row): &(i32, Vec<u8>)| Ok((*position, self.encode(row)?));
        let fork = |fork: &ForkedRun| {
            let takes = match &fork.takes {
                Takes::Place(row, close) => Takes::Place(self.encode(row)?, self.close(close)?),
                takes => takes.clone(),
            };
            Ok(ForkedRun {
                run: self.run(&fork.run)?,
                rewritten: fork.rewritten.iter().map(row).collect::<Result<_>>()?,
                takes,
                messages: self.messages(&fork.messages)?,
                ..fork.clone()
            })
        };
        forks.iter().map(fork).collect()
    }

    fn item(&self, item: &NewItem) -> Result<NewItem> {
        Ok(NewItem { number: item.number, item: self.encode_json(&item.item)? })
    }

    /// A record; its journal row is encoded as a whole.
    pub(crate) fn record(&self, record: &Record) -> Result<Record> {
        let query = |query: &QueryValue| {
            Ok(QueryValue { name: query.name.clone(), value: self.encode_json(&query.value)? })
        };
        let events = match record.events[..] {
            [] => Vec::new(), // no row
            _ => self.encode(&record.events)?,
        };
        let next = match &record.next {
            Next::Close(close) => Next::Close(self.close(close)?),
            next => next.clone(),
        };
        let answer = |answer: &UpdateAnswer| {
            let reply = match &answer.reply {
                Ok(json) => Ok(self.encode_json(json)?),
                Err(json) => Err(self.encode_error(json)?),
            };
            Ok(UpdateAnswer { reply, ..answer.clone() })
        };
        Ok(Record {
            key: record.key,
            position: record.position,
            events,
            consumed: record.consumed.clone(),
            starts: self.runs(&record.starts)?,
            messages: self.messages(&record.messages)?,
            queries: record.queries.iter().map(query).collect::<Result<_>>()?,
            items: record.items.iter().map(|item| self.item(item)).collect::<Result<_>>()?,
            next,
            held: record.held,
            claim: record.claim,
            clears: record.clears,
            attributes: record.attributes.clone(),
            answers: record.answers.iter().map(answer).collect::<Result<_>>()?,
        })
    }
}

/// What is read; what cannot be decoded stays as it is.
impl Codecs {
    fn read_bytes(&self, bytes: &mut Vec<u8>) {
        if let Ok(decoded) = self.decode(bytes) {
            *bytes = decoded;
        }
    }

    fn read_text(&self, json: &mut String) {
        if let Ok(Some(decoded)) = self.decode_json(json) {
            *json = decoded;
        }
    }

    fn read_json(&self, json: &mut Option<String>) {
        json.iter_mut().for_each(|json| self.read_text(json));
    }

    fn read_spec(&self, spec: &mut Arc<RunSpec>) {
        if let Ok(Some(input)) = self.decode_json(&spec.input) {
            Arc::make_mut(spec).input = input.into();
        }
        let encoded = spec.headers.encoded();
        if let Some(encoded) = encoded
            && let Ok(Some(json)) = self.decode_json(&encoded)
            && let Ok(headers) = Headers::from_json(&json)
        {
            Arc::make_mut(spec).headers = headers;
        }
    }

    pub(super) fn read_view(&self, view: &mut RunView) {
        self.read_spec(&mut view.spec);
        self.read_json(&mut view.output);
        self.read_json(&mut view.error);
    }

    fn read_messages(&self, messages: &mut [InboxMessage]) {
        for message in messages {
            if let Ok(decoded) = self.decode(message.payload.bytes()) {
                message.payload = Payload::from_parts(message.payload.codec(), decoded);
            }
        }
    }

    fn read_activation(&self, run: &mut Activation) {
        self.read_spec(&mut run.spec);
        run.journal.iter_mut().for_each(|row| self.read_bytes(row));
        self.read_messages(&mut run.inbox);
    }
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
    ($store:ident claim($claim:ident)) => { Box::pin(Self::claim($store, $claim)) };
    ($store:ident claim_stuck($claim:ident)) => { Box::pin(Self::claim_stuck($store, $claim)) };
    ($store:ident reload($($given:ident),*)) => { Box::pin(Self::reload($store, $($given),*)) };
    ($store:ident collect($worker:ident)) => { Box::pin(Self::collect($store, $worker)) };
    ($store:ident read_inboxes($asked:ident)) => { Box::pin(Self::read_inboxes($store, $asked)) };
    ($store:ident commit($($given:ident),*)) => { Box::pin(Self::commit($store, $($given),*)) };
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
forward_store!(Hub for EncodingStore);

impl Store for EncodingStore {
    fn as_any(&self) -> &dyn Any {
        self.inner.as_any()
    }
}
