//! Mocks of another type than the activity's.

use flows::prelude::*;
use flows::testing::TestEnv;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Receipt {
    id: u64,
}

#[activity]
async fn charge(customer: String, cents: u64) -> Result<Receipt> {
    let _ = customer;
    Ok(Receipt { id: cents })
}

#[flows::test]
async fn wrong_output(env: TestEnv) {
    env.mock(charge::Activity, |input| Ok(input.cents));
}

#[flows::test]
async fn wrong_field(env: TestEnv) {
    env.mock(charge::Activity, |input| Ok(Receipt { id: input.amount }));
}

#[flows::test]
async fn no_result(env: TestEnv) {
    env.mock(charge::Activity, |input| Receipt { id: input.cents });
}

#[flows::test]
async fn wrong_value(env: TestEnv) {
    env.mock_value(charge::Activity, 7);
}

#[flows::test]
async fn not_an_activity(env: TestEnv) {
    env.mock(charge, |_| Ok(()));
}

fn main() {}
