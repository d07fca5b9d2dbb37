//! Calls that are stored with their operation.

use bytes::Bytes;
use hookd_im_core::ids::ConversationId;
use hookd_im_core::store::{
    AppendedMessage, CallFor, CallLimits, Conversation, MembershipChange, NewCall, NewMessage, NotAppended, StoredCall,
};
use hookd_im_core::timestamp::Timestamp;

use crate::fixture::{Fixture, MANY, asked, at_most, in_short, message, messages, new_conversation, sent};

/// A call with a text that is made of what was committed.
fn call_for<R: 'static>(limits: CallLimits, text: impl Fn(&R) -> String + Send + 'static) -> Option<CallFor<R>> {
    Some(CallFor { make: Box::new(move |row| Some(sent(&text(row)))), limits })
}

fn texts(change: &MembershipChange) -> String {
    change.changed.iter().map(|client| client.as_str()).collect::<Vec<_>>().join(",")
}

pub async fn each_operation_has_its_call_with_what_only_the_store_knows(fixture: &Fixture) {
    let (store, app) = (&fixture.store, &fixture.app);
    let many = at_most(MANY);
    let call = call_for(many, |created: &Conversation| format!("started {} {}", created.id, created.last_sequence));
    let created = store.create_conversation(app, new_conversation(&["tom", "jerry"], false), call).await.unwrap();
    let id = created.row.conversation.id;

    let call = call_for(many, |change: &MembershipChange| format!("added {} {:?}", texts(change), change.sequence));
    let added = store.add_members(app, &id, &asked(&["spike", "jerry"]), 500, call).await.unwrap().unwrap();
    let call = call_for(many, |change: &MembershipChange| format!("removed {} {:?}", texts(change), change.sequence));
    let removed = store.remove_members(app, &id, &asked(&["absent", "spike"]), call).await.unwrap().unwrap();
    let call =
        call_for(many, |sent: &AppendedMessage| format!("sent {} {} {}", sent.id, sent.timestamp.0, sent.sequence));
    let new = NewMessage { members_sequence: 3, ..message(&id, "tom", "hi") };
    let appended = store.append_message(app, new, call).await.unwrap().unwrap();

    assert_eq!([created.call, added.call, removed.call, appended.call], [StoredCall::Queued; 4]);
    let AppendedMessage { id: message_id, timestamp: Timestamp(timestamp), .. } = &appended.row;
    let expected = [
        format!("started {id} 1"),
        "added spike Some(2)".to_owned(),
        "removed spike Some(3)".to_owned(),
        format!("sent {message_id} {timestamp} 4"),
    ];
    assert_eq!(in_short(&fixture.claim(&messages()).await), expected, "in the order of the operations");
}

pub async fn an_operation_that_changes_nothing_has_no_call(fixture: &Fixture) {
    let (store, app) = (&fixture.store, &fixture.app);
    fn some<R: 'static>() -> Option<CallFor<R>> {
        call_for(at_most(MANY), |_| "a call".to_owned())
    }
    let unique = || new_conversation(&["tom", "jerry"], true);
    let first = store.create_conversation(app, unique(), some()).await.unwrap();
    let again = store.create_conversation(app, unique(), some()).await.unwrap();
    assert!(again.row.existing);
    assert_eq!([first.call, again.call], [StoredCall::Queued, StoredCall::None]);
    let id = first.row.conversation.id;
    let added = store.add_members(app, &id, &asked(&["tom"]), 500, some()).await.unwrap().unwrap();
    let removed = store.remove_members(app, &id, &asked(&["spike"]), some()).await.unwrap().unwrap();
    assert_eq!([added.call, removed.call], [StoredCall::None, StoredCall::None]);
    let append = async |conversation: &ConversationId| {
        let token = Some("token".to_owned());
        let new = NewMessage { deduplication_token: token, ..message(conversation, "tom", "hi") };
        store.append_message(app, new, some()).await.unwrap()
    };
    assert_eq!(append(&ConversationId::generate()).await, Err(NotAppended::NoConversation));
    assert_eq!(append(&id).await.unwrap().call, StoredCall::Queued);
    assert_eq!(append(&id).await.unwrap().call, StoredCall::None, "P-84: the same message again");
    assert_eq!(fixture.claim(&messages()).await.len(), 2);
}

pub async fn an_operation_goes_on_without_a_call(fixture: &Fixture) {
    let call = CallFor { make: Box::new(|_: &Conversation| None), limits: at_most(MANY) };
    let new = new_conversation(&["tom"], false);
    let created = fixture.store.create_conversation(&fixture.app, new, Some(call)).await.unwrap();
    assert_eq!(created.call, StoredCall::None);
    assert_eq!(fixture.store.backlog().await.unwrap(), []);
}

pub async fn an_operation_goes_on_where_its_channel_is_full(fixture: &Fixture) {
    let started = async |limits: CallLimits, unique| {
        let payload = Bytes::from_static(b"0123456789");
        let make = move |_: &Conversation| Some(NewCall { payload, ..sent("") });
        let call = CallFor { make: Box::new(make), limits };
        let new = new_conversation(&["tom"], unique);
        let created = fixture.store.create_conversation(&fixture.app, new, Some(call)).await.unwrap();
        fixture.conversation(&created.row.conversation.id).await;
        created.call
    };
    let two = at_most(2);
    assert_eq!(started(two, true).await, StoredCall::Queued);
    assert_eq!(started(two, true).await, StoredCall::None, "it takes no room");
    assert_eq!(started(two, false).await, StoredCall::Queued);
    assert_eq!(started(two, false).await, StoredCall::Full);
    assert_eq!(started(CallLimits { calls: MANY, bytes: 29 }, false).await, StoredCall::Full);
    assert_eq!(started(CallLimits { calls: MANY, bytes: 30 }, false).await, StoredCall::Queued);
    assert_eq!(fixture.claim(&messages()).await.len(), 3);
}
