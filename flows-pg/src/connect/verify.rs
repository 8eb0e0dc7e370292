//! What of a server's certificate is verified: nothing, who signed it, or that it is for this host.
//!
//! Chains and names are verified by webpki. Two habits of PostgreSQL's users, which libpq follows and
//! webpki does not, are added: a certificate that is itself among the roots is trusted, and one
//! without alternative names is for the host that its common name says.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::oid::db::rfc4519::CN;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Who vouches for servers, and the certificates themselves where they came from a file.
#[derive(Debug)]
pub(super) struct Anchors {
    pub(super) store: Arc<RootCertStore>,
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// How far a server is verified.
#[derive(Debug)]
pub(super) enum Checks {
    Nothing,
    Chain(Anchors),
    ChainAndName(Anchors),
}

/// Verifies servers that far.
#[derive(Debug)]
pub(super) struct Verifier {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
    checks: Checks,
}

impl Verifier {
    pub(super) fn new(checks: Checks, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let chain = match &checks {
            Checks::Nothing => None,
            Checks::Chain(anchors) | Checks::ChainAndName(anchors) => {
                let (store, provider) = (Arc::clone(&anchors.store), Arc::clone(&provider));
                let built = WebPkiServerVerifier::builder_with_provider(store, provider).build();
                Some(built.map_err(|error| error.to_string())?)
            }
        };
        Ok(Self { provider, chain, checks })
    }

    fn verifies_name(&self) -> bool {
        matches!(self.checks, Checks::ChainAndName(_))
    }

    fn is_anchor(&self, certificate: &CertificateDer<'_>) -> bool {
        match &self.checks {
            Checks::Nothing => false,
            Checks::Chain(anchors) | Checks::ChainAndName(anchors) => {
                anchors.certificates.iter().any(|known| known.as_ref() == certificate.as_ref())
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, between, host, ocsp, now) {
            Ok(verified) => return Ok(verified),
            Err(error) if is_about_the_name(&error) => {} // webpki verifies the chain first
            Err(_) if self.is_anchor(certificate) => in_date(certificate, now)?,
            Err(error) => return Err(error),
        }
        if self.verifies_name() {
            name_fits(certificate, host)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    /// Where anybody's certificate will do, anybody's signature will: nothing is known of the server.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.chain.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.chain.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn is_about_the_name(error: &Error) -> bool {
    use CertificateError::{NotValidForName, NotValidForNameContext};
    matches!(error, Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
}

fn in_date(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let validity = parsed(certificate)?.tbs_certificate.validity;
    if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

fn name_fits(certificate: &CertificateDer<'_>, host: &ServerName<'_>) -> Result<(), Error> {
    let by_webpki = ParsedCertificate::try_from(certificate)
        .and_then(|certificate| verify_server_name(&certificate, host));
    match by_webpki {
        Err(_)
            if common_names(&parsed(certificate)?)
                .iter()
                .any(|name| fits(name, &host.to_str())) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// The common names of a certificate that has no alternative names of hosts.
fn common_names(certificate: &Certificate) -> Vec<String> {
    let certificate = &certificate.tbs_certificate;
    let alternatives = certificate.get::<SubjectAltName>().ok().flatten();
    let is_host =
        |name: &GeneralName| matches!(name, GeneralName::DnsName(_) | GeneralName::IpAddress(_));
    if alternatives.is_some_and(|(_, names)| names.0.iter().any(is_host)) {
        return Vec::new();
    }
    let parts = certificate.subject.0.iter().flat_map(|part| part.0.iter());
    let names = parts.filter(|part| part.oid == CN).map(|part| part.value.value());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// Equal, or `*.` and one more label in front of what is equal.
fn fits(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(pattern), Some((first, rest))) = (name.strip_prefix("*."), host.split_once('.'))
    else {
        return false;
    };
    !first.is_empty() && pattern.contains('.') && pattern.eq_ignore_ascii_case(rest)
}

fn parsed(certificate: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding.into())
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn common_names_fit_as_in_libpq() {
        assert!(fits("db.example.com", "DB.example.com"));
        assert!(fits("*.example.com", "db.example.com"));
        assert!(fits("127.0.0.1", "127.0.0.1"));
        assert!(!fits("*.example.com", "a.db.example.com"));
        assert!(!fits("*.example.com", ".example.com"));
        assert!(!fits("*.com", "example.com"));
        assert!(!fits("db.example.com", "db"));
    }
}
