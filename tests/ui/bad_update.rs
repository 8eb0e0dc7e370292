//! Mistakes with the attribute of an update.
use flows::prelude::*;

#[update(respons = usize)]
struct Typo;

#[update(response = "usize", error = "CartError", name = 4)]
struct Quoted {
    item: String,
}

#[update(response = usize, response = u8)]
struct Twice;

#[update]
struct Generic<T>(T);

#[update]
fn function() {}

#[update]
union Either {
    a: u8,
    b: u16,
}

fn main() {}
