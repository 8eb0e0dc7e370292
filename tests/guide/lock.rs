//! What the lock says of edits of the order.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use flows::prelude::*;
use flows::testing::{Lock, check_lock_of};

use crate::printed::assert_shown;

/// A build of the shop: its order takes these arguments and does this.
macro_rules! shop {
    ($name:ident, $charge:ident, |$ctx:ident $(, $more:ident: $of:ty)?| { $($body:tt)* }) => {
        mod $name {
            use flows::prelude::*;

            #[activity]
            pub(crate) async fn $charge(cents: u64) -> Result<u64> {
                Ok(cents)
            }

            #[activity]
            pub(crate) async fn email(text: String) -> Result<()> {
                drop(text);
                Ok(())
            }

            #[workflow]
            pub(crate) async fn order($ctx: &WorkflowContext, cents: u64 $(, $more: $of)?) -> Result<()> {
                $(let _ = $more;)?
                $charge($ctx, cents).await?;
                $($body)*
                $ctx.signal::<bool>("warehouse-ready").await?;
                email($ctx, "it is on its way".into()).await
            }

            pub(crate) fn build() -> Registry {
                flows::register_all![order, $charge, email]
            }
        }
    };
}

shop! { before, charge_payment, |ctx| {} }
shop! { mailed, charge_payment, |ctx| { email(ctx, "paid".into()).await?; } }
shop! { patched, charge_payment, |ctx| {
    if ctx.patched("paid-mail") {
        email(ctx, "paid".into()).await?;
    }
} }
shop! { currency, charge_payment, |ctx, currency: String| {} }
shop! { renamed, take_payment, |ctx| {} }

/// The lock of the build before, in a folder of the test's own.
fn lock_file(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guide").join(test);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let path = folder.join("flows.lock");
    std::fs::write(&path, Lock::of(&before::build()).to_text()).expect("a file of the test");
    path
}

/// What the test that users write fails with.
fn said(test: &str, edited: fn() -> Registry) -> String {
    let path = lock_file(test);
    let panic = catch_unwind(|| check_lock_of(&edited(), &path)).expect_err("it breaks open runs");
    panic.downcast_ref::<String>().expect("a message").clone()
}

#[test]
fn a_step_that_was_put_in() {
    assert_shown("determinism.md", &said("put_in", mailed::build));
}

/// Of these the guide shows what was found, without the head and the foot of the report.
#[track_caller]
fn assert_found(report: &str) {
    let found = report.split("\n\n").nth(1).expect("a head, what was found, a foot");
    assert_shown("determinism.md", found);
}

#[test]
fn a_new_parameter() {
    assert_found(&said("parameter", currency::build));
}

#[test]
fn an_activity_under_another_name() {
    assert_found(&said("renamed", renamed::build));
}

#[test]
fn a_patch_passes_and_is_written() {
    let path = lock_file("patched");
    let mut lock = Lock::parse(&std::fs::read_to_string(&path).expect("a lock"));
    let report = lock.as_mut().expect("it reads").compare(&Lock::of(&patched::build()));
    assert_shown(
        "determinism.md",
        &format!("{} was updated: commit it\n\n{report}", path.display()),
    );
}
