//! Expansion, with arguments ``, of
//!
//! ```text
//! /// It ships.
//! #[should_panic]
//! async fn ships(env: TestEnv) {
//!     env.start(order::Input {}).await?;
//! }
//! ```

#[cfg_attr(test, ::core::prelude::v1::test)]
#[cfg_attr(not(test), allow(dead_code))]
/// It ships.
#[should_panic]
fn ships() {
    #[allow(unreachable_code, unused_braces)]
    async fn ships(env: TestEnv) -> ::flows::Result<()> {
        {
            env.start(order::Input {}).await?;
        }
        ::core::result::Result::Ok(())
    }
    ::flows::testing::passed(::flows::testing::on_memory(|env| ships(env)))
}
