//! The same for a transaction of the application's: what is written in it is encoded.

use super::Codecs;
use crate::store::forward::names::*;

pub(crate) struct EncodingClient<'t> {
    inner: Box<dyn ClientStore + 't>,
    codecs: Codecs,
}

impl<'t> EncodingClient<'t> {
    pub(crate) fn new(inner: Box<dyn ClientStore + 't>, codecs: Codecs) -> Self {
        Self { inner, codecs }
    }
}

impl ClientStore for EncodingClient<'_> {
    fn start<'a>(&'a self, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>> {
        Box::pin(async { self.inner.start(&self.codecs.runs(runs)?).await })
    }

    fn start_held<'a>(&'a self, run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started> {
        Box::pin(async move { self.inner.start_held(&self.codecs.run(run)?, limit).await })
    }

    fn send<'a>(&'a self, messages: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>> {
        Box::pin(async { self.inner.send(&self.codecs.messages(messages)?).await })
    }

    fn send_held<'a>(
        &'a self,
        message: &'a OutgoingMessage,
        limit: Duration,
    ) -> StoreFuture<'a, Sent> {
        Box::pin(async move { self.inner.send_held(&self.codecs.message(message)?, limit).await })
    }

    fn signal_with_start<'a>(
        &'a self,
        run: &'a NewRun,
        signal: &'a OutgoingMessage,
    ) -> StoreFuture<'a, (Started, Sent)> {
        Box::pin(async {
            let (run, signal) = (self.codecs.run(run)?, self.codecs.message(signal)?);
            self.inner.signal_with_start(&run, &signal).await
        })
    }

    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        messages: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let (record, close) = (self.codecs.encode(record)?, self.codecs.close(close)?);
            self.inner.terminate(run, &record, &close, &self.codecs.messages(messages)?).await
        })
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        Box::pin(async move { self.inner.rerun(dead, &self.codecs.run(run)?).await })
    }

    fn fork<'a>(&'a self, forks: &'a [ForkedRun]) -> StoreFuture<'a, Started> {
        Box::pin(async { self.inner.fork(&self.codecs.forks(forks)?).await })
    }

    fn dismiss<'a>(&'a self, dead: RunKey, reason: &'a str) -> StoreFuture<'a, ()> {
        self.inner.dismiss(dead, reason)
    }

    fn retry_stuck(&self, run: RunKey) -> StoreFuture<'_, bool> {
        self.inner.retry_stuck(run)
    }

    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>> {
        self.inner.find(tenant, workflow_id)
    }

    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
        Box::pin(async move {
            let mut view = self.inner.describe(run).await?;
            view.iter_mut().for_each(|view| self.codecs.read_view(view));
            Ok(view)
        })
    }
}
