//! A network between the library and its server, which can go away, and swallow, and lead to another one.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::net::SocketAddr;

use flows::prelude::*;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Passes connections on to a server, until it is told otherwise.
pub(crate) struct Proxy {
    address: SocketAddr,
    leads_to: watch::Sender<String>,
    flows: watch::Sender<bool>,
    accepting: Option<AbortHandle>,
}

impl Proxy {
    /// In front of the server of this URL; and the URL that leads through it.
    pub(crate) async fn before(url: &str) -> Result<(Self, String)> {
        let server = server_of(url);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut proxy = Self {
            address,
            leads_to: watch::Sender::new(server.to_owned()),
            flows: watch::Sender::new(true),
            accepting: None,
        };
        proxy.accept(listener);
        Ok((proxy, url.replace(server, &address.to_string())))
    }

    fn accept(&mut self, listener: TcpListener) {
        let (leads_to, flows) = (self.leads_to.subscribe(), self.flows.clone());
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((from, _)) = listener.accept().await {
                let (to, flows) = (leads_to.clone(), flows.subscribe());
                connections.spawn(pass(from, to, flows));
            }
        });
        self.accepting = Some(accepting.abort_handle());
    }

    /// Cuts all connections and refuses new ones.
    pub(crate) fn go_away(&mut self) {
        self.accepting.take().expect("it is there").abort();
    }

    /// Accepts connections again.
    pub(crate) async fn come_back(&mut self) -> Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        self.accept(listener);
        Ok(())
    }

    /// Cuts all connections; new ones lead to the server of this URL.
    pub(crate) fn lead_to(&self, url: &str) {
        self.leads_to.send_replace(server_of(url).to_owned());
    }

    /// From now on, nothing gets through, and nobody is told.
    pub(crate) fn swallow(&self) {
        self.flows.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

async fn pass(
    mut from: TcpStream,
    mut leads_to: watch::Receiver<String>,
    mut flows: watch::Receiver<bool>,
) {
    let to = leads_to.borrow_and_update().clone();
    let Ok(mut to) = TcpStream::connect(to).await else { return };
    let swallowed = async { drop(flows.wait_for(|flows| !flows).await) };
    tokio::select! {
        biased;
        () = swallowed => std::future::pending().await,
        _ = leads_to.changed() => {}
        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
    }
}

/// `host:port` of a URL.
fn server_of(url: &str) -> &str {
    let (_, server) = url.rsplit_once('@').expect("a URL with a role");
    server.split('/').next().unwrap_or(server)
}
