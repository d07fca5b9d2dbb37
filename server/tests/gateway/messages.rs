//! Messages between clients: order, gaps, hooks that take their time.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{as_peer, command, error_code, history, login, message};
use crate::engine::SLOW;
use crate::server::Server;
use crate::wire::{CommandType, DirectCommand, GenericCommand, OpType, SessionCommand};

#[tokio::test]
async fn a_message_is_acknowledged_and_delivered_field_by_field() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    bob.push().await;
    bob.push().await;
    let reply = alice.request(message(&cid, "hi")).await;
    assert_eq!((reply.cmd(), reply.peer_id.as_deref(), reply.service), (CommandType::Ack, Some("alice"), Some(2)));
    let ack = reply.ack_message.unwrap();
    assert_eq!((ack.code, ack.cid.as_ref()), (None, Some(&cid)));
    assert_eq!(ack.uid.as_ref().unwrap().len(), 22);

    let push = bob.push().await;
    assert_eq!((push.cmd(), push.i, push.service), (CommandType::Direct, None, Some(2)));
    assert_eq!((push.peer_id.as_deref(), push.server_ts), (Some("bob"), None));
    let expected = DirectCommand {
        msg: Some("hi".into()),
        from_peer_id: Some("alice".into()),
        timestamp: ack.t,
        cid: Some(cid),
        id: ack.uid,
        mention_all: Some(false),
        conv_type: Some(1),
        ..DirectCommand::default()
    };
    assert_eq!(push.direct_message, Some(expected));
}

#[tokio::test]
async fn binary_messages_stay_binary_and_are_base64_in_the_history() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    bob.push().await;
    bob.push().await;
    let direct = DirectCommand {
        cid: Some(cid.clone()),
        binary_msg: Some(vec![0, 159, 146, 150].into()),
        ..DirectCommand::default()
    };
    alice.request(GenericCommand { direct_message: Some(direct), ..command(CommandType::Direct, None) }).await;
    let received = bob.push().await.direct_message.unwrap();
    assert_eq!((received.msg, received.binary_msg.as_deref()), (None, Some(&[0, 159, 146, 150][..])));
    let logs = bob.request(history(&cid)).await.logs_message.unwrap().logs;
    assert_eq!((logs[0].bin, logs[0].data.as_deref()), (Some(true), Some("AJ+Slg==")));
}

#[tokio::test]
async fn acks_and_messages_of_a_conversation_come_in_the_order_of_sending() {
    let server = Server::start().await;
    server.engine.reply("_messageReceived", json!({}));
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    let mut serials = Vec::new();
    for number in 0..50 {
        serials.push(alice.start(message(&cid, &number.to_string())).await);
    }
    let mut times = Vec::new();
    for serial in serials {
        times.push(alice.reply(serial).await.ack_message.unwrap().t.unwrap());
    }
    assert!(times.is_sorted_by(|earlier, later| earlier < later));
    bob.push().await;
    bob.push().await;
    for number in 0..50 {
        assert_eq!(bob.push().await.direct_message.unwrap().msg, Some(number.to_string()));
    }
    let logs = alice.request(history(&cid)).await.logs_message.unwrap().logs;
    let texts: Vec<_> = logs.into_iter().map(|item| item.data.unwrap()).collect();
    assert_eq!(texts, (0..50).map(|number: i32| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_hook_delays_its_own_conversation_only() {
    let server = Server::start().await;
    server.engine.reply("_messageReceived", json!({}));
    let mut alice = server.client("alice").await;
    let slow = alice.create_conversation(&["alice", "bob"]).await;
    let quick = alice.create_conversation(&["alice", "carol"]).await;
    for _ in 0..4 {
        alice.push().await;
    }
    let first = alice.start(message(&slow, SLOW)).await;
    server.engine.call_of("_messageReceived").await;
    let second = alice.start(message(&slow, "behind")).await;
    assert_eq!(alice.request(command(CommandType::Echo, None)).await.cmd(), CommandType::Echo);
    assert_eq!(alice.request(message(&quick, "hi")).await.cmd(), CommandType::Ack);
    server.engine.let_go();
    assert_eq!(alice.reply(first).await.cmd(), CommandType::Ack);
    assert_eq!(alice.reply(second).await.cmd(), CommandType::Ack);
}

#[tokio::test]
async fn a_sender_that_vanishes_does_not_stop_its_message() {
    let server = Server::start().await;
    server.engine.reply("_messageReceived", json!({}));
    server.engine.reply("_clientOffline", json!(null));
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    bob.push().await;
    bob.push().await;
    alice.start(message(&cid, SLOW)).await;
    server.engine.call_of("_messageReceived").await;
    drop(alice);
    server.engine.call_of("_clientOffline").await;
    server.engine.let_go();
    assert_eq!(bob.push().await.direct_message.unwrap().msg.as_deref(), Some(SLOW));
}

#[tokio::test]
async fn a_dropped_message_is_an_error_with_the_hooks_code_and_text() {
    let server = Server::start().await;
    server.engine.reply("_messageReceived", json!({ "drop": true, "code": 9890, "detail": "closed" }));
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    bob.push().await;
    bob.push().await;
    let reply = alice.request(message(&cid, "hi")).await;
    assert_eq!(error_code(&reply), 4402);
    let error = reply.error_message.unwrap();
    assert_eq!((error.app_code, error.reason.as_str()), (Some(9890), "MESSAGE_REJECTED_BY_APP"));
    assert_eq!((error.detail.as_deref(), error.app_msg.as_deref()), (Some("closed"), Some("closed")));
    bob.assert_undisturbed().await;
}

#[tokio::test]
async fn a_client_on_the_senders_own_socket_gets_the_message_after_the_ack_and_a_gap() {
    let server = Server::start().await;
    let mut both = server.client("alice").await;
    both.log_in("bob").await;
    let cid = both.create_conversation(&["alice", "bob"]).await;
    for _ in 0..4 {
        both.push().await;
    }
    let serial = both.start(as_peer("alice", message(&cid, "hi"))).await;
    let ack = both.read().await;
    let acknowledged = Instant::now();
    assert_eq!((ack.cmd(), ack.i), (CommandType::Ack, Some(serial)));
    let push = both.read().await;
    assert_eq!((push.cmd(), push.peer_id.as_deref()), (CommandType::Direct, Some("bob")));
    assert!(acknowledged.elapsed() >= Duration::from_millis(2), "{:?}", acknowledged.elapsed());
}

#[tokio::test]
async fn transient_messages_are_acknowledged_only_to_sessions_that_can_take_it() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let cid = alice.create_conversation(&["alice", "old"]).await;
    let transient = || {
        let mut command = message(&cid, "typing");
        command.direct_message.as_mut().unwrap().transient = Some(true);
        command
    };
    assert_eq!(alice.request(transient()).await.cmd(), CommandType::Ack);
    let mut old = crate::client::Client::connect(server.address).await;
    let session = SessionCommand { config_bitmap: Some(0), ..SessionCommand::default() };
    assert_eq!(old.request(login(Some("old"), session)).await.op(), OpType::Opened);
    old.start(transient()).await;
    for _ in 0..2 {
        assert_eq!(alice.push().await.cmd(), CommandType::Conv);
    }
    let push = alice.push().await.direct_message.unwrap();
    assert_eq!((push.from_peer_id.as_deref(), push.transient), (Some("old"), Some(true)));
    old.assert_undisturbed().await;
    assert!(alice.request(history(&cid)).await.logs_message.unwrap().logs.is_empty());
}
