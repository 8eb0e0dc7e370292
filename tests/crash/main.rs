//! Workers that die or freeze: real processes on a real PostgreSQL, audited afterwards.
//!
//! Started without arguments this is a test program; with `worker` it is the worker that dies, and
//! with the name of a disk one of the tests that need a small one.
//! Each test first proves that the fault happened where it was meant to.

mod audit;
mod disk;
mod elsewhere;
mod gate;
mod lapsed;
mod ledger;
#[path = "../connections/log.rs"]
mod log;
mod outages;
mod poison;
mod process;
#[path = "../connections/proxy.rs"]
mod proxy;
mod switchover;
mod vanished;
#[path = "../shared/waiting.rs"]
mod waiting;
mod workflows;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => return process::work(),
        Some(disk::ONE_DISK) => return disk::work(false),
        Some(disk::TWO_DISKS) => return disk::work(true),
        _ => {}
    }
    let arguments = Arguments::from_args();
    let trials = vec![
        Trial::test("kill_9_of_a_worker_loses_nothing_g3_g5", || run(audit::kill_9())),
        Trial::test("a_worker_frozen_past_its_lease_is_fenced_g5", || run(audit::freeze())),
        Trial::test("a_worker_that_is_asked_to_stop_hands_back", || run(audit::sigterm())),
        Trial::test("a_database_that_crashes_every_3_seconds_loses_nothing", || {
            run(outages::crashes())
        }),
        Trial::test("a_switchover_loses_nothing", || run(switchover::switched_over())),
        Trial::test("a_full_disk_loses_nothing", || run(disk::full()))
            .with_ignored_flag(!disk::can_be_small()),
        Trial::test("no_room_to_write_ahead_loses_nothing", || run(disk::full_ahead()))
            .with_ignored_flag(!disk::can_be_small()),
        Trial::test(
            "locks_of_a_vanished_worker_end_with_its_lease",
            || run(vanished::taken_over()),
        ),
        Trial::test("locks_of_a_vanished_worker_end_by_its_limits", || run(vanished::limited())),
        Trial::test("an_activity_of_a_killed_worker_goes_on_in_another", || {
            run(elsewhere::taken_over())
        }),
        Trial::test("a_second_signal_ends_a_worker_at_once", || run(vanished::insisted())),
        Trial::test("an_activity_that_ends_its_process_fails", || run(poison::activity())),
        Trial::test("it_has_as_many_attempts_as_others", || {
            run(poison::activity_with_many_attempts())
        }),
        Trial::test("with_two_attempts_it_ends_three_processes", || {
            run(poison::activity_with_two_attempts())
        }),
        Trial::test("with_one_attempt_it_ends_one_process", || {
            run(poison::activity_with_one_attempt())
        }),
        Trial::test("a_transactional_activity_that_ends_its_process_fails", || {
            run(poison::transactional_activity())
        }),
        Trial::test("an_activity_that_overflows_its_stack_fails", || {
            run(poison::overflowing_activity())
        }),
        Trial::test(
            "an_activity_that_uses_all_memory_fails",
            || run(poison::exhausting_activity()),
        ),
        Trial::test("a_workflow_that_ends_its_process_is_stuck", || run(poison::workflow())),
        Trial::test("a_workflow_that_ends_its_process_behind_an_activity_is_stuck", || {
            run(poison::workflow_behind_an_activity())
        }),
        Trial::test("a_workflow_that_overflows_its_stack_is_stuck", || {
            run(poison::overflowing_workflow())
        }),
        Trial::test("runs_of_frozen_workers_are_innocent", || run(lapsed::freezes())),
        Trial::test("a_workflow_that_blocks_its_worker_is_stuck", || run(lapsed::workflow())),
        Trial::test("an_activity_that_blocks_its_worker_fails", || run(lapsed::activity())),
        Trial::test("a_workflow_that_blocks_a_thread_keeps_the_lease", || {
            run(lapsed::on_many_threads())
        }),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(test: impl Future<Output = flows::Result<()>>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(test).map_err(|error| Failed::from(format!("{error:#}")))
}
