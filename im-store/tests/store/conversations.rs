use hookd_im_core::ids::{AppId, ClientId};
use serde_json::json;

use crate::fixture::{Fixture, START, clients, object};

pub async fn created_conversation_is_found_as_it_was_given(fixture: &Fixture) {
    let attributes = json!({"name": "Planning", "attr": {"topic": ["a", 1, null]}});
    let created = fixture.create(&["tom", "jerry"], attributes.clone()).await;
    let found = fixture.conversation(&created.id).await;
    assert_eq!(found, created);
    assert_eq!(found.attributes, object(attributes));
    assert_eq!(found.creator, Some(ClientId::new("tom")));
    assert_eq!(found.members, clients(&["jerry", "tom"]));
    assert_eq!((found.created_at, found.updated_at), (START, START));
    assert_eq!((found.last_message_at, found.unique_id), (None, None));
}

pub async fn conversation_of_another_app_does_not_exist(fixture: &Fixture) {
    let created = fixture.create(&["tom"], json!({})).await;
    assert_eq!(fixture.store.conversation(&AppId::new("other"), &created.id).await.unwrap(), None);
}
