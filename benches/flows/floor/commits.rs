//! The floor of transactional activities: one-row commits on many connections, which PostgreSQL
//! flushes in groups.

use std::time::Instant;

use flows::prelude::*;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{bare, events};
use crate::lab;

/// Connections that commit at the same time.
const CONNECTIONS: u64 = 32;

/// Commits a second, each of one row.
pub(crate) async fn rate(commits: u64) -> Result<f64> {
    let database = lab::quiet_database().await?;
    bare::make_table(&lab::connect(database.url()).await?).await?;
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let client = lab::connect(database.url()).await?;
        let insert = client.prepare("INSERT INTO facts VALUES ($1, 0, $2)").await?;
        clients.push((client, insert));
    }
    let (mut tasks, began) = (JoinSet::new(), Instant::now());
    for (client, insert) in clients {
        tasks.spawn(async move {
            for _ in 0..commits / CONNECTIONS {
                client.execute(&insert, &[&Uuid::now_v7(), &events(0)]).await?;
            }
            Ok::<_, Error>(())
        });
    }
    tasks.join_all().await.into_iter().collect::<Result<()>>()?;
    Ok((commits / CONNECTIONS * CONNECTIONS) as f64 / began.elapsed().as_secs_f64())
}
