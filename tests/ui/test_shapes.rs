//! Functions that are no tests.

use flows::testing::TestEnv;

#[flows::test]
fn not_async(env: TestEnv) {
    drop(env);
}

#[flows::test]
async fn by_reference(env: &TestEnv) {
    let _ = env;
}

#[flows::test]
async fn too_much(env: TestEnv, other: TestEnv) {
    drop((env, other));
}

#[flows::test]
async fn something_else(number: u32) {
    let _ = number;
}

#[flows::test]
async fn generic<T>() {}

#[flows::test]
#[tokio::test]
async fn twice() {}

#[flows::test(postgress)]
async fn misspelt() {}

#[flows::test]
async fn gives_something(env: TestEnv) {
    drop(env);
    7
}

#[flows::test]
struct NoFunction;

struct Suite;

impl Suite {
    #[flows::test]
    async fn method(&self) {}
}

fn main() {}
