//! Faults that are planted into the turns and the locks, and found: the models can fail. `build.rs` says what each of them is.
#![allow(dead_code, reason = "each fault is looked for with one of the models")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a task that cannot go on fails the test")]

mod forgotten_wake_up {
    use hookd_models::planted::forgotten_wake_up as subject;

    mod orders {
        include!("orders/turns.rs");
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_guest_that_is_never_woken_is_found() {
        orders::an_app_with_many_guests_costs_another_one_no_more_than_its_share();
    }
}

mod no_line_of_the_app {
    use hookd_models::planted::no_line_of_the_app as subject;

    mod orders {
        include!("orders/turns.rs");
    }

    #[test]
    #[should_panic(expected = "ticks of the loud app came first")]
    fn a_loud_app_is_found() {
        orders::an_app_with_many_guests_costs_another_one_no_more_than_its_share();
    }
}

mod kept_place {
    use hookd_models::planted::kept_place as subject;

    mod orders {
        include!("orders/turns.rs");
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_place_that_is_not_given_back_is_found() {
        orders::a_call_that_is_given_up_keeps_no_turn();
    }
}

mod no_second_look {
    use hookd_models::planted::no_second_look as subject;

    mod orders {
        include!("orders/fair_turns.rs");
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_call_that_is_forgotten_in_line_is_found() {
        orders::nobody_is_forgotten_where_there_is_one_turn();
    }
}

mod kept_turn {
    use hookd_models::planted::kept_turn as subject;

    mod orders {
        include!("orders/fair_turns.rs");
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn a_turn_that_is_not_given_back_is_found() {
        orders::nobody_is_forgotten_where_there_is_one_turn();
    }
}

mod uncounted_claims {
    use hookd_models::planted::uncounted_claims as subject;

    mod orders {
        include!("orders/conversation_locks.rs");
    }

    #[test]
    #[should_panic(expected = "two hold one conversation")]
    fn a_lock_that_is_taken_away_is_found() {
        orders::one_holds_a_conversation_and_nothing_is_left_of_its_lock();
    }
}

mod kept_entry {
    use hookd_models::planted::kept_entry as subject;

    mod orders {
        include!("orders/conversation_locks.rs");
    }

    #[test]
    #[should_panic(expected = "a lock outlives its holders")]
    fn a_lock_that_is_left_behind_is_found() {
        orders::one_holds_a_conversation_and_nothing_is_left_of_its_lock();
    }
}

mod unshared_locks {
    use hookd_models::planted::unshared_locks as subject;

    mod orders {
        include!("orders/conversation_locks.rs");
    }

    #[test]
    #[should_panic(expected = "two hold one conversation")]
    fn locks_that_exclude_no_task_are_found() {
        orders::one_holds_a_conversation_and_nothing_is_left_of_its_lock();
    }
}

mod unseen_news {
    use hookd_models::planted::unseen_news as subject;

    mod orders {
        include!("orders/workers.rs");
    }

    #[test]
    #[should_panic(expected = "a call is forgotten")]
    fn a_worker_that_does_not_see_a_call_is_found() {
        orders::every_call_is_made_once_and_no_channel_has_two_workers();
    }
}

mod kept_worker {
    use hookd_models::planted::kept_worker as subject;

    mod orders {
        include!("orders/workers.rs");
    }

    #[test]
    #[should_panic(expected = "a call is forgotten")]
    fn a_worker_that_ends_before_its_calls_is_found() {
        orders::every_call_is_made_once_and_no_channel_has_two_workers();
    }
}

mod kept_term {
    use hookd_models::planted::kept_term as subject;

    mod orders {
        include!("orders/leases.rs");
    }

    #[test]
    #[should_panic(expected = "another node has it")]
    fn a_node_that_keeps_what_it_lost_is_found() {
        orders::a_node_that_is_taken_for_dead_begins_nothing_that_another_one_has();
    }
}

mod endless_lease {
    use hookd_models::planted::endless_lease as subject;

    mod orders {
        include!("orders/leases.rs");
    }

    #[test]
    #[should_panic(expected = "another node has it")]
    fn a_node_that_does_not_know_that_its_lease_is_over_is_found() {
        orders::a_node_that_is_taken_for_dead_begins_nothing_that_another_one_has();
    }
}
