//! `#[activity(transaction)]`, on a stand-in for the database: the body runs inside of what
//! `in_transaction` opens and closes, and nothing else.

use std::sync::Mutex;

use flows::prelude::*;

use super::{driver, world};

/// Where `crate = "…"` says the library is.
mod library {
    pub(crate) use flows::__private;

    pub(crate) mod pg {
        use std::sync::Mutex;

        #[derive(Default)]
        pub(crate) struct Transaction<'a> {
            pub(crate) log: Mutex<Vec<String>>,
            connection: std::marker::PhantomData<&'a mut ()>,
        }

        impl Transaction<'_> {
            pub(crate) async fn execute(&self, statement: &str) -> flows::Result<u64> {
                tokio::task::yield_now().await;
                self.log.lock().unwrap().push(statement.to_owned());
                Ok(1)
            }
        }

        pub(crate) mod __private {
            use super::Transaction;

            pub(crate) async fn in_transaction<T>(
                ctx: &flows::ActivityContext,
                body: impl AsyncFnOnce(&Transaction<'_>) -> flows::Result<T>,
            ) -> flows::Result<T> {
                assert_eq!(ctx.attempt(), 1);
                let tx = Transaction::default();
                tokio::task::yield_now().await;
                let result = body(&tx).await;
                let end = if result.is_ok() { "commit" } else { "rollback" };
                tx.execute(end).await?;
                super::super::super::LOG.lock().unwrap().append(&mut tx.log.lock().unwrap());
                result
            }
        }
    }
}

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

use library::pg::Transaction;

#[activity(transaction, crate = "crate::transaction::library")]
async fn debit(tx: &Transaction<'_>, account: String, cents: u64) -> Result<u64> {
    tx.execute(&format!("debit {account}")).await?;
    if cents == 0 { Err(Error::terminal("nothing to debit")) } else { Ok(cents) }
}

#[activity(transaction, crate = "crate::transaction::library")]
async fn credit(ctx: &ActivityContext, tx: &Transaction<'_>, mut cents: u64) -> Result<u64> {
    cents += u64::from(ctx.attempt());
    tx.execute("credit").await?;
    Ok(cents)
}

#[workflow(crate = "crate::transaction::library")]
async fn transfer(ctx: &WorkflowContext, cents: u64) -> Result<(u64, u64)> {
    let both = flows::try_join!(debit(ctx, "a".into(), cents), async { credit(ctx, cents).await });
    flows::select! {
        both = std::future::ready(both) => both,
        _ = ctx.cancelled() => Err(Error::terminal("cancelled")),
    }
}

#[test]
fn body_runs_inside() {
    let world = world().with::<debit::Activity>().with::<credit::Activity>();
    assert_eq!(world.run(transfer::Input { cents: 5 }).unwrap(), (5, 6));
    assert!(world.run(transfer::Input { cents: 0 }).is_err());
    let log = LOG.lock().unwrap().join(", ");
    assert_eq!(log, "debit a, commit, credit, commit, debit a, rollback");

    let tx = Transaction::default();
    assert_eq!(driver::block_on(debit::run(&tx, "b".into(), 7)).unwrap(), 7);
    assert_eq!(*tx.log.lock().unwrap(), ["debit b"]);
    let ctx = ActivityContext::test();
    assert_eq!(driver::block_on(credit::run(&ctx, &tx, 7)).unwrap(), 8);
}
