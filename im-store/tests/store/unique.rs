use std::collections::HashSet;
use std::sync::Arc;

use futures::future::join_all;
use hookd_im_core::store::CreatedConversation;
use serde_json::json;

use crate::fixture::{Fixture, asked, new_conversation, object};

async fn create(fixture: &Fixture, members: &[&str]) -> CreatedConversation {
    fixture.store.create_conversation(&fixture.app, new_conversation(members, true), None).await.unwrap().row
}

pub async fn same_members_in_any_order_find_the_first_conversation(fixture: &Fixture) {
    let mut new = new_conversation(&["alice", "bob"], true);
    new.attributes = object(json!({"name": "first"}));
    let first = fixture.store.create_conversation(&fixture.app, new, None).await.unwrap().row;
    assert!(!first.existing);
    assert_eq!(first.conversation.unique_id.as_deref(), Some("ec0048c7d6b5a11cdb261b71a813eff3"));
    let second = create(fixture, &["bob", "alice"]).await;
    assert!(second.existing);
    assert_eq!(second.conversation, first.conversation);
}

pub async fn current_members_decide_not_the_first_ones(fixture: &Fixture) {
    let pair = create(fixture, &["alice", "bob"]).await.conversation;
    fixture.store.add_members(&fixture.app, &pair.id, &asked(&["carol"]), 500, None).await.unwrap().unwrap();

    let three = create(fixture, &["alice", "bob", "carol"]).await;
    assert!(three.existing);
    assert_eq!(three.conversation.id, pair.id);
    assert_eq!(three.conversation.unique_id, pair.unique_id);

    let new_pair = create(fixture, &["alice", "bob"]).await;
    assert!(!new_pair.existing);
    assert_ne!(new_pair.conversation.id, pair.id);

    fixture.store.remove_members(&fixture.app, &pair.id, &asked(&["carol"]), None).await.unwrap().unwrap();
    let oldest = create(fixture, &["alice", "bob"]).await;
    assert_eq!(oldest.conversation.id, pair.id);
}

pub async fn ids_that_concatenate_alike_are_different_sets(fixture: &Fixture) {
    let first = create(fixture, &["ab", "c"]).await.conversation;
    let second = create(fixture, &["a", "bc"]).await;
    assert!(!second.existing);
    assert_eq!(second.conversation.unique_id, first.unique_id);
}

pub async fn ordinary_conversation_is_never_found(fixture: &Fixture) {
    fixture.create(&["alice", "bob"], json!({})).await;
    assert!(!create(fixture, &["alice", "bob"]).await.existing);
}

pub async fn parallel_creates_end_with_one_conversation(fixture: &Fixture) {
    let creates = (0..20).map(|_| {
        let (store, app) = (Arc::clone(&fixture.store), fixture.app.clone());
        tokio::spawn(
            async move { store.create_conversation(&app, new_conversation(&["alice", "bob"], true), None).await },
        )
    });
    let created: Vec<_> = join_all(creates).await.into_iter().map(|created| created.unwrap().unwrap()).collect();
    assert_eq!(created.iter().filter(|created| !created.row.existing).count(), 1);
    let ids: HashSet<_> = created.iter().map(|created| &created.row.conversation.id).collect();
    assert_eq!(ids.len(), 1);
}
