//! What another node changes between the check and the commit counts: the lock of this process does not stop it.

use hookd_im_core::conversations;
use hookd_im_core::error::Code;
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages;
use hookd_im_core::store::{Conversations as _, MemberRules, MembershipRequest};

use crate::world::{Client, World, code, ids, message};

/// Tom and Jerry are members.
async fn scene() -> (World, Client, Client, ConversationId) {
    let world = World::new();
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let conversation = world.conversation(&mut tom, &["jerry"]).await;
    jerry.events();
    (world, tom, jerry, conversation)
}

/// As a client of another node would.
async fn removed_elsewhere(world: &World, conversation: &ConversationId, member: &str) {
    let request = MembershipRequest { members: ids(&[member]), ..request("jerry") };
    world.store.remove_members(&world.app.id, conversation, &request, None).await.unwrap().unwrap();
}

async fn added_elsewhere(world: &World, conversation: &ConversationId, member: &str) {
    let request = MembershipRequest { members: ids(&[member]), ..request("jerry") };
    world.store.add_members(&world.app.id, conversation, &request, 500, None).await.unwrap().unwrap();
}

fn request(by: &str) -> MembershipRequest {
    MembershipRequest {
        by: ids(&[by]).remove(0),
        members: Vec::new(),
        by_member_only: false,
        rules: MemberRules::default(),
    }
}

/// Does `meanwhile` after everything was checked, and before it is written.
async fn before_the_write<T>(world: &World, operation: impl Future<Output = T>, meanwhile: impl AsyncFnOnce()) -> T {
    let (comes, go_on) = world.store.before_write.next();
    let (done, ()) = tokio::join!(operation, async {
        comes.await.unwrap();
        meanwhile().await;
        go_on.send(()).unwrap();
    });
    done
}

#[tokio::test]
async fn a_sender_that_another_node_removed_does_not_post() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let (request, hi) = (tom.request(), message(&conversation, "hi"));
    let sent = before_the_write(&world, messages::send(&world.core, &request, hi), async || {
        removed_elsewhere(&world, &conversation, "tom").await;
    });
    assert_eq!(code(sent.await), Code::InvalidMessagingTarget);
    assert!(jerry.events().is_empty());
    assert!(world.history(&conversation).await.is_empty());
}

#[tokio::test]
async fn the_members_of_the_commit_get_the_message() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let mut butch = world.client("butch");
    let (request, hi) = (tom.request(), message(&conversation, "hi"));
    let sent = before_the_write(&world, messages::send(&world.core, &request, hi), async || {
        removed_elsewhere(&world, &conversation, "jerry").await;
        added_elsewhere(&world, &conversation, "butch").await;
    });
    sent.await.unwrap();
    assert!(jerry.events().is_empty());
    assert_eq!(butch.news(), ["tom says hi"]);
    assert_eq!(world.history(&conversation).await.len(), 1);
}

#[tokio::test]
async fn a_message_gives_up_where_the_members_change_all_the_time() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let request = tom.request();
    let (sent, ()) = tokio::join!(messages::send(&world.core, &request, message(&conversation, "hi")), async {
        for attempt in 0..8 {
            let (comes, go_on) = world.store.before_write.next();
            comes.await.unwrap();
            added_elsewhere(&world, &conversation, &format!("guest {attempt}")).await;
            go_on.send(()).unwrap();
        }
    });
    assert_eq!(code(sent), Code::InternalError);
    assert!(jerry.events().is_empty());
    assert!(world.history(&conversation).await.is_empty());
}

#[tokio::test]
async fn a_client_that_another_node_removed_acts_on_no_other() {
    let (world, tom, mut jerry, conversation) = scene().await;
    let request = tom.request();
    let adding = conversations::add(&world.core, &request, &conversation, ids(&["butch"]));
    let added = before_the_write(&world, adding, async || removed_elsewhere(&world, &conversation, "tom").await);
    assert_eq!(code(added.await), Code::ConversationMembershipRequired);
    added_elsewhere(&world, &conversation, "tom").await;
    let removing = conversations::remove(&world.core, &request, &conversation, ids(&["jerry"]));
    let removed = before_the_write(&world, removing, async || removed_elsewhere(&world, &conversation, "tom").await);
    assert_eq!(code(removed.await), Code::ConversationMembershipRequired);
    assert_eq!(world.row(&conversation).await.members, ids(&["jerry"]));
    assert!(jerry.events().is_empty());
}

#[tokio::test]
async fn a_client_that_another_node_removed_has_left_already() {
    let (world, mut tom, _jerry, conversation) = scene().await;
    let request = tom.request();
    let leaving = conversations::remove(&world.core, &request, &conversation, ids(&["tom"]));
    let left = before_the_write(&world, leaving, async || removed_elsewhere(&world, &conversation, "tom").await);
    assert_eq!(left.await.unwrap().allowed, ids(&["tom"]));
    assert!(tom.events().is_empty(), "the other node says so");
}
