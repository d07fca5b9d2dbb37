use std::time::Duration;

use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{MembersUnchanged, MembershipRequest};
use hookd_im_core::timestamp::Timestamp;
use serde_json::json;

use crate::fixture::{Fixture, START, asked, clients};

pub async fn added_members_come_last_and_present_ones_change_nothing(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "zoe"], json!({})).await;
    fixture.advance(Duration::from_secs(1));
    let request = asked(&["jerry", "tom", "anna", "jerry"]);
    let change =
        fixture.store.add_members(&fixture.app, &conversation.id, &request, 500, None).await.unwrap().unwrap().row;
    assert_eq!(change.changed, clients(&["jerry", "anna"]));
    assert_eq!(change.unchanged, clients(&["tom", "jerry"]));
    assert!(change.refused.is_empty());
    assert_eq!(change.conversation.members, clients(&["tom", "zoe", "jerry", "anna"]));
    assert_eq!(change.conversation.updated_at, Timestamp(START.0 + 1000));
    assert_eq!(fixture.conversation(&conversation.id).await, change.conversation);

    fixture.advance(Duration::from_secs(1));
    let again =
        fixture.store.add_members(&fixture.app, &conversation.id, &request, 500, None).await.unwrap().unwrap().row;
    assert!(again.changed.is_empty());
    assert_eq!(again.conversation, change.conversation);
}

pub async fn members_beyond_the_limit_are_refused(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "zoe"], json!({})).await;
    let request = asked(&["jerry", "anna", "tom"]);
    let change =
        fixture.store.add_members(&fixture.app, &conversation.id, &request, 3, None).await.unwrap().unwrap().row;
    assert_eq!(change.changed, clients(&["jerry"]));
    assert_eq!(change.refused, clients(&["anna"]));
    assert_eq!(change.unchanged, clients(&["tom"]));
}

pub async fn absent_members_are_as_asked_when_removed(fixture: &Fixture) {
    let conversation = fixture.create(&["anna", "tom", "zoe"], json!({})).await;
    let request = asked(&["tom", "jerry", "tom"]);
    let change =
        fixture.store.remove_members(&fixture.app, &conversation.id, &request, None).await.unwrap().unwrap().row;
    assert_eq!(change.changed, clients(&["tom"]));
    assert_eq!(change.unchanged, clients(&["jerry", "tom"]));
    assert_eq!(change.conversation.members, clients(&["anna", "zoe"]));
    assert_eq!(fixture.conversation(&conversation.id).await, change.conversation);

    let back = fixture.store.add_members(&fixture.app, &conversation.id, &asked(&["tom"]), 500, None).await.unwrap();
    assert_eq!(back.unwrap().row.conversation.members, clients(&["anna", "zoe", "tom"]));
}

pub async fn stored_events_of_a_conversation_are_numbered(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    assert_eq!(conversation.last_sequence, 1);
    let jerry = asked(&["jerry"]);
    let added = fixture.store.add_members(&fixture.app, &conversation.id, &jerry, 500, None).await.unwrap().unwrap();
    assert_eq!((added.row.sequence, added.row.conversation.last_sequence), (Some(2), 2));
    let again = fixture.store.add_members(&fixture.app, &conversation.id, &jerry, 500, None).await.unwrap().unwrap();
    assert_eq!((again.row.sequence, again.row.conversation.last_sequence), (None, 2));
    assert_eq!(fixture.say(&conversation, "hi").await.sequence, 3);
    let removed = fixture.store.remove_members(&fixture.app, &conversation.id, &jerry, None).await.unwrap().unwrap();
    assert_eq!(removed.row.sequence, Some(4));
    assert_eq!(fixture.say(&conversation, "bye").await.sequence, 5);
    assert_eq!(fixture.conversation(&conversation.id).await.last_sequence, 5);
    let other = fixture.create(&["tom"], json!({})).await;
    assert_eq!(fixture.say(&other, "hi").await.sequence, 2);
}

pub async fn the_version_of_the_members_is_the_number_of_their_last_change(fixture: &Fixture) {
    let conversation = fixture.create(&["tom"], json!({})).await;
    assert_eq!(conversation.members_sequence, 1);
    fixture.say(&conversation, "hi").await;
    assert_eq!(fixture.conversation(&conversation.id).await.members_sequence, 1);
    let jerry = asked(&["jerry"]);
    let added = fixture.store.add_members(&fixture.app, &conversation.id, &jerry, 500, None).await.unwrap().unwrap();
    assert_eq!(added.row.conversation.members_sequence, 3);
    fixture.store.add_members(&fixture.app, &conversation.id, &jerry, 500, None).await.unwrap().unwrap();
    assert_eq!(fixture.conversation(&conversation.id).await.members_sequence, 3, "nothing has changed");
    let removed = fixture.store.remove_members(&fixture.app, &conversation.id, &jerry, None).await.unwrap().unwrap();
    assert_eq!(removed.row.conversation.members_sequence, 4);
    assert_eq!(fixture.conversation(&conversation.id).await.members_sequence, 4);
}

pub async fn only_a_member_changes_members_where_that_is_asked(fixture: &Fixture) {
    let conversation = fixture.create(&["jerry"], json!({})).await;
    let by_member = |members| MembershipRequest { by_member_only: true, ..asked(members) };
    let (store, app, id) = (&fixture.store, &fixture.app, &conversation.id);
    let added = store.add_members(app, id, &by_member(&["anna"]), 500, None).await.unwrap();
    assert_eq!(added.map(|added| added.row.changed.len()), Err(MembersUnchanged::NotAMember));
    let removed = store.remove_members(app, id, &by_member(&["jerry"]), None).await.unwrap();
    assert_eq!(removed.map(|removed| removed.row.changed.len()), Err(MembersUnchanged::NotAMember));
    assert_eq!(fixture.conversation(id).await, conversation);
    let by_jerry = MembershipRequest { by: ClientId::new("jerry"), ..by_member(&["anna"]) };
    let added = store.add_members(app, id, &by_jerry, 500, None).await.unwrap().unwrap();
    assert_eq!(added.row.changed, clients(&["anna"]));
}

pub async fn change_of_an_unknown_conversation_is_nothing(fixture: &Fixture) {
    let unknown = ConversationId::generate();
    let tom = asked(&["tom"]);
    assert!(fixture.store.add_members(&fixture.app, &unknown, &tom, 500, None).await.unwrap().is_err());
    assert!(fixture.store.remove_members(&fixture.app, &unknown, &tom, None).await.unwrap().is_err());
}
