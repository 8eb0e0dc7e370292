//! Databases for one test: empty, with a name of their own, and gone afterwards.

use tokio_postgres::Client;

use crate::dev::fresh::{connect, on_url, sweep};
use crate::dev::{Database, PrivateServer};

async fn names(client: &Client) -> Vec<String> {
    let query = "SELECT datname::text FROM pg_database WHERE datname LIKE 'flows_test_%'";
    client.query(query, &[]).await.expect("lists").iter().map(|row| row.get(0)).collect()
}

async fn current(database: &Database) -> String {
    let client = connect(database.url()).await.expect("connects");
    client.query_one("SELECT current_database()::text", &[]).await.expect("asks").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_private_server() {
    let server = PrivateServer::start().await.expect("starts");
    let watch = connect(&server.url()).await.expect("connects");
    let (one, other) = tokio::join!(server.fresh_database(), server.fresh_database());
    let (one, other) = (one.expect("creates"), other.expect("creates"));
    assert_ne!(current(&one).await, current(&other).await);
    connect(one.superuser_url().expect("private")).await.expect("the superuser gets in");
    let user = connect(one.url()).await.expect("connects");
    user.batch_execute("CREATE TABLE mine (n int)").await.expect("app owns the database");

    drop((one, other));
    for _ in 0..500 {
        if names(&watch).await.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(names(&watch).await, [""; 0]);
    user.batch_execute("SELECT 1").await.expect_err("its sessions are cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_server_of_a_url() {
    let server = PrivateServer::start().await.expect("starts");
    let watch = connect(&server.url()).await.expect("connects");
    let database = on_url(&server.url()).await.expect("creates");
    assert_eq!(names(&watch).await, [current(&database).await]);
    assert!(database.superuser_url().is_none() && database.server().is_none());
    drop(database);
    assert_eq!(names(&watch).await, [""; 0], "gone at once");
}

#[tokio::test]
async fn a_role_that_may_not_create_databases_is_told_so() {
    let server = PrivateServer::start().await.expect("starts");
    let client = connect(&server.superuser_url()).await.expect("connects");
    client.batch_execute("CREATE ROLE weak LOGIN PASSWORD 'weak'").await.expect("creates");
    let url = format!("postgres://weak:weak@127.0.0.1:{}/app", server.port());
    let error = on_url(&url).await.expect_err("refused").to_string();
    expect_test::expect![[
        r#"create a database for a test (its role needs CREATEDB): db error: ERROR: permission denied to create database"#
    ]]
    .assert_eq(&error);
}

#[tokio::test]
async fn only_old_databases_of_ours_are_swept() {
    let server = PrivateServer::start().await.expect("starts");
    let client = connect(&server.url()).await.expect("connects");
    let now: i64 = client
        .query_one("SELECT extract(epoch FROM now())::bigint", &[])
        .await
        .expect("asks")
        .get(0);
    let young = format!("flows_test_{now}_abc");
    for name in ["flows_test_1_abc", &young, "flows_test_1_other"] {
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("creates");
    }
    sweep(&client).await;
    let mut left = names(&client).await;
    left.sort();
    assert_eq!(left, [&young, "flows_test_1_other"]);
}
