//! Conversations over the wire: replies field by field, and the pushes that follow them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, command, conversation, error_code, history, members, start};
use crate::server::Server;
use crate::wire::{CommandType, ConvCommand, GenericCommand, OpType};

fn ops(pushes: &[GenericCommand]) -> Vec<OpType> {
    pushes.iter().map(GenericCommand::op).collect()
}

#[tokio::test]
async fn the_reply_to_a_create_comes_before_its_pushes_with_a_gap() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    for _ in 0..20 {
        alice.start(conversation(OpType::Start, start(&["alice"]))).await;
        let started = alice.read().await;
        let answered = Instant::now();
        assert_eq!(started.op(), OpType::Started);
        let conv = started.conv_message.unwrap();
        assert_eq!(conv.cid.as_ref().unwrap().len(), 24);
        assert!(conv.cdate.unwrap().ends_with('Z'));
        assert_eq!((conv.unique_id, conv.existing), (None, None));
        let pushes = [alice.read().await, alice.read().await];
        assert!(answered.elapsed() >= Duration::from_millis(2), "{:?}", answered.elapsed());
        assert_eq!(ops(&pushes), [OpType::Joined, OpType::MembersJoined]);
        for push in pushes {
            assert_eq!((push.i, push.peer_id.as_deref(), push.service), (None, Some("alice"), Some(2)));
            assert_eq!(push.notification_type.is_some(), push.op() == OpType::Joined);
            assert_eq!(push.server_ts.is_some(), push.op() == OpType::Joined);
            let change = push.conv_message.unwrap();
            assert_eq!((change.cid, change.init_by.as_deref()), (conv.cid.clone(), Some("alice")));
            assert!(change.udate.is_some());
        }
    }
}

#[tokio::test]
async fn other_sockets_need_no_gap_and_a_unique_conversation_is_found_again() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let unique = ConvCommand { unique: Some(true), ..start(&["alice", "bob"]) };
    let first = alice.request(conversation(OpType::Start, unique.clone())).await.conv_message.unwrap();
    assert_eq!(first.unique_id.as_ref().unwrap(), "ec0048c7d6b5a11cdb261b71a813eff3");
    let pushes = [bob.push().await, bob.push().await];
    assert_eq!(ops(&pushes), [OpType::Joined, OpType::MembersJoined]);
    assert_eq!(pushes[1].conv_message.as_ref().unwrap().m, ["alice", "bob"]);
    let second = bob.request(conversation(OpType::Start, unique)).await.conv_message.unwrap();
    assert_eq!((second.cid, second.existing), (first.cid, Some(true)));
    bob.assert_undisturbed().await;
}

#[tokio::test]
async fn a_client_that_creates_and_leaves_at_once_ends_outside() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    for _ in 0..10 {
        let cid = alice.create_conversation(&["alice", "bob"]).await;
        let left = alice.start(conversation(OpType::Remove, members(&cid, &["alice"]))).await;
        let mut order = Vec::new();
        while order.len() < 4 {
            let command = alice.read().await;
            assert!(command.i.is_none_or(|serial| serial == left));
            order.push(command.op());
        }
        assert_eq!(order, [OpType::Joined, OpType::MembersJoined, OpType::Removed, OpType::Left]);
    }
}

#[tokio::test]
async fn members_come_and_go() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let cid = alice.create_conversation(&["alice"]).await;
    let added = alice.request(conversation(OpType::Add, members(&cid, &["bob"]))).await;
    assert_eq!(added.op(), OpType::Added);
    let conv = added.conv_message.unwrap();
    assert_eq!((conv.cid.as_ref(), &conv.allowed_pids[..]), (Some(&cid), &["bob".to_owned()][..]));
    assert!(conv.udate.is_some() && conv.failed_pids.is_empty());
    assert_eq!(ops(&[bob.push().await, bob.push().await]), [OpType::Joined, OpType::MembersJoined]);

    let counted = alice.request(conversation(OpType::Count, members(&cid, &[]))).await;
    assert_eq!((counted.op(), counted.conv_message.unwrap().count), (OpType::Result, Some(2)));

    let removed = alice.request(conversation(OpType::Remove, members(&cid, &["bob"]))).await;
    assert_eq!(
        (removed.op(), &removed.conv_message.unwrap().allowed_pids[..]),
        (OpType::Removed, &["bob".to_owned()][..])
    );
    assert_eq!(bob.push().await.op(), OpType::Left);
    assert_eq!(error_code(&bob.request(history(&cid)).await), 4312);
    let unknown = members("64f0c0ffee0000000000a001", &["bob"]);
    assert_eq!(error_code(&bob.request(conversation(OpType::Add, unknown)).await), 4303);
}

#[tokio::test]
async fn queries_answer_rows() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let named = ConvCommand { attr: Some(crate::client::json(r#"{"name":"Planning"}"#)), ..start(&["alice", "bob"]) };
    let cid = alice.request(conversation(OpType::Start, named)).await.conv_message.unwrap().cid.unwrap();
    let rows = |reply: GenericCommand| -> Vec<Value> {
        assert_eq!((reply.cmd(), reply.op()), (CommandType::Conv, OpType::Results));
        serde_json::from_str(&reply.conv_message.unwrap().results.unwrap().data).unwrap()
    };
    let by_id = ConvCommand {
        r#where: Some(crate::client::json(&json!({ "objectId": cid }).to_string())),
        ..ConvCommand::default()
    };
    let found = rows(alice.request(conversation(OpType::Query, by_id.clone())).await);
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["objectId"], &found[0]["name"]), (&json!(cid), &json!("Planning")));
    assert_eq!(found[0]["m"], json!(["alice", "bob"]));
    let compact = ConvCommand { flag: Some(1), ..by_id };
    assert_eq!(rows(alice.request(conversation(OpType::Query, compact)).await)[0].get("m"), None);
    let mine = conversation(OpType::Query, ConvCommand::default());
    assert_eq!(rows(alice.request(mine).await).len(), 1);
    let none = conversation(OpType::Query, ConvCommand { limit: Some(0), ..ConvCommand::default() });
    assert!(rows(alice.request(none).await).is_empty());
    let temporary = ConvCommand { temp_conv_ids: vec!["_tmp:x".into()], ..ConvCommand::default() };
    assert!(rows(alice.request(conversation(OpType::Query, temporary)).await).is_empty());
}

#[tokio::test]
async fn a_refused_create_carries_the_hooks_code() {
    let server = Server::start().await;
    server.engine.reply("_conversationStart", json!({ "reject": true, "code": 1234, "detail": "too few" }));
    let mut alice = server.client("alice").await;
    let reply = alice.request(conversation(OpType::Start, start(&["alice", "bob"]))).await;
    assert_eq!(error_code(&reply), 4305);
    let error = reply.error_message.unwrap();
    assert_eq!((error.app_code, error.detail.as_deref()), (Some(1234), Some("too few")));
    assert_eq!(error_code(&alice.request(command(CommandType::Conv, None)).await), 4200);
    alice.assert_undisturbed().await;
}

/// P-74: what other SDKs ask.
#[tokio::test]
async fn a_client_asks_which_conversations_it_is_in() {
    let server = Server::start().await;
    let (mut alice, mut bob) = (server.client("alice").await, server.client("bob").await);
    let mine = alice.create_conversation(&["alice"]).await;
    let theirs = bob.create_conversation(&["bob"]).await;
    let room = ConvCommand { transient: Some(true), ..start(&[]) };
    let room = alice.request(conversation(OpType::Start, room)).await.conv_message.unwrap().cid.unwrap();
    let about = |cids: Vec<String>| conversation(OpType::IsMember, ConvCommand { cids, ..ConvCommand::default() });
    let unknown = "64f0c0ffee0000000000ffff".to_owned();
    let all = || about(vec![mine.clone(), theirs.clone(), room.clone(), unknown.clone()]);
    let answers = |reply: GenericCommand| -> Value {
        assert_eq!((reply.cmd(), reply.op()), (CommandType::Conv, OpType::Result), "{reply:?}");
        serde_json::from_str(&reply.conv_message.unwrap().results.unwrap().data).unwrap()
    };
    let [mine, theirs, room, unknown] = [&mine, &theirs, &room, &unknown].map(String::as_str);
    let of_alice = answers(alice.request(all()).await);
    assert_eq!(of_alice, json!({ mine: true, theirs: false, room: true, unknown: false }));
    let of_bob = answers(bob.request(all()).await);
    assert_eq!(of_bob, json!({ mine: false, theirs: true, room: false, unknown: false }));
    assert_eq!(answers(bob.request(about(Vec::new())).await), json!({}));
    for (cids, code) in [(vec![String::new(); 51], 4301), (vec!["x".repeat(129)], 4303)] {
        assert_eq!(error_code(&bob.request(about(cids)).await), code);
    }
}

/// P-107.
#[tokio::test]
async fn an_uploaded_push_token_is_answered_within_a_session_only() {
    let server = Server::start().await;
    let mut stranger = Client::connect(server.address).await;
    let upload = || command(CommandType::Report, Some(OpType::Upload));
    assert_eq!(error_code(&stranger.request(upload()).await), 4105);
    let reply = server.client("alice").await.request(upload()).await;
    assert_eq!((reply.cmd(), reply.op()), (CommandType::Report, OpType::Uploaded));
    assert_eq!(reply.peer_id.as_deref(), Some("alice"));
}
