//! Reconnects, conflicts, the end of sessions.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::MaybeTlsStream;

use crate::client::{Client, as_peer, command, error_code, login, message};
use crate::server::{APP, APP_KEY, Server};
use crate::wire::{CommandType, GenericCommand, OpType, SessionCommand};

const APP_NOT_AVAILABLE: i32 = 4100;

fn device(name: &str, tag: Option<&str>) -> SessionCommand {
    SessionCommand {
        r: Some(false),
        device_id: Some(name.into()),
        tag: tag.map(str::to_owned),
        ..SessionCommand::default()
    }
}

fn reconnect(token: Option<&str>) -> SessionCommand {
    SessionCommand { r: Some(true), st: token.map(str::to_owned), ..SessionCommand::default() }
}

fn token(opened: GenericCommand) -> String {
    opened.session_message.unwrap().st.unwrap()
}

async fn open(server: &Server, session: SessionCommand) -> (Client, GenericCommand) {
    let mut client = Client::connect(server.address).await;
    let reply = client.request(login(Some("alice"), session)).await;
    (client, reply)
}

#[tokio::test]
async fn a_reconnect_by_token_gets_a_fresh_token_and_its_tag_back() {
    let server = Server::start().await;
    server.engine.reply("_clientOnline", json!(null));
    server.engine.reply("_clientOffline", json!(null));
    let (mut client, opened) = open(&server, device("d1", Some("phone"))).await;
    let online = json!({ "peerId": "alice", "sourceIP": "127.0.0.1", "tag": "phone", "reconnect": 0 });
    assert_eq!(server.engine.call_of("_clientOnline").await, online);
    client.socket.close(None).await.unwrap();
    let offline = json!({ "peerId": "alice", "closeCode": 2, "closeMsg": "connection lost", "tag": "phone" });
    assert_eq!(server.engine.call_of("_clientOffline").await, offline);

    let (_client, reopened) = open(&server, reconnect(Some(&token(opened)))).await;
    assert_eq!(reopened.op(), OpType::Opened);
    assert!(!token(reopened).is_empty());
    let online = json!({ "peerId": "alice", "sourceIP": "127.0.0.1", "tag": "phone", "reconnect": 1 });
    assert_eq!(server.engine.call_of("_clientOnline").await, online);
}

#[tokio::test]
async fn unknown_tokens_and_tokens_of_others_are_refused_without_closing() {
    let server = Server::start().await;
    let mut bob = Client::connect(server.address).await;
    let of_bob = token(bob.log_in("bob").await);
    for text in ["nonsense", "a.b", of_bob.as_str()] {
        let (mut client, reply) = open(&server, reconnect(Some(text))).await;
        assert_eq!(error_code(&reply), 4112);
        let again = client.request(login(Some("alice"), reconnect(None))).await;
        assert_eq!(again.op(), OpType::Opened);
    }
}

#[tokio::test]
async fn a_login_with_the_same_tag_on_another_device_closes_the_older_session() {
    let server = Server::start().await;
    server.engine.reply("_clientOffline", json!(null));
    let (mut older, opened) = open(&server, device("d1", Some("phone"))).await;
    let (_newer, reply) = open(&server, device("d2", Some("phone"))).await;
    assert_eq!(reply.op(), OpType::Opened);

    let push = older.push().await;
    assert_eq!((push.cmd(), push.op(), push.peer_id.as_deref()), (CommandType::Session, OpType::Closed, Some("alice")));
    let closed = push.session_message.unwrap();
    assert_eq!((closed.code, closed.reason.as_deref()), (Some(4111), Some("SESSION_CONFLICT")));
    let params = server.engine.call_of("_clientOffline").await;
    assert_eq!((&params["closeCode"], &params["sourceIP"]), (&json!(3), &json!("127.0.0.1")));

    assert_eq!(error_code(&older.request(message("c", "hi")).await), 4105);
    let return_of_older = older.request(login(Some("alice"), reconnect(Some(&token(opened))))).await;
    assert_eq!(error_code(&return_of_older), 4111);
}

#[tokio::test]
async fn a_reconnect_does_not_displace_another_device_with_its_tag() {
    let server = Server::start().await;
    server.engine.reply("_clientOffline", json!(null));
    let (mut first, opened) = open(&server, device("d1", Some("phone"))).await;
    first.socket.close(None).await.unwrap();
    server.engine.call_of("_clientOffline").await;
    let (mut second, _) = open(&server, device("d2", Some("phone"))).await;
    let (_, reply) = open(&server, reconnect(Some(&token(opened)))).await;
    assert_eq!(error_code(&reply), 4111);
    second.assert_undisturbed().await;
}

#[tokio::test]
async fn a_device_that_comes_back_replaces_its_stale_session_silently() {
    let server = Server::start().await;
    server.engine.reply("_clientOffline", json!(null));
    let (mut stale, opened) = open(&server, device("d1", Some("phone"))).await;
    let (_fresh, reply) = open(&server, reconnect(Some(&token(opened)))).await;
    assert_eq!(reply.op(), OpType::Opened);
    assert_eq!(server.engine.call_of("_clientOffline").await["closeCode"], 2);
    stale.assert_undisturbed().await;
    assert_eq!(error_code(&stale.request(message("c", "hi")).await), 4105);
}

#[tokio::test]
async fn untagged_devices_live_side_by_side() {
    let server = Server::start().await;
    for tag in [None, Some(""), Some("default")] {
        let (mut first, _) = open(&server, device("d1", tag)).await;
        let (_second, _) = open(&server, device("d2", tag)).await;
        first.assert_undisturbed().await;
    }
}

#[tokio::test]
async fn a_logout_is_answered_and_cannot_be_undone_by_a_reconnect() {
    let server = Server::start().await;
    server.engine.reply("_clientOffline", json!(null));
    let mut client = server.client("bob").await;
    let opened = client.log_in("alice").await;
    let reply = client.request(as_peer("alice", command(CommandType::Session, Some(OpType::Close)))).await;
    assert_eq!((reply.op(), reply.session_message), (OpType::Closed, None));
    let offline = json!({ "peerId": "alice", "closeCode": 1, "closeMsg": "logged out", "sourceIP": "127.0.0.1" });
    assert_eq!(server.engine.call_of("_clientOffline").await, offline);
    let back = client.request(login(Some("alice"), reconnect(Some(&token(opened))))).await;
    assert_eq!(error_code(&back), 4105);
    client.assert_undisturbed().await;
}

#[tokio::test]
async fn clients_learn_which_of_twenty_are_online() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    let _bob = server.client("bob").await;
    let mut asked: Vec<_> = ["bob", "nobody", "alice"].map(str::to_owned).into();
    asked.extend((0..17).map(|number| format!("nobody{number}")));
    asked.push("alice".into());
    let query = SessionCommand { session_peer_ids: asked, ..SessionCommand::default() };
    let query = GenericCommand { session_message: Some(query), ..command(CommandType::Session, Some(OpType::Query)) };
    let result = alice.request(query).await;
    assert_eq!(result.op(), OpType::QueryResult);
    assert_eq!(result.session_message.unwrap().online_session_peer_ids, ["bob", "alice"]);
}

#[tokio::test]
async fn a_token_can_be_refreshed_by_its_own_session_only() {
    let server = Server::start().await;
    let (mut client, opened) = open(&server, device("d1", None)).await;
    let refresh = |st: &str| GenericCommand {
        session_message: Some(SessionCommand { st: Some(st.into()), ..SessionCommand::default() }),
        ..command(CommandType::Session, Some(OpType::Refresh))
    };
    let refreshed = client.request(refresh(&token(opened))).await;
    assert_eq!(refreshed.op(), OpType::Refreshed);
    assert!(refreshed.session_message.unwrap().st_ttl.unwrap() >= 86_400);
    let mut other = Client::connect(server.address).await;
    let foreign = token(other.log_in("bob").await);
    assert_eq!(error_code(&client.request(refresh(&foreign)).await), 4112);
}

#[tokio::test]
async fn a_session_that_outlives_its_keys_goes_on_with_the_present_ones() {
    let server = Server::start().await;
    server.engine.reply("_messageReceived", json!({}));
    let (mut client, opened) = open(&server, device("d1", None)).await;
    let group = client.create_conversation(&["alice", "bob"]).await;
    server.apps.rotate_keys();

    client.request(message(&group, "hello")).await;
    server.engine.call_of("_messageReceived").await;
    assert_eq!(server.engine.hook_key(), "hook-key 1", "an engine takes no other");

    let old = token(opened);
    let refresh = GenericCommand {
        session_message: Some(SessionCommand { st: Some(old.clone()), ..SessionCommand::default() }),
        ..command(CommandType::Session, Some(OpType::Refresh))
    };
    let refreshed = token(client.request(refresh).await);
    let (_elsewhere, with_old) = open(&server, reconnect(Some(&old))).await;
    assert_eq!(error_code(&with_old), 4112, "a holder of the old master key could have made it");
    let (_elsewhere, with_new) = open(&server, reconnect(Some(&refreshed))).await;
    assert_eq!(with_new.op(), OpType::Opened);
}

#[tokio::test]
async fn a_session_ends_with_its_app() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let group = client.create_conversation(&["alice", "bob"]).await;
    server.apps.delete_all();
    let refused = client.request(message(&group, "hello")).await;
    assert_eq!(error_code(&refused), APP_NOT_AVAILABLE);
    assert_eq!(i32::from(client.closed().await.code), APP_NOT_AVAILABLE);
    let (_client, refused) = open(&server, device("d1", None)).await;
    assert_eq!(error_code(&refused), APP_NOT_AVAILABLE);
}

#[tokio::test]
async fn a_stopping_server_says_so_and_waits_for_its_tasks() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    server.shutdown.cancel();
    assert_eq!(client.closed().await.code, 1001);
    server.tasks.close();
    tokio::time::timeout(std::time::Duration::from_secs(10), server.tasks.wait()).await.unwrap();
}

/// F-17: a fault of the network never counts as a frame that cannot be parsed.
#[tokio::test]
async fn a_lost_connection_is_lost_without_an_error() {
    let server = Server::start().await;
    server.engine.reply("_clientOffline", json!(null));
    let lost = json!({ "peerId": "alice", "closeCode": 2, "closeMsg": "connection lost" });
    let start_of_a_frame: &[u8] = &[0x82, 0xfe, 0x01];
    for (resets, before) in [(false, &[][..]), (true, &[]), (false, start_of_a_frame), (true, start_of_a_frame)] {
        let mut client = server.client("alice").await;
        let MaybeTlsStream::Plain(stream) = client.socket.get_mut() else { unreachable!() };
        stream.write_all(before).await.unwrap();
        if resets {
            stream.set_zero_linger().unwrap();
        }
        drop(client);
        assert_eq!(server.engine.call_of("_clientOffline").await, lost, "reset: {resets}, after {before:?}");
    }
    let mut both_ways = server.client("alice").await;
    let MaybeTlsStream::Plain(stream) = both_ways.socket.get_mut() else { unreachable!() };
    stream.shutdown().await.unwrap();
    assert_eq!(server.engine.call_of("_clientOffline").await, lost, "the peer sends nothing more, and still reads");
}

/// F-28.
#[tokio::test]
async fn the_token_of_an_ended_login_stays_dead_after_a_restart() {
    let server = Server::start().await;
    let (mut logs_out, opened) = open(&server, device("d1", None)).await;
    let logged_out = token(opened);
    let closed = logs_out.request(command(CommandType::Session, Some(OpType::Close))).await;
    assert_eq!(closed.op(), OpType::Closed);
    let (_older, opened) = open(&server, device("d2", Some("phone"))).await;
    let displaced = token(opened);
    let (_newer, opened) = open(&server, device("d3", Some("phone"))).await;
    let alive = token(opened);

    let server = server.restarted().await;
    for (token, code) in [(&logged_out, 4105), (&displaced, 4111)] {
        let (_client, reply) = open(&server, reconnect(Some(token))).await;
        assert_eq!(error_code(&reply), code);
        assert_eq!(missed_events(&server, token).await, 401);
    }
    assert_eq!(missed_events(&server, &alive).await, 200);
    let (_client, reopened) = open(&server, reconnect(Some(&alive))).await;
    assert_eq!(reopened.op(), OpType::Opened);
}

/// The status of a call for missed events with this token.
async fn missed_events(server: &Server, token: &str) -> u16 {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "GET /1.1/rtm/notifications?client_id=alice HTTP/1.1\r\nHost: im.example.org\r\nConnection: close\r\n\
         X-LC-Id: {APP}\r\nX-LC-Key: {APP_KEY}\r\nX-LC-IM-Session-Token: {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}
