//! Calls of notification hooks that are stored with their operation.

use std::time::Duration;

use hook_types::{ConversationAddedParams, ConversationRemovedParams, ConversationStartedParams, MessageSentParams};
use hookd_im_core::ids::{AppId, ConversationId};
use hookd_im_core::store::{CallBeside, CallPlace, HookBeside, NewConversation, NewMessage, OutboxCall};
use serde_json::{Value, json};

use crate::fixture::{Fixture, clients, message, new_conversation};

const MANY: usize = 100;

pub fn beside<P>(place: CallPlace, params: P) -> Option<HookBeside<P>> {
    Some(HookBeside { params, remote_address: Some("203.0.113.7".parse().unwrap()), place })
}

fn in_outbox(hook: &CallBeside) -> OutboxCall {
    match hook {
        CallBeside::InOutbox(call) => call.clone(),
        other => panic!("not in the outbox: {other:?}"),
    }
}

async fn left(fixture: &Fixture, recent: Duration) -> Vec<(AppId, OutboxCall)> {
    fixture.store.outbox(0, MANY, recent).await.unwrap()
}

fn in_short(call: &OutboxCall) -> (&'static str, Value) {
    (call.call.hook, serde_json::from_slice(&call.call.params).unwrap())
}

pub async fn each_operation_has_its_call_with_what_only_the_store_knows(fixture: &Fixture) {
    let started_hook = beside(CallPlace::Outbox, ConversationStartedParams::default());
    let new = NewConversation { started_hook, ..new_conversation(&["tom", "jerry"], false) };
    let created = fixture.store.create_conversation(&fixture.app, new).await.unwrap();
    let id = created.conversation.id;

    let init_by = || "tom".to_owned();
    let params = ConversationAddedParams { init_by: init_by(), conv_id: id.to_string(), members: Vec::new() };
    let asked = clients(&["spike", "jerry"]);
    let hook = beside(CallPlace::Outbox, params);
    let added = fixture.store.add_members(&fixture.app, &id, &asked, 500, hook).await.unwrap().unwrap();
    let params = ConversationRemovedParams { init_by: init_by(), conv_id: id.to_string(), members: Vec::new() };
    let asked = clients(&["nobody", "spike"]);
    let hook = beside(CallPlace::Outbox, params);
    let removed = fixture.store.remove_members(&fixture.app, &id, &asked, hook).await.unwrap().unwrap();
    let sent_hook = beside(CallPlace::Outbox, MessageSentParams { content: "hi".to_owned(), ..Default::default() });
    let new = NewMessage { sent_hook, ..message(&id, "tom", "hi") };
    let sent = fixture.store.append_message(&fixture.app, new).await.unwrap().unwrap();

    let calls = [created.hook, added.hook, removed.hook, sent.hook].map(|hook| in_outbox(&hook));
    assert_eq!(in_short(&calls[0]), ("_conversationStarted", json!({"convId": id})));
    let change = |member: &str| json!({"initBy": "tom", "convId": id, "members": [member]});
    assert_eq!(in_short(&calls[1]), ("_conversationAdded", change("spike")));
    assert_eq!(in_short(&calls[2]), ("_conversationRemoved", change("spike")));
    let (hook, told) = in_short(&calls[3]);
    assert_eq!((hook, &told["content"], &told["timestamp"]), ("_messageSent", &json!("hi"), &json!(sent.timestamp.0)));

    let expected: Vec<_> = calls.iter().map(|call| (fixture.app.clone(), call.clone())).collect();
    assert_eq!(left(fixture, Duration::ZERO).await, expected, "in the order of the operations");
    assert_eq!(fixture.store.outbox(calls[1].row, 1, Duration::ZERO).await.unwrap(), expected[2..3]);
}

pub async fn an_operation_that_changes_nothing_has_no_call(fixture: &Fixture) {
    let started = || beside(CallPlace::Outbox, ConversationStartedParams::default());
    let unique = || NewConversation { started_hook: started(), ..new_conversation(&["tom", "jerry"], true) };
    let first = fixture.store.create_conversation(&fixture.app, unique()).await.unwrap();
    let again = fixture.store.create_conversation(&fixture.app, unique()).await.unwrap();
    assert!(again.existing);
    assert_eq!(again.hook, CallBeside::Absent);
    let id = first.conversation.id;
    let hook = beside(CallPlace::Outbox, ConversationAddedParams::default());
    let added = fixture.store.add_members(&fixture.app, &id, &clients(&["tom"]), 500, hook).await.unwrap().unwrap();
    let hook = beside(CallPlace::Outbox, ConversationRemovedParams::default());
    let removed = fixture.store.remove_members(&fixture.app, &id, &clients(&["spike"]), hook).await.unwrap().unwrap();
    assert_eq!([added.hook, removed.hook], [CallBeside::Absent, CallBeside::Absent]);
    let sent = async |conversation: &ConversationId| {
        let sent_hook = beside(CallPlace::Outbox, MessageSentParams::default());
        let token = Some("token".to_owned());
        let new = NewMessage { sent_hook, deduplication_token: token, ..message(conversation, "tom", "hi") };
        fixture.store.append_message(&fixture.app, new).await.unwrap()
    };
    assert_eq!(sent(&ConversationId::generate()).await, None);
    in_outbox(&sent(&id).await.unwrap().hook);
    assert_eq!(sent(&id).await.unwrap().hook, CallBeside::Absent, "P-84: the same message again");
    assert_eq!(left(fixture, Duration::ZERO).await.len(), 2);
}

pub async fn calls_leave_the_outbox_when_they_are_cleared(fixture: &Fixture) {
    let rows = {
        let mut rows = Vec::new();
        for _ in 0..3 {
            let started_hook = beside(CallPlace::Outbox, ConversationStartedParams::default());
            let new = NewConversation { started_hook, ..new_conversation(&["tom"], false) };
            let created = fixture.store.create_conversation(&fixture.app, new).await.unwrap();
            rows.push(in_outbox(&created.hook).row);
        }
        rows
    };
    fixture.store.clear_outbox(vec![rows[0], rows[2], rows[2]]).await.unwrap();
    let still: Vec<u64> = left(fixture, Duration::ZERO).await.iter().map(|(_, call)| call.row).collect();
    assert_eq!(still, [rows[1]]);
}

pub async fn new_calls_are_left_to_their_requests(fixture: &Fixture) {
    let half_a_minute = Duration::from_secs(30);
    let started_hook = beside(CallPlace::Outbox, ConversationStartedParams::default());
    let new = NewConversation { started_hook, ..new_conversation(&["tom"], false) };
    fixture.store.create_conversation(&fixture.app, new).await.unwrap();
    assert_eq!(left(fixture, half_a_minute).await, []);
    fixture.advance(half_a_minute);
    assert_eq!(left(fixture, half_a_minute).await.len(), 1);
    fixture.turn_back(half_a_minute);
    assert_eq!(left(fixture, half_a_minute).await, []);
    fixture.turn_back(Duration::from_secs(24 * 60 * 60));
    assert_eq!(left(fixture, half_a_minute).await.len(), 1, "a clock that is set back holds nothing up");
}
