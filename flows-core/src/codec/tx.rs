//! The same for a transaction of the application's: what is written in it is encoded.

use super::Codecs;
use super::decoder::PayloadDecoder;
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
        Box::pin(async move {
            let runs = self.codecs.encoded(|to| to.runs(runs)).await?;
            self.inner.start(&runs).await
        })
    }

    fn start_held<'a>(&'a self, run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started> {
        Box::pin(async move {
            let run = self.codecs.encoded(|to| to.run(run)).await?;
            self.inner.start_held(&run, limit).await
        })
    }

    fn send<'a>(&'a self, messages: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>> {
        Box::pin(async move {
            let messages = self.codecs.encoded(|to| to.messages(messages)).await?;
            self.inner.send(&messages).await
        })
    }

    fn send_held<'a>(
        &'a self,
        message: &'a OutgoingMessage,
        limit: Duration,
    ) -> StoreFuture<'a, Sent> {
        Box::pin(async move {
            let message = self.codecs.encoded(|to| to.message(message)).await?;
            self.inner.send_held(&message, limit).await
        })
    }

    fn signal_with_start<'a>(
        &'a self,
        run: &'a NewRun,
        signal: &'a OutgoingMessage,
    ) -> StoreFuture<'a, (Started, Sent)> {
        Box::pin(async move {
            let encoded = self.codecs.encoded(|to| Ok((to.run(run)?, to.message(signal)?))).await?;
            self.inner.signal_with_start(&encoded.0, &encoded.1).await
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
            let encoded = self.codecs.encoded(|to| {
                Ok((to.bytes(run, record)?, to.close(run, close)?, to.messages(messages)?))
            });
            let (record, close, messages) = encoded.await?;
            self.inner.terminate(run, &record, &close, &messages).await
        })
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        Box::pin(async move {
            let run = self.codecs.encoded(|to| to.run(run)).await?;
            self.inner.rerun(dead, &run).await
        })
    }

    fn fork<'a>(&'a self, forks: &'a [ForkedRun]) -> StoreFuture<'a, Started> {
        Box::pin(async move {
            let forks = self.codecs.encoded(|to| to.forks(forks)).await?;
            self.inner.fork(&forks).await
        })
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
            let each = |by: &PayloadDecoder<'_>, view: &mut Option<RunView>| {
                view.iter_mut().for_each(|view| by.view(view));
            };
            self.codecs.decoded(&mut view, each).await;
            Ok(view)
        })
    }

    fn find_schedule<'a>(
        &'a self,
        tenant: Uuid,
        id: &'a str,
    ) -> StoreFuture<'a, (Timestamp, Option<ScheduleRow>)> {
        Box::pin(async move {
            let (now, mut row) = self.inner.find_schedule(tenant, id).await?;
            let each = |by: &PayloadDecoder<'_>, row: &mut Option<ScheduleRow>| {
                row.iter_mut().for_each(|row| by.schedule(row));
            };
            self.codecs.decoded(&mut row, each).await;
            Ok((now, row))
        })
    }

    fn change_schedule<'a>(&'a self, change: &'a ScheduleChange) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let change = self.codecs.encoded(|to| to.schedule(change)).await?;
            self.inner.change_schedule(&change).await
        })
    }
}
