//! What the memory store adds to the contract: virtual time and hints in the process.

use std::time::Duration;

use super::MemoryStore;
use crate::store::Hint;
use crate::store::traits::*;

#[tokio::test(start_paused = true)]
async fn its_clock_is_tokios() {
    let store = MemoryStore::new();
    let before = store.now();
    tokio::time::sleep(Duration::from_secs(30 * 86_400)).await;
    let passed = store.now().since(before);
    assert!(passed >= Duration::from_secs(30 * 86_400), "{passed:?}");
    assert!(passed < Duration::from_secs(30 * 86_400 + 1), "{passed:?}");
}

#[tokio::test]
async fn a_hint_reaches_every_subscriber_of_every_handle() {
    let store = MemoryStore::new();
    let other = store.clone();
    let mut first = store.subscribe().expect("hints");
    let mut second = other.subscribe().expect("hints");
    drop(store.subscribe());
    store.publish(Hint::Ready(vec![3]));
    assert_eq!(first.recv().await, Some(Hint::Ready(vec![3])));
    assert_eq!(second.recv().await, Some(Hint::Ready(vec![3])));
}
