//! What every [`HookQueue`] must do, run against each backend. A case begins with an empty queue.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected is to fail where it stands"
)]

mod calls;
mod cluster;
mod fixture;
mod lanes;
mod letters;
mod redis;
mod redis_cluster;
mod redis_server;
mod sessions;

/// Runs each case against a fresh queue of each backend.
macro_rules! every_backend {
    ($($module:ident: $($case:ident),+ $(,)?;)+) => {
        every_backend!(on_sqlite, sqlite, $($module: $($case),+;)+);
        every_backend!(on_redis, redis, $($module: $($case),+;)+);

        /// One cluster for all cases: it takes seconds to come together.
        #[tokio::test]
        async fn every_case_on_a_redis_cluster() {
            let cluster = redis_cluster::RedisCluster::start();
            $($(crate::$module::$case(&fixture::Fixture::redis_cluster(&cluster)).await;)+)+
        }
    };
    ($backend:ident, $fixture:ident, $($module:ident: $($case:ident),+;)+) => {
        mod $backend {
            $(mod $module {
                $(#[tokio::test]
                async fn $case() {
                    crate::$module::$case(&crate::fixture::Fixture::$fixture()).await;
                })+
            })+
        }
    };
}

every_backend! {
    calls:
        calls_are_claimed_in_order_and_once,
        a_settled_call_is_gone,
        a_failed_call_comes_back_when_it_is_due,
        what_was_given_back_is_claimed_again,
        claimed_calls_survive_the_process,
        a_full_queue_refuses_the_last_calls,
        sequences_grow_though_the_clock_goes_back,
        a_clock_that_is_set_back_leaves_no_call_waiting_for_its_return,
        an_unreadable_call_is_a_dead_letter_and_holds_no_call_up,
        channels_and_apps_are_apart,
        the_backlog_counts_what_waits_and_what_runs,
        a_forgotten_app_leaves_nothing;
    lanes:
        one_call_of_a_lane_at_a_time_in_order,
        a_failed_call_holds_its_lane_back_and_no_other,
        a_dead_call_lets_its_lane_go_on,
        lanes_survive_the_process;
    sessions:
        sessions_of_a_dead_process_are_ended_once,
        sessions_of_the_living_process_go_on,
        a_session_is_noted_though_the_queue_is_full,
        sessions_of_a_forgotten_app_are_forgotten,
        an_old_session_is_ended_with_a_new_age;
    letters:
        dead_letters_tell_everything_newest_first,
        params_are_shown_when_asked_for,
        letters_are_chosen_by_id_or_hook,
        the_oldest_letters_go_beyond_the_bound,
        a_revived_letter_is_a_call_again,
        no_more_letters_are_revived_than_fit,
        discarded_letters_are_gone;
}
