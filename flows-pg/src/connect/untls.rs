//! In the place of `tls` in builds without the feature: encrypted connections are refused.

use flows_core::error::{Error, ErrorKind};
use tokio_postgres::{CancelToken, Client, Config};

use super::settings::{ConnectSettings, Server};
use super::wire::{Wire, carry};
use crate::error::PgError;

pub(super) const IS_BUILT_IN: bool = false;

#[derive(Default)]
pub(super) struct Trust;

pub(super) async fn open(
    _: &Config,
    _: &ConnectSettings,
    _: &Trust,
) -> Result<(Client, Wire), PgError> {
    let message = "`sslmode` asks for TLS, and this build has none: switch on the feature `tls` of \
                   flows, or give `from_pool` a pool with the TLS of your choice";
    Err(carry(Error::new(ErrorKind::Configuration, message)).await)
}

pub(super) async fn cancel(_: &CancelToken) -> Option<Result<(), PgError>> {
    None
}

pub(super) fn is_at_fault(_: &PgError) -> bool {
    false
}

pub(super) fn explained(_: &PgError, _: &ConnectSettings, _: &Server) -> Option<Error> {
    None
}
