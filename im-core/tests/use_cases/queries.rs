//! Rows, counts and refusals of queries.

use hookd_im_core::conversations;
use hookd_im_core::error::Code;
use hookd_im_core::ids::ConversationId;
use hookd_im_core::store::ConversationQuery;
use serde_json::json;

use crate::world::{World, code, object, refusal};

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
