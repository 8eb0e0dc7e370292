//! The README and the guide as documentation tests: each of their Rust snippets is compiled.
//!
//! Part of the facade only while documentation tests are collected. `tests/docs.rs` checks that no
//! page is missing here.

/// One module for each page, so that a failure names the page.
macro_rules! pages {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(#[doc = include_str!($file)] mod $name {})*
    };
}

pages! {
    readme = "../README.md",
    getting_started = "src/getting-started.md",
    activities = "src/activities.md",
    workflows = "src/workflows.md",
    determinism = "src/determinism.md",
    starting = "src/starting.md",
    schedules = "src/schedules.md",
    testing = "src/testing.md",
    workers = "src/workers.md",
    connecting = "src/connecting.md",
    tenants = "src/tenants.md",
    operating = "src/operating.md",
    telemetry = "src/telemetry.md",
    backup = "src/backup.md",
    scaling = "src/scaling.md",
    errors = "src/errors.md",
    reliability = "src/reliability.md",
    performance = "src/performance.md",
    glossary = "src/glossary.md",
}
