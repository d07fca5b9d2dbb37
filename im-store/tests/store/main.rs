//! What every store must do, run against each backend, and what is special about the embedded one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected is to fail where it stands"
)]

mod bans;
mod blacklists;
mod calls;
mod calls_of_operations;
mod conversations;
mod daily_users;
mod dead_letters;
mod differential;
mod edits;
mod fixture;
mod history;
mod import;
mod kicks;
mod kinds;
mod members;
mod messages;
mod missed_events;
mod nodes;
mod order_keys;
mod queries;
mod receipts;
mod retention;
mod settings;
mod sqlite;
mod standing;
mod stored_events;
mod subscriptions;
mod temporary;
mod unique;
mod views;

/// Runs each case against a fresh store of each backend.
macro_rules! every_backend {
    ($($module:ident: $($case:ident),+ $(,)?;)+) => {
        every_backend!(on_sqlite, sqlite, $($module: $($case),+;)+);
        every_backend!(on_postgres, postgres, $($module: $($case),+;)+);
    };
    ($backend:ident, $fixture:ident, $($module:ident: $($case:ident),+;)+) => {
        mod $backend {
            $(mod $module {
                $(#[tokio::test]
                async fn $case() {
                    crate::$module::$case(&crate::fixture::Fixture::$fixture().await).await;
                })+
            })+
        }
    };
}

every_backend! {
    retention:
        a_walk_meets_every_conversation_once_with_its_oldest_message,
        old_messages_are_deleted_in_small_steps_and_no_others,
        an_idle_conversation_is_deleted_with_all_that_is_stored_of_it;
    settings:
        saved_settings_replace_the_former_ones;
    conversations:
        created_conversation_is_found_as_it_was_given,
        conversation_of_another_app_does_not_exist;
    calls_of_operations:
        each_operation_has_its_call_with_what_only_the_store_knows,
        an_operation_that_changes_nothing_has_no_call,
        an_operation_goes_on_without_a_call,
        an_operation_goes_on_where_its_channel_is_full;
    calls:
        calls_are_claimed_in_order_and_once,
        a_payload_is_any_bytes,
        a_settled_call_is_gone,
        a_failed_call_comes_back_when_it_is_due,
        what_was_given_back_is_claimed_again,
        claimed_calls_survive_the_process,
        two_nodes_never_hold_the_same_call,
        nodes_that_work_at_the_same_time_make_each_call_once,
        a_node_settles_only_what_it_holds,
        a_full_channel_refuses_calls_and_no_other_channel_does,
        a_channel_is_full_at_so_many_bytes,
        numbers_grow_though_the_clock_goes_back,
        a_clock_that_is_set_back_leaves_no_call_waiting_for_its_return,
        channels_and_apps_are_apart,
        the_backlog_counts_what_waits_and_what_runs,
        a_forgotten_app_leaves_nothing;
    order_keys:
        one_call_of_a_key_at_a_time_in_order,
        a_failed_call_holds_its_key_back_and_no_other,
        a_dead_call_lets_its_key_go_on,
        keys_survive_the_process;
    nodes:
        sessions_of_a_dead_process_are_ended_once,
        sessions_of_living_nodes_go_on,
        a_node_whose_lease_is_over_is_ended_by_another,
        a_node_learns_that_others_ended_it,
        sessions_without_a_lease_are_ended,
        a_session_is_kept_though_its_channel_is_full,
        sessions_of_a_forgotten_app_are_forgotten,
        an_old_session_is_ended_with_a_new_age,
        more_sessions_than_one_write_takes_are_ended;
    dead_letters:
        dead_letters_say_everything_newest_first,
        payloads_are_shown_when_asked_for,
        letters_are_chosen_by_number_or_target,
        the_oldest_letters_go_beyond_the_limit,
        a_retried_letter_is_a_call_again,
        no_more_letters_are_retried_than_their_channel_has_room_for,
        discarded_letters_are_gone;
    import:
        imported_calls_keep_everything_and_come_once,
        imported_calls_go_before_newer_ones_of_their_key,
        numbers_given_later_are_greater_than_imported_ones,
        imported_calls_wait_until_they_are_due,
        dead_letters_are_imported_too;
    unique:
        same_members_in_any_order_find_the_first_conversation,
        current_members_decide_not_the_first_ones,
        ids_that_concatenate_alike_are_different_sets,
        ordinary_conversation_is_never_found,
        parallel_creates_end_with_one_conversation;
    edits:
        an_edit_changes_attributes_and_mutes_of_the_row_as_it_is,
        a_refused_edit_changes_nothing,
        edits_at_the_same_time_lose_nothing,
        an_edited_message_is_read_back_everywhere,
        each_change_of_a_message_is_later_than_the_one_before,
        changes_of_a_conversation_have_times_of_their_own,
        a_message_is_found_by_id_and_time,
        changed_messages_come_in_the_order_of_their_changes;
    kinds:
        a_conversation_is_of_the_kind_that_it_was_made_as,
        queries_find_conversations_by_their_kind,
        temporary_conversations_are_found_by_their_ids_only,
        any_client_sees_the_last_message_of_a_chat_room;
    members:
        added_members_come_last_and_present_ones_change_nothing,
        members_beyond_the_limit_are_refused,
        absent_members_are_as_asked_when_removed,
        stored_events_of_a_conversation_are_numbered,
        the_version_of_the_members_is_the_number_of_their_last_change,
        only_a_member_changes_members_where_that_is_asked,
        change_of_an_unknown_conversation_is_nothing;
    messages:
        timestamps_increase_even_when_the_clock_does_not,
        stored_message_is_read_back_as_it_was_sent,
        patch_is_later_than_its_message,
        repeated_token_answers_the_first_message_for_some_minutes,
        token_belongs_to_sender_and_conversation,
        message_to_an_unknown_conversation_is_nothing,
        a_message_to_former_members_is_not_stored,
        message_moves_the_conversation_up;
    standing:
        restrictions_are_counted_and_read_back,
        a_refused_change_of_standing_changes_nothing,
        restricted_clients_come_in_order_and_in_parts,
        a_message_of_a_sender_checked_before_the_change_is_not_stored,
        an_edit_is_decided_with_the_standing_of_the_author,
        blocked_members_are_removed_with_their_call,
        roles_are_kept_until_their_members_leave;
    bans:
        a_ban_is_there_until_its_time_is_over_or_it_is_taken_back,
        bans_are_bounded_and_read_in_parts;
    daily_users:
        so_many_clients_are_users_of_a_day_and_each_counts_once,
        clients_that_come_at_the_same_time_are_no_more_than_the_quota;
    blacklists:
        blocked_clients_and_those_that_refuse_are_not_added_by_others,
        a_list_of_refused_conversations_is_bounded_and_read_in_parts;
    subscriptions:
        a_subscription_keeps_its_first_time_until_it_ends,
        subscribers_come_in_the_order_of_their_times_and_in_parts,
        a_subscriber_mutes_and_nobody_else,
        rules_and_a_limit_decide_where_a_subscription_is_written,
        a_change_of_a_subscription_has_its_call,
        subscriptions_at_the_same_time_lose_nothing;
    views:
        a_view_has_what_was_sent_by_and_to_a_client_while_it_subscribed,
        a_view_is_read_in_parts,
        what_is_unread_of_a_view_is_told_with_the_rest,
        a_view_that_changed_since_a_time_is_told_also_when_all_is_read,
        so_many_subscriptions_of_a_client_are_remembered,
        messages_of_many_views_at_the_same_time_are_all_there,
        subscriptions_are_found_for_pushes_and_log_ins,
        deleted_messages_are_in_no_view,
        a_query_shows_the_last_message_of_the_view;
    stored_events:
        what_happened_in_a_conversation_is_read_in_its_order,
        events_after_a_number_and_not_before_a_time,
        a_page_of_events_comes_with_the_members_at_its_end,
        changes_of_members_are_gone_after_some_days,
        an_answer_begins_where_the_changes_of_members_are_known;
    temporary:
        unique_temporary_conversations_are_apart_from_others_and_end_with_their_life,
        nothing_finds_a_conversation_whose_life_is_over,
        expired_conversations_are_deleted_in_small_steps_and_no_others;
    history:
        ranges_in_both_directions,
        bound_with_an_id_compares_time_and_id,
        bounds_beyond_all_times_give_the_logical_result,
        only_messages_of_the_wanted_type,
        limit_is_a_hundred_at_most;
    receipts:
        messages_of_others_are_unread_until_they_are_read,
        what_was_said_before_a_member_came_is_not_unread,
        only_messages_that_were_for_the_client_count,
        a_mention_is_told_while_it_is_unread,
        at_most_a_hundred_messages_count,
        at_most_fifty_conversations_are_told_the_newest,
        what_changed_since_a_time_is_told_also_when_all_is_read,
        an_acknowledged_message_is_delivered_once,
        a_mark_does_not_cover_what_came_later,
        marks_never_go_back,
        a_client_that_is_no_member_marks_nothing;
    kicks:
        the_last_kick_of_a_client_counts,
        a_client_id_may_hold_any_character,
        a_kick_is_forgotten_when_all_from_before_has_expired;
    missed_events:
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
