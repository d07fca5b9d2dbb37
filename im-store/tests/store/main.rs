//! What every [`Store`] must do, run against each backend, and what is special about the embedded one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected is to fail where it stands"
)]

mod calls;
mod conversations;
mod fixture;
mod history;
mod members;
mod messages;
mod notifications;
mod queries;
mod settings;
mod sqlite;
mod unique;

/// Runs each case against a fresh store of each backend.
macro_rules! every_backend {
    ($($module:ident: $($case:ident),+ $(,)?;)+) => {
        mod on_sqlite {
            $(mod $module {
                $(#[tokio::test]
                async fn $case() {
                    crate::$module::$case(&crate::fixture::Fixture::sqlite()).await;
                })+
            })+
        }
    };
}

every_backend! {
    settings:
        saved_settings_replace_the_former_ones;
    conversations:
        created_conversation_is_found_as_it_was_given,
        conversation_of_another_app_does_not_exist;
    calls:
        each_operation_has_its_call_with_what_only_the_store_knows,
        an_operation_that_changes_nothing_has_no_call,
        calls_leave_the_outbox_when_they_are_cleared,
        new_calls_are_left_to_their_requests;
    unique:
        same_members_in_any_order_find_the_first_conversation,
        current_members_decide_not_the_first_ones,
        ids_that_concatenate_alike_are_different_sets,
        ordinary_conversation_is_never_found,
        parallel_creates_end_with_one_conversation;
    members:
        added_members_come_last_and_present_ones_change_nothing,
        members_beyond_the_limit_are_refused,
        absent_members_are_as_asked_when_removed,
        change_of_an_unknown_conversation_is_nothing;
    messages:
        timestamps_increase_even_when_the_clock_does_not,
        stored_message_is_read_back_as_it_was_sent,
        patch_is_later_than_its_message,
        repeated_token_answers_the_first_message_for_some_minutes,
        token_belongs_to_sender_and_conversation,
        message_to_an_unknown_conversation_is_nothing,
        message_moves_the_conversation_up;
    history:
        ranges_in_both_directions,
        bound_with_an_id_compares_time_and_id,
        bounds_beyond_all_times_give_the_logical_result,
        only_messages_of_the_wanted_type,
        limit_is_a_hundred_at_most;
    notifications:
        times_increase_for_each_client,
        events_after_a_time_ascending_up_to_the_limit,
        events_are_gone_after_seven_days;
    queries:
        empty_filter_finds_the_conversations_of_the_asking_client,
        operators_select,
        wrong_filters_are_refused_by_name,
        rows_are_sorted_and_paged,
        last_message_comes_when_asked_for,
        compact_rows_come_without_members,
        answered_write_is_visible_at_once;
}
