//! What a private server offers, and that a restart keeps it.

use crate::dev::fresh::connect;
use crate::dev::{Mode, PrivateServer};

async fn text(url: &str, query: &str) -> String {
    let client = connect(url).await.expect("connects");
    client.query_one(query, &[]).await.expect(query).get(0)
}

#[tokio::test]
async fn it_hands_out_a_role_like_in_production() {
    let server = PrivateServer::start().await.expect("starts");
    let role = "SELECT format('%s %s %s %s', current_user, rolsuper, rolbypassrls, rolcreatedb) \
                FROM pg_roles WHERE rolname = current_user";
    assert_eq!(text(&server.url(), role).await, "app f f t");
    assert_eq!(text(&server.superuser_url(), role).await, "postgres t t t");
    let owner = "SELECT pg_get_userbyid(datdba)::text FROM pg_database \
                 WHERE datname = current_database()";
    assert_eq!(text(&server.url(), owner).await, "app");
}

#[tokio::test]
async fn it_is_as_durable_as_in_production() {
    let server = PrivateServer::start().await.expect("starts");
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(text(&server.url(), &format!("SHOW {setting}")).await, "on", "{setting}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let server = PrivateServer::start().await.expect("starts");
    for role in ["app", "postgres"] {
        let url = format!("postgres://{role}:guess@127.0.0.1:{}/app", server.port());
        let error = connect(&url).await.expect_err("no entry").to_string();
        assert!(error.contains("password authentication failed"), "{error}");
    }
}

#[tokio::test]
async fn statistics_of_statements_are_there_when_postgres_has_them() {
    let server = PrivateServer::start().await.expect("starts");
    let available = "SELECT count(*)::text FROM pg_available_extensions \
                     WHERE name = 'pg_stat_statements'";
    if text(&server.url(), available).await == "0" {
        println!("this PostgreSQL comes without pg_stat_statements");
        return;
    }
    let client = connect(&server.url()).await.expect("connects");
    client.batch_execute("SELECT pg_stat_statements_reset()").await.expect("app may reset");
    client.batch_execute("SELECT 1 AS seen").await.expect("runs");
    let seen = "SELECT count(*)::text FROM pg_stat_statements WHERE query LIKE 'SELECT $1 AS seen'";
    assert_eq!(text(&server.url(), seen).await, "1");
}

#[tokio::test]
async fn settings_can_be_given() {
    let server = PrivateServer::start_with(&[("work_mem", "7MB")]).await.expect("starts");
    assert_eq!(text(&server.url(), "SHOW work_mem").await, "7MB");
    let error = PrivateServer::start_with(&[("no_such_setting", "1")]).await.expect_err("refused");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn a_restart_keeps_the_data_and_breaks_the_sessions() {
    let server = PrivateServer::start().await.expect("starts");
    let url = server.url();
    let client = connect(&url).await.expect("connects");
    client.batch_execute("CREATE TABLE kept (n int)").await.expect("creates");
    for (mode, proof) in [(Mode::Fast, "fast shutdown"), (Mode::Immediate, "immediate shutdown")] {
        let session = connect(&url).await.expect("connects");
        session.batch_execute("INSERT INTO kept VALUES (1)").await.expect("inserts");
        server.restart(mode).await.expect("restarts");
        assert!(server.log().expect("log").contains(proof), "{mode:?}");
        session.batch_execute("SELECT 1").await.expect_err("the session is broken");
    }
    assert_eq!(text(&url, "SELECT count(*)::text FROM kept").await, "2");
}

#[tokio::test]
async fn many_restarts_one_after_the_other() {
    let server = PrivateServer::start().await.expect("starts");
    for round in 0..10 {
        let mode = if round % 2 == 0 { Mode::Immediate } else { Mode::Fast };
        server.restart(mode).await.expect("restarts");
        assert_eq!(text(&server.url(), "SELECT 'up'").await, "up");
    }
}

#[tokio::test]
async fn restarts_at_one_time_take_turns() {
    let server = PrivateServer::start().await.expect("starts");
    let (one, other) = tokio::join!(server.restart(Mode::Fast), server.restart(Mode::Immediate));
    one.and(other).expect("both restart");
    assert_eq!(text(&server.url(), "SELECT 'up'").await, "up");
    let log = server.log().expect("log");
    assert!(log.contains("fast shutdown") && log.contains("immediate shutdown"), "{log}");
}
