//! Attributes on the wrong kind of item.
use flows::prelude::*;

#[activity]
struct Charge;

#[workflow]
mod orders {}

#[flows::durable]
const HELPER: u8 = 0;

#[flows::signal]
fn ready() {}

#[flows::signal]
struct Generic<T>(T);

trait Notify {
    #[flows::durable]
    async fn notify(&self) -> Result<()>;
}

fn main() {
    let _ = (Charge, HELPER, ready());
}
