//! The contract suite: what every [`Store`] must do, as named cases.
//!
//! A store's test file turns them into tests with [`store_contract!`](crate::store_contract). Cases
//! know the trait alone. Each has a store of its own: what one worker tidies up in passing (leases
//! that are over, runs that are due) must not hide that another worker fails to.

mod attributes;
mod bench;
mod claiming;
mod closing_children;
mod delays;
mod ending;
mod fence;
mod forks;
mod leases;
mod looking;
mod messages;
mod messages_in_records;
mod owning;
mod pages;
mod pausing;
mod queries;
mod reruns;
mod scanning;
mod setbacks;
mod signalling;
mod starting;
mod streams;
mod tasks;
mod updates;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use self::bench::Bench;
use super::Store;

/// A case at work.
pub type CaseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A case: it panics where the store breaks the contract.
pub type Case = fn(Arc<dyn Store>) -> CaseFuture;

/// Runs one case by its name.
pub async fn run(name: &str, store: Arc<dyn Store>) {
    let case = cases().into_iter().find(|(known, _)| *known == name);
    let (_, case) = case.unwrap_or_else(|| panic!("there is no case `{name}`"));
    case(store).await;
}

macro_rules! contract {
    ($($group:ident: $($case:ident)+;)+) => {
        /// Every case, with its name.
        pub fn cases() -> Vec<(&'static str, Case)> {
            vec![$($((stringify!($case), (|store| {
                Box::pin($group::$case(Bench::new(store)))
            }) as Case),)+)+]
        }

        /// One test per case of the contract. The argument is an async function that gives an empty
        /// store as an `Arc<dyn Store>`, and what must live as long as the case; the calling crate
        /// has tokio among its dependencies.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! store_contract {
            ($make:path) => {
                $($(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        let (store, _alive) = $make().await;
                        $crate::store::contract::run(stringify!($case), store).await;
                    }
                )+)+
            };
        }
    };
}

contract! {
    pausing:
        a_pause_is_listed_until_it_ends
        a_look_says_when_something_else_is_paused
        a_description_names_the_pause;
    tasks:
        a_task_is_queued_with_its_record_and_only_then
        a_task_is_claimed_once
        a_task_ends_once_and_its_run_hears_of_it
        a_task_of_a_dead_worker_is_lost_and_ready
        a_task_that_is_handed_back_is_not_lost
        a_heartbeat_is_kept_for_the_next_worker
        a_task_that_no_worker_has_claimed_can_be_ended
        a_task_that_is_withdrawn_is_gone
        a_task_of_a_run_that_has_ended_says_so;
    starting:
        a_started_run_can_be_claimed_with_all_it_needs
        starts_are_answered_in_order_and_independent
        an_id_that_exists_is_rejected
        an_id_that_exists_can_be_used
        an_open_run_must_be_terminated_before_its_id_is_reused
        an_ended_run_gives_its_id_away_under_terminate_existing
        two_tenants_use_the_same_id
        of_racing_starts_one_wins;
    signalling:
        a_signal_starts_its_run
        a_signal_goes_to_the_open_run_of_its_id
        a_signal_behind_the_end_starts_what_the_policy_says
        a_start_takes_an_id_as_the_policy_says
        a_key_of_a_signal_is_received_once_also_behind_the_end
        a_signal_does_not_go_to_another_workflow
        of_racing_signals_one_starts;
    owning:
        a_run_can_be_owned_from_its_start
        claims_of_starts_differ
        who_has_no_lease_owns_no_start
        ids_that_are_taken_are_not_owned
        runs_owned_from_their_start_are_taken_over
        delayed_runs_are_owned_by_nobody
        a_start_that_comes_again_harms_no_other;
    delays:
        a_delayed_run_never_starts_early
        a_start_time_is_kept
        a_start_time_in_the_past_is_now
        message_does_not_start_a_delayed_run
        a_parked_run_wakes_when_it_is_due_and_not_before
        runs_that_nobody_ends_are_overdue_at_their_limit;
    claiming:
        claims_go_by_priority_then_age
        urgent_runs_of_many_lanes_come_first
        a_claim_takes_no_more_than_its_limit
        a_look_names_the_shards_with_work
        lanes_not_served_are_left_alone
        a_claim_reads_all_that_its_runs_have
        two_workers_never_claim_one_run;
    fence:
        a_history_is_dense
        a_second_row_at_a_position_is_lost_without_a_trace
        a_row_without_the_one_before_it_is_lost
        others_commit_although_one_record_lost
        an_owner_that_was_not_first_reloads
        what_is_not_owned_is_not_reloaded
        a_stale_worker_cannot_park
        a_stale_worker_that_closes_wins_or_loses_whole
        a_stale_worker_cannot_park_without_a_row
        only_the_first_owner_has_a_new_run
        a_stale_worker_cannot_close_without_a_row
        a_close_of_an_earlier_claim_is_lost
        a_run_that_has_closed_without_a_row_is_closed
        of_racing_rows_one_wins
        starts_are_kept_only_with_their_record
        letters_leave_only_with_a_winning_record;
    messages:
        message_before_the_first_turn_waits_in_order
        message_to_an_owned_run_raises_its_flag
        message_wakes_a_parked_run
        message_waits_with_a_stuck_run
        message_to_an_ended_run_is_refused
        message_to_nobody_is_refused
        a_raised_flag_refuses_parking
        letters_on_their_way_refuse_parking
        a_park_of_an_earlier_claim_is_refused
        letters_stay_until_they_are_consumed
        a_key_is_received_once
        a_key_holds_for_who_goes_on
        of_simultaneous_sends_of_a_key_one_is_received
        letters_keep_their_content
        message_of_a_claimed_run_is_not_flagged_again
        message_racing_with_parking_is_never_lost
        message_racing_with_claiming_is_never_lost
        racing_senders_are_numbered;
    messages_in_records:
        a_child_that_ends_wakes_its_parked_parent
        message_in_a_record_raises_the_flag_of_an_owner
        message_in_a_record_to_an_ended_run_is_dropped
        requests_in_a_record_follow_a_run_to_where_it_goes_on
        a_parent_parks_while_its_child_ends_in_one_batch
        a_child_ends_while_its_parent_parks_in_one_batch
        a_run_that_writes_to_itself_is_not_put_down
        message_reaches_a_run_started_by_the_same_record
        message_in_a_record_is_received_once
        a_child_whose_id_is_taken_has_ended_for_its_parent
        a_child_takes_the_id_of_a_run_that_has_ended;
    pages:
        an_inbox_is_read_by_the_page
        a_page_has_few_bytes
        a_large_letter_is_read_alone
        collecting_gives_a_page
        what_comes_between_pages_is_read
        a_large_journal_is_read_alone
        large_inputs_are_read_alone;
    leases:
        a_lapsed_workers_runs_are_taken_over
        a_live_workers_runs_stay
        a_live_worker_beside_dead_ones_keeps_its_runs
        a_worker_without_a_lease_claims_nothing
        a_renewal_that_came_too_late_says_so
        a_retired_workers_runs_are_ready_at_once;
    setbacks:
        a_run_that_lost_its_worker_says_so
        a_run_that_was_handed_back_has_no_setbacks
        a_worker_that_retires_too_late_is_a_dead_one
        at_the_second_setback_a_run_waits_to_be_tried_alone
        one_suspect_is_claimed_at_a_time
        setbacks_go_on_until_they_are_cleared
        a_record_that_only_clears_is_kept
        a_suspect_that_only_waits_is_none_any_more
        a_suspect_that_is_handed_back_is_tried_by_others
        stuck_runs_are_claimed_when_they_are_due
        stuck_runs_are_due_when_a_worker_registers
        what_ends_workers_is_not_due_when_a_worker_registers
        who_sleeps_is_not_due_when_a_worker_registers
        who_does_not_own_a_run_clears_nothing
        who_has_no_lease_claims_nothing_that_is_stuck
        a_worker_that_comes_back_takes_its_setbacks_back
        a_worker_that_comes_back_first_takes_its_setbacks_back
        setbacks_are_taken_back_wherever_a_run_is
        who_was_convicted_is_tried_again_without_a_setback
        a_live_worker_takes_nothing_back
        stuck_runs_are_listed_and_tried_again;
    attributes:
        a_run_has_the_attributes_of_its_start
        the_last_value_of_an_attribute_counts
        a_record_that_is_lost_sets_nothing
        a_successor_keeps_attributes
        lists_ask_for_attributes;
    queries:
        the_last_value_of_a_name_is_read
        a_record_that_only_publishes_is_kept
        a_record_that_is_lost_publishes_nothing
        an_older_value_does_not_replace_a_newer_one;
    streams:
        items_are_read_in_order_from_any_position
        items_with_numbers_are_added_once
        items_go_with_their_record
        items_of_activities_come_between_and_not_after_the_end
        the_newest_items_are_kept
        items_of_many_runs_are_written_together;
    updates:
        an_answer_is_kept_with_its_row
        a_refusal_removes_its_message
        a_refusal_of_who_does_not_own_the_run_is_nothing
        the_end_is_the_answer_to_what_was_not_answered;
    ending:
        an_ended_run_has_an_outcome_and_no_place
        signals_that_came_too_late_stay_with_their_run
        only_ended_runs_have_outcomes
        a_terminated_run_ends_wherever_it_is
        termination_makes_the_owner_lose
        a_termination_tells_the_parent_once
        a_run_ends_once
        a_successor_inherits_the_messages
        a_successor_inherits_messages_though_it_is_sent_none
        a_successor_takes_over_the_id
        a_successor_makes_no_dead_letter
        only_failures_make_dead_letters;
    closing_children:
        open_children_are_told_that_their_parent_was_ended
        a_record_that_ends_a_run_tells_its_children
        a_record_that_is_lost_tells_no_child
        children_that_have_ended_or_are_others_are_not_told
        a_stuck_child_that_is_to_be_terminated_is_due
        who_goes_on_for_a_child_is_told;
    reruns:
        a_dead_letter_is_listed_until_it_is_rerun
        a_rerun_keeps_the_lineage_and_the_id
        what_did_not_fail_is_not_rerun
        of_racing_reruns_one_wins
        a_rerun_does_not_take_an_id_from_another_run
        a_dead_letter_is_dismissed_once_and_can_be_rerun;
    forks:
        a_fork_has_the_rows_that_are_copied_and_those_that_are_written
        a_fork_is_read_by_who_claims_it
        a_fork_knows_where_it_is_from_and_the_other_run_knows_it
        a_fork_that_takes_nothing_leaves_the_other_run_alone
        a_place_is_taken_from_an_open_run_with_its_signals
        a_place_is_taken_once
        forks_are_made_all_or_none
        of_racing_resets_one_wins;
    looking:
        a_description_says_where_a_run_is
        a_list_is_newest_first_and_limited
        a_list_is_filtered
        newest_is_by_the_stores_time
        pages_of_a_list_follow_each_other
        a_list_has_payloads_if_asked
        a_page_is_bounded_by_its_payloads
        runs_are_counted_and_found_by_their_end
        filters_go_together
        a_list_shows_one_tenant
        another_tenant_reaches_nothing
        an_id_is_found_by_tenant
        a_description_tells_of_a_request_to_cancel;
    scanning:
        a_scan_gives_every_open_run_once_shard_by_shard
        a_scan_gives_what_a_claim_would
        a_scan_gives_closed_runs_newest_first
        a_scan_is_of_one_workflow
        a_scan_touches_nothing;
}
