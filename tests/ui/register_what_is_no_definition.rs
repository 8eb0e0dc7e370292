//! Something else than a definition in the list.
use flows::prelude::*;

async fn plain() {}

fn main() {
    let _ = flows::register_all![plain];
    let _ = flows::register_all![1 + 1];
    let _: Registry = flows::register_all!();
}
