//! The bare floor: every fact of a run is a row in one table, and nothing is ever updated.

use flows::pg::tokio_postgres::{Client, Statement};
use flows::prelude::*;

use super::{Row, Write, events, prepare};

pub(super) async fn make_table(client: &Client) -> Result<()> {
    let table = "CREATE TABLE facts (run_id uuid, position integer, fact bytea NOT NULL,
                                     PRIMARY KEY (run_id, position))";
    Ok(client.batch_execute(table).await?)
}

pub(super) struct Writer {
    client: Client,
    insert: Statement,
    events: Vec<u8>,
}

impl Writer {
    pub(super) async fn new(client: Client, payload: usize) -> Result<Self> {
        let insert = "INSERT INTO facts (run_id, position, fact)
                      SELECT * FROM unnest($1::uuid[], $2::integer[], $3::bytea[])";
        let insert = prepare(&client, insert).await?;
        Ok(Self { client, insert, events: events(payload) })
    }
}

impl Write for Writer {
    async fn write(&mut self, batch: &[Row]) -> Result<()> {
        let runs = batch.iter().map(|row| row.run).collect::<Vec<_>>();
        let positions = batch.iter().map(|row| row.position).collect::<Vec<_>>();
        let facts = vec![self.events.as_slice(); batch.len()];
        self.client.execute(&self.insert, &[&runs, &positions, &facts]).await?;
        Ok(())
    }
}
