//! Rows, counts and refusals of queries.

use hookd_im_core::conversations;
use hookd_im_core::error::Code;
use hookd_im_core::ids::ConversationId;
use hookd_im_core::store::ConversationQuery;
use serde_json::json;

use crate::world::{Client, World, code, ids, object, refusal};

#[tokio::test]
async fn a_created_conversation_is_found_at_once_with_its_last_message() {
    let world = World::new();
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &["jerry"]).await;
    let sent = world.say(&tom, &id, "hi").await;
    let query = ConversationQuery { limit: 10, with_last_message: true, ..ConversationQuery::default() };
    let rows = conversations::find(&world.core, &tom.request(), query.clone()).await.unwrap();
    let [row] = &rows[..] else { panic!("one row") };
    for (key, value) in [
        ("objectId", json!(id)),
        ("m", json!(["jerry", "tom"])),
        ("muted", json!(false)),
        ("msg", json!("hi")),
        ("msg_mid", json!(sent.id)),
        ("lm", json!({ "__type": "Date", "iso": sent.timestamp.to_iso() })),
    ] {
        assert_eq!(row.get(key), Some(&value), "{key}");
    }
    let compact = ConversationQuery { compact: true, ..query };
    let rows = conversations::find(&world.core, &tom.request(), compact).await.unwrap();
    assert!(!rows[0].contains_key("m"));
}

/// F-10: the last message is part of the history.
#[tokio::test]
async fn the_last_message_is_shown_to_members_only() {
    let world = World::new();
    let (mut tom, spike) = (world.client("tom"), world.client("spike"));
    let id = world.conversation(&mut tom, &["jerry", "spike"]).await;
    world.say(&tom, &id, "secret").await;
    let filter = object(json!({ "objectId": id }));
    let query = ConversationQuery { filter, limit: 10, with_last_message: true, ..ConversationQuery::default() };
    let shown = async |client: &Client, compact| {
        let query = ConversationQuery { compact, ..query.clone() };
        let rows = conversations::find(&world.core, &client.request(), query).await.unwrap();
        rows[0].keys().any(|key| key.starts_with("msg") || key.starts_with("mention_") || key == "bin")
    };
    let stranger = world.client("stranger");
    for compact in [false, true] {
        assert!(shown(&spike, compact).await);
        assert!(!shown(&stranger, compact).await);
    }
    conversations::remove(&world.core, &tom.request(), &id, ids(&["spike"])).await.unwrap();
    assert!(!shown(&spike, false).await);
}

#[tokio::test]
async fn a_query_that_cannot_be_understood_says_why() {
    let world = World::new();
    let tom = world.client("tom");
    let filter = object(json!({ "name": { "$near": 1 } }));
    let query = ConversationQuery { filter, limit: 10, ..ConversationQuery::default() };
    let (code, _, detail) = refusal(conversations::find(&world.core, &tom.request(), query).await);
    assert_eq!(code, Code::ConversationQueryFailed);
    assert!(detail.unwrap().contains("$near"));
}

#[tokio::test]
async fn count_is_the_number_of_members() {
    let world = World::new();
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &["jerry", "spike"]).await;
    let butch = world.client("butch").request();
    assert_eq!(conversations::count(&world.core, &butch, &id).await.unwrap(), 3);
    let result = conversations::count(&world.core, &butch, &ConversationId::generate()).await;
    assert_eq!(code(result), Code::ConversationNotFound);
}
