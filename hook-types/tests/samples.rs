//! The JSON of every hook, as the contract writes it, goes through the types and comes back the same.

#![expect(clippy::unwrap_used, reason = "a sample that does not parse is a failed test")]

use hook_types::{
    ClientOffline, ClientOnline, ClientSign, ConversationAdd, ConversationAdded, ConversationChange,
    ConversationRemove, ConversationRemoved, ConversationStart, ConversationStarted, ConversationUpdate,
    ConversationUpdateParams, Hook, HookKind, MessageReceived, MessageSent, MessageUpdate, ReceiversOffline, hook,
};
use serde_json::{Value, json};

fn params_round_trip<H: Hook>(sample: Value) -> H::Params {
    let params: H::Params = serde_json::from_value(sample.clone()).unwrap();
    assert_eq!(serde_json::to_value(&params).unwrap(), sample, "params of {}", H::NAME);
    params
}

fn reply_round_trip<H: Hook>(sample: Value) -> H::Reply {
    let reply: H::Reply = serde_json::from_value(sample.clone()).unwrap();
    assert_eq!(serde_json::to_value(&reply).unwrap(), sample, "reply of {}", H::NAME);
    reply
}

#[test]
fn message_received_params() {
    let params = params_round_trip::<MessageReceived>(json!({
        "fromPeer": "alice", "convId": "64f0c0ffee0000000000a001", "toPeers": ["bob"], "transient": false,
        "bin": false, "content": "{\"_lctype\":-1,\"_lctext\":\"hi\"}", "receipt": false,
        "timestamp": 1_700_000_000_123_i64, "system": null, "sourceIP": "203.0.113.7", "groupId": null,
    }));
    assert_eq!(params.to_peers, ["bob"]);
    assert_eq!(params.source_ip, "203.0.113.7");
    assert_eq!(params.timestamp, 1_700_000_000_123);
    assert_eq!(params.system, None);
}

#[test]
fn message_received_params_of_a_binary_message_to_a_service() {
    let params = params_round_trip::<MessageReceived>(json!({
        "fromPeer": "alice", "convId": "c", "toPeers": [], "transient": true, "bin": true, "content": "AAEC",
        "receipt": true, "timestamp": 1, "system": true, "sourceIP": "::1", "groupId": null,
    }));
    assert_eq!(params.system, Some(true));
    assert!(params.bin && params.transient && params.receipt);
}

#[test]
fn message_received_replies() {
    reply_round_trip::<MessageReceived>(json!({}));
    reply_round_trip::<MessageReceived>(json!({"drop": true, "code": 1234, "detail": "no"}));
    reply_round_trip::<MessageReceived>(json!({"content": "AAEC", "bin": true}));
    reply_round_trip::<MessageReceived>(json!({"toPeers": ["bob"], "content": "hi", "code": 7, "detail": "why"}));
}

#[test]
fn message_sent_params() {
    let params = params_round_trip::<MessageSent>(json!({
        "fromPeer": "alice", "receipt": false, "onlinePeers": ["bob"], "offlinePeers": ["carol"], "content": "hi",
        "convId": "64f0c0ffee0000000000a001", "msgId": "q2sXr0yJQeC5m1d8nB7v_A", "bin": false, "transient": false,
        "sourceIP": "203.0.113.7", "timestamp": 1_700_000_000_123_i64,
    }));
    assert_eq!(params.msg_id, "q2sXr0yJQeC5m1d8nB7v_A");
    assert_eq!(params.system, None);
}

#[test]
fn receivers_offline() {
    let params = params_round_trip::<ReceiversOffline>(json!({
        "fromPeer": "alice", "convId": "c", "offlinePeers": ["bob", "carol"], "content": "hi", "timestamp": 1,
        "mentionAll": false, "mentionOfflinePeers": ["carol"],
    }));
    assert_eq!(params.mention_offline_peers, ["carol"]);
    reply_round_trip::<ReceiversOffline>(json!({"skip": true}));
    reply_round_trip::<ReceiversOffline>(json!({
        "offlinePeers": ["bob"], "force": true, "pushMessage": "{\"alert\":\"hi\",\"badge\":\"Increment\"}",
    }));
    reply_round_trip::<ReceiversOffline>(json!({"pushMessage": {"alert": "hi", "badge": 1, "_profile": "dev"}}));
}

#[test]
fn message_update() {
    let params = params_round_trip::<MessageUpdate>(json!({
        "fromPeer": "alice", "convId": "c", "toPeers": ["bob"], "bin": false, "content": "hi there", "timestamp": 1,
        "msgId": "m", "sourceIP": "203.0.113.7", "recall": true, "system": null,
    }));
    assert!(params.recall);
    reply_round_trip::<MessageUpdate>(json!({"drop": true, "code": 1, "detail": "too late"}));
}

#[test]
fn conversation_start() {
    let params = params_round_trip::<ConversationStart>(
        json!({"initBy": "alice", "members": ["alice", "bob"], "attr": {"name": "Planning", "deep": [1, {"a": null}]}}),
    );
    assert_eq!(params.attr["name"], "Planning");
    reply_round_trip::<ConversationStart>(json!({"reject": true, "code": 1234, "detail": "too few"}));
    reply_round_trip::<ConversationStart>(json!({}));
}

#[test]
fn conversation_membership() {
    let sample = json!({"initBy": "alice", "members": ["bob"], "convId": "c"});
    params_round_trip::<ConversationAdd>(sample.clone());
    params_round_trip::<ConversationAdded>(sample.clone());
    params_round_trip::<ConversationRemove>(sample.clone());
    params_round_trip::<ConversationRemoved>(sample);
    params_round_trip::<ConversationStarted>(json!({"convId": "c"}));
    reply_round_trip::<ConversationAdd>(json!({"reject": true}));
    reply_round_trip::<ConversationRemove>(json!({"reject": true, "code": 1928, "detail": "staff"}));
}

#[test]
fn conversation_update_is_about_mute_or_about_attr() {
    let mute = params_round_trip::<ConversationUpdate>(json!({"initBy": "alice", "convId": "c", "mute": false}));
    assert_eq!(mute.change, ConversationChange::Mute(false));
    let attr = params_round_trip::<ConversationUpdate>(json!({"initBy": "a", "convId": "c", "attr": {"name": "x"}}));
    assert!(matches!(attr.change, ConversationChange::Attr(_)));

    let both = json!({"initBy": "a", "convId": "c", "mute": true, "attr": {}});
    assert!(serde_json::from_value::<ConversationUpdateParams>(both).unwrap_err().to_string().contains("both"));
    let neither = json!({"initBy": "a", "convId": "c"});
    assert!(serde_json::from_value::<ConversationUpdateParams>(neither).unwrap_err().to_string().contains("neither"));
}

#[test]
fn conversation_update_replaces_only_what_was_asked_for() {
    let reply = reply_round_trip::<ConversationUpdate>(json!({"mute": true, "attr": {"name": "better"}}));
    assert_eq!(reply.clone().decide(ConversationChange::Mute(false)), ConversationChange::Mute(true));
    let wished = ConversationChange::Attr(json!({"name": "worse"}).as_object().unwrap().clone());
    let better = ConversationChange::Attr(json!({"name": "better"}).as_object().unwrap().clone());
    assert_eq!(reply.decide(wished.clone()), better);
    assert_eq!(reply_round_trip::<ConversationUpdate>(json!({"mute": true})).decide(wished.clone()), wished);
}

#[test]
fn clients_come_and_go() {
    params_round_trip::<ClientOnline>(json!({"peerId": "alice", "sourceIP": "203.0.113.7"}));
    params_round_trip::<ClientOnline>(
        json!({"peerId": "alice", "sourceIP": "203.0.113.7", "tag": "mobile", "reconnect": 1}),
    );
    params_round_trip::<ClientOffline>(
        json!({"peerId": "alice", "closeCode": 1, "closeMsg": "closed by client", "sourceIP": "::1", "tag": "t"}),
    );
    let lost = params_round_trip::<ClientOffline>(json!({
        "peerId": "alice", "closeCode": 2, "closeMsg": "connection lost", "errorCode": 4107,
        "errorMsg": "READ_TIMEOUT",
    }));
    assert_eq!(lost.source_ip, None);
}

#[test]
fn client_sign() {
    params_round_trip::<ClientSign>(json!({
        "email": "alice@example.org", "sessionToken": "s", "updatedAt": "2023-11-14T22:13:20.123Z", "phone": "1",
        "objectId": "64f0c0ffee0000000000a001", "username": "alice", "createdAt": "2023-11-14T22:13:20.000Z",
        "emailVerified": true, "mobilePhoneVerified": false,
    }));
    assert!(reply_round_trip::<ClientSign>(json!({"result": true})).is_allowed());
    assert!(!reply_round_trip::<ClientSign>(json!({"result": false, "error": "blocked"})).is_allowed());
    assert!(reply_round_trip::<ClientSign>(json!({})).is_allowed());
}

#[test]
fn every_hook_is_listed_once_under_its_reserved_name() {
    fn listed<H: Hook>() -> (&'static str, HookKind) {
        (H::NAME, H::KIND)
    }
    let hooks = [
        listed::<MessageReceived>(),
        listed::<MessageSent>(),
        listed::<ReceiversOffline>(),
        listed::<MessageUpdate>(),
        listed::<ConversationStart>(),
        listed::<ConversationStarted>(),
        listed::<ConversationAdd>(),
        listed::<ConversationAdded>(),
        listed::<ConversationRemove>(),
        listed::<ConversationRemoved>(),
        listed::<ConversationUpdate>(),
        listed::<ClientOnline>(),
        listed::<ClientOffline>(),
        listed::<ClientSign>(),
    ];
    assert_eq!(hooks, hook::IM_HOOKS);
}
