//! `_clientOnline` and `_clientOffline`: their order, and the end of an app.

use hookd_im_core::hooks::channel_of;
use hookd_im_core::ids::{AppId, NodeId};
use hookd_im_core::store::{Calls as _, Nodes as _};
use hookd_im_store::sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::client::{Client, Closed, as_peer, command};
use crate::server::{APP, Server};
use crate::wire::{CommandType, OpType};

async fn log_out(client: &mut Client, id: &str) {
    let closed = client.request(as_peer(id, command(CommandType::Session, Some(OpType::Close)))).await;
    assert_eq!(closed.op(), OpType::Closed);
}

#[tokio::test]
async fn a_failing_hook_holds_back_what_comes_after_it_for_the_same_client_only() {
    let server = Server::start().await;
    server.engine.reply("_clientOnline", json!(null));
    server.engine.reply("_clientOffline", json!(null));
    server.engine.fail_for(Some("alice"));
    let mut alice = server.client("alice").await;
    let call = |hook: &'static str, client: &str| (hook, client.to_owned());
    assert_eq!(server.engine.next_call().await, call("_clientOnline", "alice"));
    log_out(&mut alice, "alice").await;
    let mut bob = server.client("bob").await;
    log_out(&mut bob, "bob").await;
    // Alice's first call comes back while bob's are made; her second one must not.
    let mut of_bob = Vec::new();
    while of_bob.len() < 2 {
        let (hook, client) = server.engine.next_call().await;
        match client.as_str() {
            "alice" => assert_eq!(hook, "_clientOnline"),
            _ => of_bob.push(hook),
        }
    }
    assert_eq!(of_bob, ["_clientOnline", "_clientOffline"]);
    server.engine.fail_for(None);
    let mut of_alice = Vec::new();
    while of_alice.last() != Some(&"_clientOffline") {
        let (hook, client) = server.engine.next_call().await;
        assert_eq!(client, "alice");
        of_alice.push(hook);
    }
    assert!(of_alice.len() >= 2, "the failed call is made again before the next one: {of_alice:?}");
}

#[tokio::test]
async fn a_session_that_began_before_the_hook_was_there_is_ended_for_it_after_a_kill() {
    let server = Server::start().await;
    let _alice = server.client("alice").await;
    let mut bob = server.client("bob").await;
    server.engine.reply("_clientOffline", json!(null));
    server.until_noted(2).await;
    log_out(&mut bob, "bob").await;
    assert_eq!(server.engine.next_call().await, ("_clientOffline", "bob".to_owned()));
    server.until_noted(1).await;
    // What the next process does with the file of one that was killed.
    let app = AppId::new(APP);
    let (store, node) = (SqliteStore::open(server.database()).unwrap(), NodeId::generate());
    store.end_lost_nodes(&node).await.unwrap();
    let calls = store.claim(&node, &app, &channel_of("_clientOffline"), 10).await.unwrap().calls;
    let lost: Vec<Value> = calls.iter().map(|call| serde_json::from_slice(&call.payload).unwrap()).collect();
    let lost = lost.iter().find(|params| params["peerId"] == "alice").unwrap();
    assert_eq!((&lost["closeCode"], &lost["closeMsg"]), (&json!(2), &json!("connection lost: the server died")));
}

#[tokio::test]
async fn sessions_of_a_deleted_app_are_closed_with_its_code() {
    let server = Server::start().await;
    server.engine.reply("_clientOffline", json!(null));
    let mut alice = server.client("alice").await;
    server.core.forget_app(&AppId::new("another")).await.unwrap();
    alice.assert_undisturbed().await;
    server.core.forget_app(&AppId::new(APP)).await.unwrap();
    assert_eq!(alice.closed().await, Closed { code: 4100, reason: "APP_NOT_AVAILABLE".into() });
    assert!(!server.core.online.is_online(&AppId::new(APP), &hookd_im_core::ids::ClientId::new("alice")));
}
