//! An authority, and certificates that it signs.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};

/// Signs certificates of servers and clients.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate with this common name, for these hosts.
    pub(crate) fn sign(&self, name: &str, hosts: &[&str]) -> Identity {
        self.signed(&params(name, hosts))
    }

    /// One that was valid until 2021.
    pub(crate) fn sign_expired(&self, name: &str, hosts: &[&str]) -> Identity {
        let mut params = params(name, hosts);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        self.signed(&params)
    }

    fn signed(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// The authority itself as a server.
    pub(crate) fn itself(&self) -> Identity {
        Identity { certificate: self.0.pem(), key: self.0.key().serialize_pem() }
    }
}

fn params(name: &str, hosts: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = hosts.iter().map(|host| named(host)).collect();
    params.is_ca = IsCa::ExplicitNoCa;
    params
}

fn named(host: &str) -> SanType {
    match host.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(host.try_into().expect("a name")),
    }
}

/// A client's certificate of version 1 of X.509, as `openssl x509 -req` makes them before version 3.2, for the
/// role `app`; and its authority.
pub(crate) fn of_version_1() -> (Identity, &'static str) {
    let identity = Identity { certificate: OLD.0.to_owned(), key: OLD.1.to_owned() };
    (identity, OLD.2)
}

const OLD: (&str, &str, &str) = (
    "\
-----BEGIN CERTIFICATE-----
MIIBKjCB0AIUDWGCPEheBfAFbwLaWoZ92XewQ5wwCgYIKoZIzj0EAwIwHzEdMBsG
A1UEAwwUZmxvd3MtdGVzdC1hdXRob3JpdHkwIBcNMjYxMTMwMTQwMDIyWhgPMjEy
NjExMDYxNDAwMjJaMA4xDDAKBgNVBAMMA2FwcDBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABGawsh8ESW/ecI8FTZP/FnlIVYEoVPdOH40bUnD1yWOHBDqoYFkJocUz
euG6WtFpnFSrIpoxtfIFrxj3EMrOnFIwCgYIKoZIzj0EAwIDSQAwRgIhAOTPnY5D
dqPOF5NmmvHkUjIEXWE7ow5ltQYGAYVt6yjyAiEAtiR18JI47s1lsiq3iUhJ6E4R
79PAj8bQ6DlYvl6vqOU=
-----END CERTIFICATE-----
",
    "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdVy7S62myTEBiE3f
dLarnXEKt1mvRUZKXc8q3Su4CruhRANCAARmsLIfBElv3nCPBU2T/xZ5SFWBKFT3
Th+NG1Jw9cljhwQ6qGBZCaHFM3rhulrRaZxUqyKaMbXyBa8Y9xDKzpxS
-----END PRIVATE KEY-----
",
    "\
-----BEGIN CERTIFICATE-----
MIIBljCCATugAwIBAgIUMW4EEbQobgcOuPx3s9MthgSbA6gwCgYIKoZIzj0EAwIw
HzEdMBsGA1UEAwwUZmxvd3MtdGVzdC1hdXRob3JpdHkwIBcNMjYxMTMwMTQwMDIy
WhgPMjEyNjExMDYxNDAwMjJaMB8xHTAbBgNVBAMMFGZsb3dzLXRlc3QtYXV0aG9y
aXR5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOXthyrS/zA7CMQF82o7jzYmN
vrhTI8RvqGaZsos+isiRsdiwaJJxaTvrQsi+wxqEyUrqfxXhMDQM4gHXFwbI+6NT
MFEwHQYDVR0OBBYEFMf0Cd48OFGCwj6cbhtaJCFJQEikMB8GA1UdIwQYMBaAFMf0
Cd48OFGCwj6cbhtaJCFJQEikMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwID
SQAwRgIhAO7XBgyp+fjw8IkEdGoWPrKr0gVUiF9KmbSko12RyUneAiEAtG822VVp
2nv0wbVFHEpXcrIVSEV7HXRWqyROxn8h2xg=
-----END CERTIFICATE-----
",
);

/// Files for one test, gone with it.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new() -> Self {
        let name = format!("flows-tls-{}", flows_core::clock::uuid_v7().simple());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    /// Writes a file that nobody else may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let own = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&path, own).expect("permissions");
        }
        path
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
