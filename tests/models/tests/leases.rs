//! The lease of a node, as the IM core keeps it.
#![expect(clippy::unwrap_used, reason = "a task that cannot go on fails the test")]

use hookd_models::lease as subject;

#[path = "orders/leases.rs"]
mod orders;

#[test]
fn a_node_that_is_taken_for_dead_begins_nothing_that_another_one_has() {
    orders::a_node_that_is_taken_for_dead_begins_nothing_that_another_one_has();
}
