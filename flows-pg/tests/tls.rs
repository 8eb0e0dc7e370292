//! Connections as connection strings ask for them, on a server that encrypts, and on one that does not.
//!
//! A server that was built without TLS cannot be asked: those tests say so, and are skipped. (Debian's
//! packages have it, so `FLOWS_POSTGRES=15` never skips. Of the builds of 18, npm's has it and pip's has not:
//! `.ci/run` names npm's by its directory.)

#![cfg(feature = "tls")]

mod common;

use std::sync::LazyLock;
use std::time::Duration;

use common::certificates::{Authority, Files, Identity};
use common::*;
use flows_core::error::{Error, ErrorKind};
use flows_core::ids::RunKey;
use flows_core::store::traits::*;
use flows_core::store::{Hint, Scan, ScanKind};
use flows_pg::deadpool_postgres::{Manager, Pool};
use flows_pg::dev::PrivateServer;
use flows_pg::tokio_postgres::{Client, NoTls};
use flows_pg::{Engine, PgStore};
use tokio::time::timeout;
use uuid::Uuid;

/// A server with a certificate.
struct Encrypting {
    server: PrivateServer,
    files: Files,
    administrator: Client,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new("the right authority"));

impl Encrypting {
    /// For the host `localhost`.
    async fn begin() -> Option<Self> {
        Self::begin_with(AUTHORITY.sign("the server", &["localhost"]), AUTHORITY.pem()).await
    }

    async fn begin_with(identity: Identity, root: String) -> Option<Self> {
        let server = PrivateServer::start().await.expect("a server");
        let administrator = plain(&server.superuser_url()).await;
        if let Err(error) = administrator.batch_execute("ALTER SYSTEM SET ssl = on").await {
            let refused = error.as_db_error().map_or("", |refused| refused.message());
            assert_eq!(refused, "SSL is not supported by this build", "{error:?}");
            eprintln!("SKIPPED: {} was built without TLS", server.describe());
            return None;
        }
        let files = Files::new();
        files.write("root.crt", &root);
        let encrypting = Self { server, files, administrator };
        encrypting.put("server.crt", &identity.certificate).await;
        encrypting.put("server.key", &identity.key).await;
        encrypting.put("ca.crt", &AUTHORITY.pem()).await;
        encrypting.run("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'").await;
        encrypting.reload().await;
        Some(encrypting)
    }

    /// Writes a file into the server's directory, as the server.
    async fn put(&self, name: &str, text: &str) {
        let sql = format!(
            "COPY (SELECT unnest(string_to_array($pem${text}$pem$, E'\\n'))) \
             TO PROGRAM 'umask 077; cat > {name}'"
        );
        self.run(&sql).await;
    }

    /// Who may log in, over what.
    async fn allow(&self, lines: &str) {
        let superuser = "host all postgres 127.0.0.1/32 scram-sha-256";
        let all = format!("{superuser}\n{lines}");
        self.put("pg_hba.conf", &all).await;
        self.reload().await;
    }

    async fn reload(&self) {
        self.run("SELECT pg_reload_conf()").await;
        // the postmaster reads its files when its signal arrives: new sessions tell
        for _ in 0..200 {
            let session = plain(&self.server.superuser_url()).await;
            let on: String = session.query_one("SHOW ssl", &[]).await.expect("an answer").get(0);
            let wrong = "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL";
            let wrong: i64 = session.query_one(wrong, &[]).await.expect("an answer").get(0);
            assert_eq!(wrong, 0, "pg_hba.conf");
            if on == "on" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server does not encrypt:\n{}", self.server.log().unwrap_or_default());
    }

    async fn run(&self, sql: &str) {
        self.administrator.batch_execute(sql).await.expect(sql);
    }

    /// The URL of the application, at this host, with parameters; `ROOT` is the file of the authority.
    fn url(&self, host: &str, parameters: &str) -> String {
        let url = self.server.url().replace("127.0.0.1", host);
        let directory = self.files.path().display().to_string();
        format!("{url}?{}", parameters.replace("FILES", &directory))
    }

    /// Connects, and says whether the connection is encrypted.
    async fn encrypted(&self, host: &str, parameters: &str) -> Result<bool, Error> {
        let name = format!("probe_{}", flows_core::clock::uuid_v7().simple());
        let url = self.url(host, &format!("{parameters}&application_name={name}"));
        let store = PgStore::connect(&url).await?;
        let sql = format!(
            "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE application_name = '{name}'"
        );
        let row = self.administrator.query_one(&sql, &[]).await.expect("its connection");
        drop(store);
        Ok(row.get(0))
    }

    async fn check(&self, host: &str, parameters: &str, expected: Result<bool, &str>) {
        match (self.encrypted(host, parameters).await, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{host} {parameters}"),
            (Err(error), Err(words)) => {
                assert!(error.to_string().contains(words), "{host} {parameters}: {error}");
                assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
            }
            (found, expected) => panic!("{host} {parameters}: {found:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn every_mode_does_what_it_does_in_libpq() {
    let Some(server) = Encrypting::begin().await else { return };
    server.files.write("wrong.crt", &Authority::new("the wrong one").pem());
    let (right, wrong) = ("sslrootcert=FILES/root.crt", "sslrootcert=FILES/wrong.crt");
    let with = |mode: &str, root: &str| format!("sslmode={mode}&{root}");
    for mode in ["prefer", "require"] {
        server.check("127.0.0.1", &with(mode, "sslrootcert=FILES/none.crt"), Ok(true)).await;
    }
    for mode in ["disable", "allow"] {
        server.check("localhost", &with(mode, right), Ok(false)).await;
    }
    server.check("localhost", &with("verify-full", right), Ok(true)).await;
    server.check("127.0.0.1", &with("verify-ca", right), Ok(true)).await;
    server.check("127.0.0.1", &with("require", right), Ok(true)).await;
    server
        .check("127.0.0.1", &with("verify-full", right), Err("not for the host `127.0.0.1`"))
        .await;
    for mode in ["require", "verify-ca", "verify-full"] {
        server.check("localhost", &with(mode, wrong), Err("not signed by any of")).await;
    }
    server.check("localhost", &with("prefer", wrong), Ok(false)).await; // as libpq: it only prefers
    let none = with("verify-ca", "sslrootcert=FILES/none.crt");
    server.check("localhost", &none, Err("none.crt does not exist")).await;
    let system = "sslrootcert=system"; // which does not trust this authority, or has none
    assert!(server.encrypted("localhost", system).await.is_err());

    server.allow("hostssl all all all scram-sha-256").await;
    server.check("localhost", &with("allow", right), Ok(true)).await; // refused without
    server.allow("hostnossl all all all scram-sha-256").await;
    server.check("localhost", &with("prefer", right), Ok(false)).await; // refused with
}

#[tokio::test]
async fn client_certificates_and_channel_binding() {
    let Some(server) = Encrypting::begin().await else { return };
    let client = AUTHORITY.sign("app", &[]);
    server.files.write("client.crt", &client.certificate);
    server.files.write("client.key", &client.key);
    let own = "sslmode=require&sslcert=FILES/client.crt&sslkey=FILES/client.key";
    server.check("localhost", &format!("{own}&channel_binding=require"), Ok(true)).await;
    let plain = server.encrypted("localhost", "sslmode=disable&channel_binding=require").await;
    let plain = plain.expect_err("channel binding without TLS");
    assert!(plain.to_string().contains("channel_binding=require needs TLS"), "{plain}");
    assert_eq!(plain.kind(), ErrorKind::Configuration, "{plain}");

    server.allow("hostssl all all all scram-sha-256 clientcert=verify-full").await;
    server.check("localhost", own, Ok(true)).await;
    let without = server.encrypted("localhost", "sslmode=require").await.unwrap_err().to_string();
    assert!(without.contains("certificate"), "{without}");
    let lost = "sslmode=require&sslcert=FILES/client.crt&sslkey=FILES/none.key";
    server.check("localhost", lost, Err("none.key")).await;
    server.files.write("client.key", "what is no key");
    server.check("localhost", own, Err("cannot read the private key")).await;
}

#[tokio::test]
async fn a_client_certificate_of_version_1_is_as_good_and_what_is_wrong_with_one_is_said() {
    let Some(server) = Encrypting::begin().await else { return };
    let (old, authority) = certificates::of_version_1();
    let stranger = Authority::new("nobody").sign("app", &[]);
    for (name, identity) in [("old", &old), ("stranger", &stranger)] {
        server.files.write(&format!("{name}.crt"), &identity.certificate);
        server.files.write(&format!("{name}.key"), &identity.key);
    }
    server.put("ca.crt", &format!("{}\n{authority}", AUTHORITY.pem())).await;
    server.allow("hostssl all all all scram-sha-256 clientcert=verify-full").await;
    let own = |certificate: &str, key: &str| {
        format!("sslmode=require&sslcert=FILES/{certificate}.crt&sslkey=FILES/{key}.key")
    };
    server.check("localhost", &own("old", "old"), Ok(true)).await;
    let another = "is not that of the client's certificate";
    server.check("localhost", &own("stranger", "old"), Err(another)).await;
    let refused = "the server refuses the client's certificate";
    server.check("localhost", &own("stranger", "stranger"), Err(refused)).await;
}

#[tokio::test]
async fn what_a_server_lacks_is_said() {
    let expired = AUTHORITY.sign_expired("the server", &["localhost"]);
    let Some(server) = Encrypting::begin_with(expired, AUTHORITY.pem()).await else { return };
    let full = "sslmode=verify-full&sslrootcert=FILES/root.crt";
    server.check("localhost", full, Err("is not valid now")).await;
    server.check("localhost", "sslmode=require", Ok(true)).await;
    let version = "SELECT current_setting('server_version_num')::int";
    let version: i32 = server.administrator.query_one(version, &[]).await.unwrap().get(0);
    let direct = if version < 170_000 { Err("needs PostgreSQL 17 or later") } else { Ok(true) };
    server.check("localhost", "sslmode=require&sslnegotiation=direct", direct).await;
    server.run("ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1'").await;
    server.run("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.1'").await;
    server.reload().await;
    while server.encrypted("localhost", "sslmode=require").await.is_ok() {} // it has not read it yet
    server.check("localhost", "sslmode=require", Err("speaks no TLS that is safe")).await;
}

#[tokio::test]
async fn a_common_name_and_a_certificate_that_is_its_own_root_are_trusted_as_in_libpq() {
    let named = AUTHORITY.sign("localhost", &[]);
    let Some(server) = Encrypting::begin_with(named, AUTHORITY.pem()).await else { return };
    let full = "sslmode=verify-full&sslrootcert=FILES/root.crt";
    server.check("localhost", full, Ok(true)).await;
    server.check("127.0.0.1", full, Err("not for the host")).await;

    let itself = Authority::new("localhost");
    let Some(server) = Encrypting::begin_with(itself.itself(), itself.pem()).await else { return };
    server.check("localhost", full, Ok(true)).await;
    server.check("127.0.0.1", full, Err("not for the host")).await;
    server.check("127.0.0.1", "sslmode=verify-ca&sslrootcert=FILES/root.crt", Ok(true)).await;
}

#[tokio::test]
async fn a_server_without_tls_says_so() {
    let database = flows_pg::dev::fresh_database().await.unwrap();
    for mode in ["require", "verify-ca", "verify-full"] {
        let files = Files::new();
        let root = files.write("root.crt", &AUTHORITY.pem());
        let url = format!("{}?sslmode={mode}&sslrootcert={}", database.url(), root.display());
        let error = PgStore::connect(&url).await.unwrap_err();
        assert!(error.to_string().contains("the server does not support TLS"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
    PgStore::connect(database.url()).await.expect("`prefer` does without");
}

/// Waits until it listens, then for a hint.
async fn hears(store: &PgStore, from: &PgStore) {
    let soon = Duration::from_secs(10);
    let mut hints = store.subscribe().expect("hints");
    assert_eq!(timeout(soon, hints.recv()).await.expect("soon"), Some(Hint::Unsure));
    from.publish(Hint::Ready(vec![3]));
    assert_eq!(timeout(soon, hints.recv()).await.expect("soon"), Some(Hint::Ready(vec![3])));
}

#[tokio::test]
async fn notifications_come_over_tls_also_beside_the_applications_pool() {
    let Some(server) = Encrypting::begin().await else { return };
    server.allow("hostssl all all all scram-sha-256").await;
    let url = server.url("localhost", "sslmode=verify-full&sslrootcert=FILES/root.crt");
    let (here, there) =
        (PgStore::connect(&url).await.unwrap(), PgStore::connect(&url).await.unwrap());
    here.migrate().await.unwrap();
    hears(&here, &there).await;

    server.allow("host all all all scram-sha-256").await;
    let manager = Manager::new(server.server.url().parse().unwrap(), NoTls);
    let pool = Pool::builder(manager).max_size(2).build().unwrap();
    let engine = Engine::builder().pool(pool.clone()).url(&url).connect().await.unwrap();
    hears(engine.store().unwrap(), &there).await;
    let config = server.server.url().parse().unwrap();
    let engine = Engine::builder().pool(pool).connector(config, NoTls).connect().await.unwrap();
    hears(engine.store().unwrap(), &there).await;
}

#[tokio::test]
async fn of_several_servers_the_one_that_fits_is_taken() {
    let database = flows_pg::dev::fresh_database().await.unwrap();
    let (start, end) = database.url().split_once('@').unwrap();
    let (at, name) = end.split_once('/').unwrap();
    let url = |wanted| format!("{start}@127.0.0.1:1,{at}/{name}?target_session_attrs={wanted}");
    for wanted in ["any", "read-write", "primary", "prefer-standby"] {
        PgStore::connect(&url(wanted)).await.expect(wanted);
    }
    for (wanted, words) in [("standby", "a primary"), ("read-only", "it takes writes")] {
        let error = PgStore::connect(&url(wanted)).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains("refused"), "the first server is named too: {error}");
    }
    let read_only = format!("{}&options=-c%20default_transaction_read_only=on", url("read-only"));
    PgStore::connect(&read_only).await.expect("a session that takes no writes");
    let error = PgStore::connect(&read_only.replace("read-only", "read-write")).await.unwrap_err();
    assert!(
        error.to_string().contains("read-only, and target_session_attrs=read-write"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    for mode in ["disable", "require"] {
        let url =
            format!("postgres://u:s3cret@127.0.0.1:{port}/d?connect_timeout=1&sslmode={mode}");
        let connecting = timeout(Duration::from_secs(20), PgStore::connect(&url));
        let error = connecting.await.expect("it hangs").unwrap_err();
        assert!(error.to_string().contains("no session within 1s"), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

/// The request to cancel goes over a connection of its own, which must be encrypted as well.
#[tokio::test]
async fn what_is_given_up_over_tls_is_cancelled_on_the_server() {
    let Some(server) = Encrypting::begin().await else { return };
    let store = PgStore::connect(&server.url("localhost", "sslmode=require")).await.unwrap();
    store.migrate().await.unwrap();
    start(&store, &run(None)).await;
    let app = plain(&server.server.superuser_url()).await;
    app.batch_execute("BEGIN; LOCK TABLE flows.runs").await.unwrap();
    let from = RunKey { shard: 0, tenant: Uuid::nil(), run: Uuid::nil() };
    let scan = Scan { runs: ScanKind::Open, from, workflow: None, limit: 5 };
    let reading = timeout(Duration::from_secs(2), store.scan(&scan)); // locks may last
    assert!(reading.await.is_err(), "nothing was waited for");
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    for round in 0.. {
        let left: i64 = app.query_one(waiting, &[]).await.unwrap().get(0);
        if left == 0 {
            break;
        }
        assert!(round < 100, "{left} statements wait on for a lock");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
