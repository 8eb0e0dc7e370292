//! Expansion, with arguments `postgres`, of
//!
//! ```text
//! /// It ships.
//! #[ignore]
//! async fn ships(env: TestEnv) -> Result<()> {
//!     env.start(order::Input {}).await?;
//!     Ok(())
//! }
//! ```

/// It ships.
#[cfg_attr(not(test), allow(dead_code))]
async fn ships(env: TestEnv) -> Result<()> {
    env.start(order::Input {}).await?;
    Ok(())
}
#[cfg_attr(not(test), allow(dead_code))]
mod ships {
    #[cfg_attr(test, ::core::prelude::v1::test)]
    #[cfg_attr(not(test), allow(dead_code))]
    #[ignore]
    pub(super) fn memory() -> impl ::std::process::Termination {
        ::flows::testing::on_memory(|env| super::ships(env))
    }
    #[cfg_attr(test, ::core::prelude::v1::test)]
    #[cfg_attr(not(test), allow(dead_code))]
    #[ignore]
    pub(super) fn postgres() -> impl ::std::process::Termination {
        ::flows::pg::testing::on_postgres(|env| super::ships(env))
    }
}
