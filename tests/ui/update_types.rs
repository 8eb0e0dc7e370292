//! Types of an update that cannot travel.
use flows::prelude::*;

struct Cart;

struct CartError;

#[update(response = Cart)]
struct Show;

#[update(error = CartError)]
struct Add;

fn main() {}
