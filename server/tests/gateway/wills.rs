//! S-51, P-83: will messages over real sockets.

use hookd_im_core::ids::{AppId, ClientId};
use serde_json::json;

use crate::client::{Client, command, history, login, message};
use crate::engine::SLOW;
use crate::server::{APP, Server};
use crate::wire::{CommandType, DirectCommand, GenericCommand, OpType, SessionCommand};

fn will(cid: &str, text: &str) -> GenericCommand {
    let mut command = message(cid, text);
    if let Some(direct) = &mut command.direct_message {
        direct.will = Some(true);
    }
    command
}

async fn pair(server: &Server) -> (Client, Client, String) {
    let (mut alice, mut bob) = (server.client("alice").await, server.client("bob").await);
    let cid = alice.create_conversation(&["alice", "bob"]).await;
    for op in [OpType::Joined, OpType::MembersJoined] {
        assert_eq!(bob.push().await.op(), op);
    }
    (alice, bob, cid)
}

#[tokio::test]
async fn a_will_is_acknowledged_at_once_and_pushed_when_the_socket_is_gone() {
    let server = Server::start().await;
    let (mut alice, mut bob, cid) = pair(&server).await;
    let mut transient = will(&cid, "the first");
    if let Some(direct) = &mut transient.direct_message {
        direct.transient = Some(true);
    }
    // A session that wants no acknowledgement of transient messages.
    let plain = SessionCommand { config_bitmap: Some(0), ..SessionCommand::default() };
    assert_eq!(alice.request(login(Some("alice"), plain)).await.op(), OpType::Opened);
    assert_eq!(alice.request(transient).await.cmd(), CommandType::Ack);
    let ack = alice.request(will(&cid, "I am gone")).await.ack_message.unwrap();
    assert_eq!((ack.code, ack.cid.as_deref()), (None, Some(cid.as_str())));
    bob.assert_undisturbed().await;
    drop(alice);
    let DirectCommand { id, timestamp, msg, from_peer_id, transient, .. } = bob.push().await.direct_message.unwrap();
    assert_eq!((id, timestamp), (ack.uid, ack.t));
    assert_eq!((msg.as_deref(), from_peer_id.as_deref(), transient), (Some("I am gone"), Some("alice"), Some(true)));
    assert!(bob.request(history(&cid)).await.logs_message.unwrap().logs.is_empty());
}

#[tokio::test]
async fn a_client_that_logs_out_leaves_no_will() {
    let server = Server::start().await;
    let (mut alice, mut bob, cid) = pair(&server).await;
    assert_eq!(alice.request(will(&cid, "never")).await.cmd(), CommandType::Ack);
    let closed = alice.request(command(CommandType::Session, Some(OpType::Close))).await;
    assert_eq!(closed.op(), OpType::Closed);
    drop(alice);
    let refused = bob.request(will("64f0c0ffee0000000000ffff", "nowhere")).await.ack_message.unwrap();
    assert_eq!((refused.code, refused.reason.as_deref()), (Some(4401), Some("INVALID_MESSAGING_TARGET")));
    bob.assert_undisturbed().await;
}

/// The end of a connection waits for no hook, and a slow hook of one will holds up no other.
#[tokio::test]
async fn a_will_whose_hook_hangs_holds_nothing_up() {
    let server = Server::start().await;
    let (mut alice, mut bob, cid) = pair(&server).await;
    assert_eq!(alice.request(will(&cid, SLOW)).await.cmd(), CommandType::Ack);
    let mut carol = server.client("carol").await;
    let other = carol.create_conversation(&["carol", "bob"]).await;
    for op in [OpType::Joined, OpType::MembersJoined] {
        assert_eq!(bob.push().await.op(), op);
    }
    assert_eq!(carol.request(will(&other, "quick")).await.cmd(), CommandType::Ack);
    server.engine.reply("_messageReceived", json!({}));
    drop(alice);
    assert_eq!(server.engine.call_of("_messageReceived").await["content"], SLOW);
    assert!(!server.core.online.is_online(&AppId::new(APP), &ClientId::new("alice")));
    drop(carol);
    assert_eq!(bob.push().await.direct_message.unwrap().msg.as_deref(), Some("quick"));
    server.engine.let_go();
    assert_eq!(bob.push().await.direct_message.unwrap().msg.as_deref(), Some(SLOW));
}

/// S-158: a node that stops loses its clients, and asks the hooks about what they leave before it ends.
#[tokio::test]
async fn a_server_that_stops_delivers_the_wills_of_its_clients() {
    let server = Server::start().await;
    let (mut alice, _bob, cid) = pair(&server).await;
    assert_eq!(alice.request(will(&cid, "the server stops")).await.cmd(), CommandType::Ack);
    server.engine.reply("_messageReceived", json!({}));
    server.shutdown.cancel();
    server.tasks.close();
    server.tasks.wait().await;
    assert_eq!(server.engine.call_of("_messageReceived").await["content"], "the server stops");
}
