//! Two definitions of one name: an error that names both places, when the registry is checked.

use flows::prelude::*;

mod orders {
    use flows::prelude::*;

    #[workflow]
    pub(super) async fn place(_: &WorkflowContext) -> Result<()> {
        Ok(())
    }

    #[workflow(version = 2, name = "place", module = "place_v2")]
    pub(super) async fn place_again(_: &WorkflowContext) -> Result<()> {
        Ok(())
    }

    #[activity(name = "charge")]
    pub(super) async fn charge_customer(cents: u64) -> Result<u64> {
        Ok(cents)
    }
}

#[workflow(name = "place")]
async fn place_bet(_: &WorkflowContext) -> Result<()> {
    Ok(())
}

#[activity]
async fn charge(cents: u64) -> Result<u64> {
    Ok(cents)
}

#[test]
fn all_duplicates_are_named_with_both_places() {
    let message = register_all!().check().unwrap_err().to_string();
    let file = "tests/macros_duplicates.rs";
    let activity = format!("activity `charge` is defined twice: at {file}:19 and at {file}:30");
    let workflow =
        format!("workflow `place` version 1 is defined twice: at {file}:9 and at {file}:25");
    assert!(message.contains(&activity), "{message}");
    assert!(message.contains(&workflow), "{message}");
}

/// Two definitions on one line of the source.
macro_rules! stamps {
    ($($module:ident)*) => {$(
        mod $module {
            use flows::prelude::*;

            #[activity(name = "stamp")]
            pub(super) async fn $module(cents: u64) -> Result<u64> {
                Ok(cents)
            }
        }
    )*};
}

stamps! { first second }

#[test]
fn duplicates_that_a_macro_makes_on_one_line_are_named() {
    let message = register_all!().check().unwrap_err().to_string();
    let line = line!() - 5;
    let file = "tests/macros_duplicates.rs";
    let twice = format!(
        "activity `stamp` is defined twice: at {file}:{line} and at {file}:{line}, by a macro"
    );
    assert!(message.contains(&twice), "{message}");
    use {first::first as one, second::second as other};
    assert!(register_all![one, other].check().is_err());
    register_all![one, one].check().unwrap();
}

#[test]
fn one_of_each_is_fine() {
    use orders::{place, place_v2};
    register_all![place, place_v2, charge, charge].check().unwrap();
    assert!(register_all![orders::charge_customer, charge].check().is_err());
}

/// A test without an environment needs no definitions, so it does not matter that some have one name.
#[flows::test]
async fn a_test_that_takes_nothing_runs() {
    assert!(
        flows::testing::TestEnv::with(register_all![charge]).calls(charge::Activity).is_empty()
    );
}

#[flows::test]
#[should_panic(expected = "is defined twice")]
async fn one_with_an_environment_says_what_to_do(_env: flows::testing::TestEnv) {}
