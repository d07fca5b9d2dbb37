//! S-27, S-28: requests over the rate of their client, and messages over the rate of their app.

use std::time::{Duration, Instant};

use hookd_im_core::app::{ImSettings, RateOverflow};
use hookd_im_core::ids::AppId;
use prost::Message as _;

use crate::client::{Client, as_peer, command, conversation, error_code, history, login, members, message};
use crate::server::{APP, OTHER_APP, Server};
use crate::wire::{
    AckCommand, CommandType, DirectCommand, GenericCommand, OpType, ReadCommand, ReadTuple, SessionCommand,
};

const QUOTA_EXCEEDED: i32 = 4116;

fn limits(overflow: RateOverflow) -> ImSettings {
    ImSettings {
        client_sends_per_minute: 3,
        client_history_queries_per_minute: 2,
        client_operations_per_minute: 2,
        client_rate_overflow: overflow,
        ..ImSettings::default()
    }
}

fn online(ids: &[&str]) -> GenericCommand {
    let asked = ids.iter().map(|id| (*id).to_owned()).collect();
    let session = SessionCommand { session_peer_ids: asked, ..SessionCommand::default() };
    GenericCommand { session_message: Some(session), ..command(CommandType::Session, Some(OpType::Query)) }
}

/// What an SDK sends by itself, for every message that comes.
async fn acknowledges(client: &mut Client, cid: &str) {
    let ack = AckCommand { cid: Some(cid.into()), fromts: Some(1), tots: Some(2), ..AckCommand::default() };
    let ack = GenericCommand { ack_message: Some(ack), ..command(CommandType::Ack, None) };
    client.send_bytes(ack.encode_to_vec()).await;
    let convs = vec![ReadTuple { cid: cid.into(), timestamp: Some(1), ..ReadTuple::default() }];
    let read = ReadCommand { convs, ..ReadCommand::default() };
    client
        .send_bytes(GenericCommand { read_message: Some(read), ..command(CommandType::Read, None) }.encode_to_vec())
        .await;
    assert_eq!(client.request(command(CommandType::Echo, None)).await.cmd(), CommandType::Echo);
}

#[tokio::test]
async fn requests_over_a_rate_are_answered_with_4116_where_the_app_wants_that() {
    let server = Server::with_settings(limits(RateOverflow::Error)).await;
    let mut alice = server.client("alice").await;
    let cid = alice.create_conversation(&["alice"]).await;
    for _ in 0..10 {
        acknowledges(&mut alice, &cid).await;
    }
    for text in ["1", "2", "3"] {
        assert_eq!(alice.request(message(&cid, text)).await.cmd(), CommandType::Ack, "nothing else was counted");
    }
    let refused = alice.request(message(&cid, "4")).await;
    assert_eq!(error_code(&refused), QUOTA_EXCEEDED);
    let error = refused.error_message.unwrap();
    assert_eq!(error.reason, "MESSAGE_SENT_QUOTA_EXCEEDED");
    assert!(error.detail.unwrap().starts_with("`client_sends_per_minute` is 3; the next one is free in "));
    // Each type for itself.
    for _ in 0..2 {
        assert_eq!(alice.request(history(&cid)).await.cmd(), CommandType::Logs);
        assert_eq!(alice.request(conversation(OpType::Count, members(&cid, &[]))).await.op(), OpType::Result);
        assert_eq!(alice.request(online(&["alice"])).await.op(), OpType::QueryResult);
    }
    assert_eq!(error_code(&alice.request(history(&cid)).await), QUOTA_EXCEEDED);
    assert_eq!(error_code(&alice.request(conversation(OpType::Count, members(&cid, &[]))).await), QUOTA_EXCEEDED);
    assert_eq!(error_code(&alice.request(online(&["alice"])).await), QUOTA_EXCEEDED);
    assert_eq!(server.core.store.history(&AppId::new(APP), &cid_of(&cid), &newest()).await.unwrap().len(), 3);
}

fn cid_of(cid: &str) -> hookd_im_core::ids::ConversationId {
    hookd_im_core::ids::ConversationId::new(cid)
}

fn newest() -> hookd_im_core::store::HistoryQuery {
    let direction = hookd_im_core::store::Direction::Old;
    hookd_im_core::store::HistoryQuery { start: None, end: None, direction, limit: 100, message_type: None }
}

#[tokio::test]
async fn a_client_has_one_allowance_over_all_of_its_sessions_and_gets_no_reply_beyond_it() {
    let server = Server::with_settings(limits(RateOverflow::Silent)).await;
    let mut phone = server.client("alice").await;
    let cid = phone.create_conversation(&["alice", "bob"]).await;
    let mut laptop = server.client("alice").await;
    // A socket of several clients.
    assert_eq!(laptop.request(login(Some("bob"), SessionCommand::default())).await.op(), OpType::Opened);
    phone.request(message(&cid, "1")).await;
    phone.request(message(&cid, "2")).await;
    laptop.request(as_peer("alice", message(&cid, "3"))).await;
    phone.start(message(&cid, "4")).await;
    laptop.start(as_peer("alice", message(&cid, "5"))).await;
    let sent = laptop.request(as_peer("bob", message(&cid, "from bob"))).await;
    assert_eq!((sent.cmd(), sent.peer_id.as_deref()), (CommandType::Ack, Some("bob")), "and no reply before it");
    let logged = phone.request(history(&cid)).await.logs_message.unwrap();
    let texts: Vec<_> = logged.logs.iter().map(|item| item.data.clone().unwrap()).collect();
    assert_eq!(texts, ["1", "2", "3", "from bob"]);
    // A change holds at once.
    let settings = ImSettings { client_rate_overflow: RateOverflow::Error, ..limits(RateOverflow::Error) };
    server.core.settings.update(&AppId::new(APP), settings).await.unwrap();
    assert_eq!(error_code(&phone.request(message(&cid, "6")).await), QUOTA_EXCEEDED);
    server.core.settings.update(&AppId::new(APP), ImSettings::default()).await.unwrap();
    assert_eq!(phone.request(message(&cid, "7")).await.cmd(), CommandType::Ack);
}

#[tokio::test]
async fn log_ins_count_once_it_is_known_whose_they_are() {
    let settings = ImSettings { login_signature: true, ..limits(RateOverflow::Error) };
    let server = Server::with_settings(settings).await;
    let mut stranger = Client::connect(server.address).await;
    for _ in 0..5 {
        assert_eq!(error_code(&stranger.request(login(Some("alice"), SessionCommand::default())).await), 4102);
    }
    let settings = limits(RateOverflow::Error);
    server.core.settings.update(&AppId::new(APP), settings).await.unwrap();
    let mut alice = server.client("alice").await;
    alice.log_in("alice").await;
    assert_eq!(error_code(&alice.request(login(Some("alice"), SessionCommand::default())).await), QUOTA_EXCEEDED);
    assert_eq!(alice.request(online(&["alice"])).await.op(), OpType::QueryResult, "the session goes on");
    alice.log_in("bob").await;
    server.core.settings.update(&AppId::new(APP), limits(RateOverflow::Silent)).await.unwrap();
    for _ in 0..2 {
        let mut again = Client::connect(server.address).await;
        again.log_in("carol").await;
    }
    let mut again = Client::connect(server.address).await;
    again.start(login(Some("carol"), SessionCommand::default())).await;
    assert_eq!(again.request(command(CommandType::Echo, None)).await.cmd(), CommandType::Echo, "no reply before it");
}

/// Frames over the limit cost little, and no other app notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_requests_over_the_limit_leaves_other_apps_alone() {
    const FLOOD: i32 = 20_000;
    let server = Server::with_settings(limits(RateOverflow::Silent)).await;
    let mut flooder = server.client("alice").await;
    let cid = flooder.create_conversation(&["alice"]).await;
    let mut other = Client::connect(server.address).await;
    let of_other = GenericCommand { app_id: Some(OTHER_APP.into()), ..login(Some("bob"), SessionCommand::default()) };
    assert_eq!(other.request(of_other).await.op(), OpType::Opened);
    let theirs = other.create_conversation(&["bob"]).await;
    let flooding = tokio::spawn(async move {
        for number in 0..FLOOD {
            flooder.start(message(&cid, &format!("{number} {}", "x".repeat(1000)))).await;
        }
        let mut acknowledged = 0;
        let last = flooder.start(command(CommandType::Echo, None)).await;
        while flooder.read().await.i != Some(last) {
            acknowledged += 1;
        }
        acknowledged
    });
    let mut slowest = Duration::ZERO;
    while !flooding.is_finished() {
        let started = Instant::now();
        assert_eq!(other.request(message(&theirs, "hi")).await.cmd(), CommandType::Ack);
        slowest = slowest.max(started.elapsed());
    }
    assert!((3..10).contains(&flooding.await.unwrap()), "the rest is passed over");
    assert!(slowest < Duration::from_secs(1), "a message of the other app took {slowest:?}");
}

/// S-46: what the history has always comes.
#[tokio::test]
async fn only_transient_messages_are_dropped_over_the_rate_of_an_app() {
    let server = Server::with_settings(ImSettings { outgoing_messages_per_second: 1, ..ImSettings::default() }).await;
    let mut alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    let transient = |text: &str| {
        let direct = DirectCommand {
            cid: Some(cid.clone()),
            msg: Some(text.to_owned()),
            transient: Some(true),
            ..DirectCommand::default()
        };
        GenericCommand { direct_message: Some(direct), ..command(CommandType::Direct, None) }
    };
    for number in 0..20 {
        assert_eq!(alice.request(transient("now")).await.cmd(), CommandType::Ack, "the sender learns nothing of it");
        assert_eq!(alice.request(message(&cid, &number.to_string())).await.cmd(), CommandType::Ack);
    }
    let (mut stored, mut dropped) = (Vec::new(), 20);
    while stored.len() < 20 {
        let push = bob.push().await;
        match push.direct_message {
            Some(direct) if direct.transient == Some(true) => dropped -= 1,
            Some(direct) => stored.push(direct.msg.unwrap()),
            None => {}
        }
    }
    assert_eq!(stored, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(dropped > 10, "only {dropped} of 20 are dropped");
}
