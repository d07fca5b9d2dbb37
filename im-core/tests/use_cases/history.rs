//! Reading the history: allowed for members only.

use hookd_im_core::conversations;
use hookd_im_core::error::Code;
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages;

use crate::world::{World, code, ids, newest};

#[tokio::test]
async fn a_member_sees_messages_from_before_it_joined_and_others_see_none() {
    let world = World::new();
    let (mut tom, jerry) = (world.client("tom"), world.client("jerry"));
    let id = world.conversation(&mut tom, &[]).await;
    world.say(&tom, &id, "early").await;
    let refused = messages::history(&world.core, &jerry.request(), &id, newest(20)).await;
    assert_eq!(code(refused), Code::ConversationLogRejected);

    conversations::add(&world.core, &jerry.request(), &id, ids(&["jerry"])).await.unwrap();
    let seen = messages::history(&world.core, &jerry.request(), &id, newest(20)).await.unwrap().messages;
    assert_eq!(seen.len(), 1);
    assert!(messages::history(&world.core, &jerry.request(), &id, newest(0)).await.unwrap().messages.is_empty());
}

#[tokio::test]
async fn a_conversation_that_does_not_exist_has_no_history() {
    let world = World::new();
    let tom = world.client("tom");
    let result = messages::history(&world.core, &tom.request(), &ConversationId::generate(), newest(20)).await;
    assert_eq!(code(result), Code::ConversationNotFound);
}
