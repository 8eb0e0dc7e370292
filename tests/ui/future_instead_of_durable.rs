//! Helpers that take any future, and lists of them.
use std::pin::Pin;

#[flows::durable]
async fn by_parameter<F: Future<Output = u64> + Send>(future: F) -> u64 {
    future.await
}

#[flows::durable]
async fn by_argument(future: impl Future<Output = u64> + Send) -> u64 {
    future.await
}

#[flows::durable]
async fn by_closure<F>(make: impl Fn() -> F + Send) -> u64
where
    F: Future<Output = u64> + Send,
{
    make().await
}

#[flows::durable]
async fn by_async_closure(make: impl AsyncFn() -> u64 + Send) -> u64 {
    make().await
}

#[flows::durable]
async fn boxed(futures: Vec<Pin<Box<dyn Future<Output = u64> + Send>>>) -> u64 {
    flows::join_all(futures).await.into_iter().sum()
}

fn main() {}
