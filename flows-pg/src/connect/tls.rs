//! TLS by rustls, as far as a connection string asks for it.
//!
//! Certificates are read for each connection: they may be renewed while the process runs.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use flows_core::error::{Error, ErrorKind, Result};
use rustls::client::WantsClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ConfigBuilder, InconsistentKeys,
    RootCertStore,
};
use tokio_postgres::config::SslNegotiation;
use tokio_postgres::{CancelToken, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::settings::{ConnectSettings, Roots, Server, TlsMode};
use super::verify::{Anchors, Checks, Verifier};
use super::wire::{Wire, carry, open as open_with};
use crate::error::PgError;

/// Whether this build can encrypt.
pub(super) const IS_BUILT_IN: bool = true;

/// What the operating system trusts, read once: there are hundreds of certificates.
#[derive(Default)]
pub(super) struct Trust(OnceLock<Arc<RootCertStore>>);

/// Opens an encrypted connection, or where the configuration only prefers that, one that may not be.
pub(super) async fn open(
    config: &Config,
    settings: &ConnectSettings,
    trust: &Trust,
) -> Result<(Client, Wire), PgError> {
    match client_config(settings, trust) {
        Ok(tls) => open_with(config, MakeRustlsConnect::new(tls)).await,
        Err(error) => Err(carry(error).await),
    }
}

fn client_config(settings: &ConnectSettings, trust: &Trust) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let checks = checks(settings, trust)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(format!("TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier(checks, provider)?));
    let mut config = with_identity(builder, settings)?;
    if settings.config.get_ssl_negotiation() == SslNegotiation::Direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(config)
}

/// What of the server is verified. With `require` and less, that depends on whether there is a file of
/// roots, as in libpq.
fn checks(settings: &ConnectSettings, trust: &Trust) -> Result<Checks> {
    let must = settings.mode >= TlsMode::VerifyCa;
    let roots = match &settings.roots {
        Roots::System => Anchors { store: trust.of_system()?, certificates: Vec::new() },
        Roots::File(path) if path.exists() => of_file(path)?,
        Roots::File(path) if must => {
            return Err(wrong(format!(
                "the root certificate file {} does not exist; give `sslrootcert=` a file, use the \
                 system's roots with `sslrootcert=system`, or do not verify the server, with \
                 `sslmode=require`",
                path.display()
            )));
        }
        Roots::Nobody if must => {
            return Err(wrong(
                "to verify the server, give its root certificate: `sslrootcert=`".into(),
            ));
        }
        Roots::File(_) | Roots::Nobody => return Ok(Checks::Nothing),
    };
    let name = settings.mode == TlsMode::VerifyFull;
    Ok(if name { Checks::ChainAndName(roots) } else { Checks::Chain(roots) })
}

fn verifier(checks: Checks, provider: Arc<CryptoProvider>) -> Result<Verifier> {
    Verifier::new(checks, provider)
        .map_err(|error| wrong(format!("the root certificates: {error}")))
}

fn of_file(path: &Path) -> Result<Anchors> {
    let (mut store, certificates) = (RootCertStore::empty(), certificates(path)?);
    for certificate in &certificates {
        store.add(certificate.clone()).map_err(|error| unreadable(path, &error))?;
    }
    Ok(Anchors { store: Arc::new(store), certificates })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unreadable(path, &error))?;
    if found.is_empty() {
        return Err(wrong(format!("{} has no certificate in PEM format", path.display())));
    }
    Ok(found)
}

fn with_identity(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    settings: &ConnectSettings,
) -> Result<ClientConfig> {
    let Some((certificate, key, asked)) = &settings.identity else {
        return Ok(builder.with_no_client_auth());
    };
    if !asked && !certificate.exists() {
        return Ok(builder.with_no_client_auth());
    }
    let chain = certificates(certificate)?;
    warn_if_others_may_read(key);
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        wrong(format!(
            "cannot read the private key {} of the client's certificate ({error}); it must be in PEM \
             format and not encrypted (`sslkey`)",
            key.display()
        ))
    })?;
    let loaded = builder.crypto_provider().key_provider.load_private_key(key_der);
    let loaded = loaded.map_err(|error| wrong(format!("the key {}: {error}", key.display())))?;
    let identity = CertifiedKey::new(chain, loaded);
    // of one of version 1 of X.509 that cannot be said; the server reads it
    if identity.keys_match() == Err(InconsistentKeys::KeyMismatch.into()) {
        return Err(wrong(format!(
            "the key {} (`sslkey`) is not that of the client's certificate {} (`sslcert`)",
            key.display(),
            certificate.display()
        )));
    }
    Ok(builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity))))
}

#[cfg(unix)]
fn warn_if_others_may_read(key: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(key).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        tracing::warn!(key = %key.display(), "others may read the private key: chmod 0600");
    }
}

#[cfg(not(unix))]
fn warn_if_others_may_read(_: &Path) {}

impl Trust {
    fn of_system(&self) -> Result<Arc<RootCertStore>> {
        if let Some(known) = self.0.get() {
            return Ok(Arc::clone(known));
        }
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            return Err(wrong(
                "the system has no root certificates (`sslrootcert=system`): install them (package \
                 `ca-certificates`), or name a file"
                    .into(),
            ));
        }
        Ok(Arc::clone(self.0.get_or_init(|| Arc::new(store))))
    }
}

/// Asks a server to cancel, over a connection that is encrypted and not verified: what is sent is worth
/// nothing to anybody but that server.
pub(super) async fn cancel(token: &CancelToken) -> Option<Result<(), PgError>> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(Checks::Nothing, Arc::clone(&provider)).ok()?;
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.ok()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Some(token.cancel_query(MakeRustlsConnect::new(config)).await)
}

/// Whether there is no connection because of TLS, rather than of the network or the login.
pub(super) fn is_at_fault(error: &PgError) -> bool {
    of_rustls(error).is_some() || says_no(error) || crate::error::carried(error).is_some()
}

/// What is wrong with TLS, in words that say what to do.
pub(super) fn explained(
    error: &PgError,
    settings: &ConnectSettings,
    server: &Server,
) -> Option<Error> {
    if says_no(error) {
        return Some(wrong(
            "the server does not support TLS, which `sslmode` asks for: switch it on there \
             (`ssl = on`), or inside a network that you trust, use `sslmode=disable`"
                .into(),
        ));
    }
    if hangs_up(error) && settings.config.get_ssl_negotiation() == SslNegotiation::Direct {
        return Some(wrong(
            "the server has closed the connection: `sslnegotiation=direct` needs PostgreSQL 17 or later, \
             with TLS; use `sslnegotiation=postgres`"
                .into(),
        ));
    }
    let error = of_rustls(error)?;
    Some(wrong(match error {
        rustls::Error::AlertReceived(alert) => refused(*alert, settings),
        error => distrusted(error, settings, server),
    }))
}

/// Why the server does not go on.
fn refused(alert: AlertDescription, settings: &ConnectSettings) -> String {
    use AlertDescription as Alert;
    match (alert, &settings.identity) {
        (Alert::ProtocolVersion | Alert::HandshakeFailure, _) => format!(
            "the server speaks no TLS that is safe ({alert:?}): let it speak TLS 1.2 or later \
             (ssl_max_protocol_version, ssl_ciphers)"
        ),
        (
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::DecryptError,
            Some((certificate, _, _)),
        ) => format!(
            "the server refuses the client's certificate {} ({alert:?}): `sslcert` must be one that its \
             authority has signed (ssl_ca_file) and that is valid now",
            certificate.display()
        ),
        _ => format!("TLS: {}", rustls::Error::AlertReceived(alert)),
    }
}

/// Why the server is not taken for the one that is wanted.
fn distrusted(error: &rustls::Error, settings: &ConnectSettings, server: &Server) -> String {
    let host = &server.host;
    let roots = match &settings.roots {
        Roots::File(path) => path.display().to_string(),
        Roots::System => "the system's root certificates".into(),
        Roots::Nobody => "the root certificates".into(),
    };
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => format!(
            "the server's certificate is not signed by any of {roots}: `sslrootcert` must name the \
             authority that signed it"
        ),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!(
            "the server's certificate is not for the host `{host}` ({error}): connect with a name that \
             it has, or verify the authority alone, with `sslmode=verify-ca`"
        ),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => format!(
            "the server's certificate, or that of its authority, is not valid now ({error}): renew it, or \
             correct the clock of this machine"
        ),
        other if other.to_string().contains("UnsupportedCertVersion") => {
            "the server's certificate has version 1 of X.509, which cannot be verified: make it anew with \
             extensions (`subjectAltName`), which makes it version 3"
                .into()
        }
        other => format!("TLS: {other}"),
    }
}

/// The server has closed the connection in the middle of the handshake.
fn hangs_up(error: &PgError) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &std::io::Error| {
        use std::io::ErrorKind::{ConnectionReset, UnexpectedEof};
        matches!(cause.kind(), ConnectionReset | UnexpectedEof)
    })
}

/// The server has answered that it does not encrypt.
fn says_no(error: &PgError) -> bool {
    let cause = std::error::Error::source(error);
    cause.is_some_and(|cause| cause.to_string() == "server does not support TLS")
}

fn of_rustls(error: &PgError) -> Option<&rustls::Error> {
    let cause = std::error::Error::source(error)?.downcast_ref::<std::io::Error>()?;
    cause.get_ref()?.downcast_ref()
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    wrong(format!("cannot read certificates from {}: {error}", path.display()))
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
