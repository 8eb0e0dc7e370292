//! A connection under way, whatever it is encrypted with, and errors that travel as the client
//! library's.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use flows_core::error::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Socket};

use super::OPEN;
use crate::error::{Carried, PgError};

pub(crate) type Opening<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, Wire), PgError>> + Send + 'a>>;

/// Whatever opens connections.
pub(crate) trait Opens: Send + Sync {
    fn open(&self) -> Opening<'_>;

    /// How long that may take.
    fn limit(&self) -> Duration {
        OPEN
    }
}

/// What moves a connection forward: nothing is sent or received but by its polls.
pub(crate) struct Wire(Box<dyn Messages>);

trait Messages: Send {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AsyncMessage, PgError>>>;
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Messages for Connection<Socket, T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AsyncMessage, PgError>>> {
        self.poll_message(cx)
    }
}

impl Wire {
    /// What the server says of its own accord; nothing when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<AsyncMessage> {
        match poll_fn(|cx| self.0.poll(cx)).await? {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::debug!(%error, "a connection has ended");
                None
            }
        }
    }
}

/// Opens one connection.
pub(super) async fn open<T>(config: &Config, tls: T) -> Result<(Client, Wire), PgError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    Ok((client, Wire(Box::new(connection))))
}

/// The application's way to connect: its configuration and its TLS.
pub(crate) struct GivenConnector<T> {
    pub(crate) config: Config,
    pub(crate) tls: T,
}

impl<T> Opens for GivenConnector<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send,
    T::TlsConnect: Send,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    fn open(&self) -> Opening<'_> {
        Box::pin(open(&self.config, self.tls.clone()))
    }
}

/// The client library makes errors of its own kind only: here, of a stream that fails with ours.
pub(super) async fn carry(error: Error) -> PgError {
    let mut config = Config::new();
    config.user("nobody").ssl_mode(SslMode::Disable);
    match config.connect_raw(Broken(Some(error)), NoTls).await {
        Err(error) => error,
        Ok(_) => PgError::__private_api_timeout(), // nothing connects over a broken stream
    }
}

struct Broken(Option<Error>);

impl Broken {
    fn fail(&mut self) -> io::Error {
        self.0.take().map_or_else(
            || io::ErrorKind::BrokenPipe.into(),
            |error| io::Error::other(Carried(error)),
        )
    }
}

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.fail()))
    }
}

impl AsyncWrite for Broken {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(self.fail()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.fail()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
