//! What members may do to each other.

use crate::harness::Server;

#[test]
fn silenced_members_hear_and_do_not_speak() {
    Server::start().play("silenced_members");
}
