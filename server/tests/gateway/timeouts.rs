//! Sockets that are silent, idle, or do not read.

use std::time::Duration;

use serde_json::json;

use crate::client::{Client, Closed, command, message};
use crate::server::Server;
use crate::wire::CommandType;
use hookd_server::GatewayConfig;

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_socket_without_a_login_is_closed() {
    let server = Server::with(GatewayConfig { login_timeout: SHORT, ..GatewayConfig::default() }).await;
    let mut client = Client::connect(server.address).await;
    client.request(command(CommandType::Echo, None)).await;
    assert_eq!(client.closed().await, Closed { code: 4108, reason: "LOGIN_TIMEOUT".into() });
}

#[tokio::test]
async fn a_silent_socket_is_closed_and_its_session_lost() {
    let server = Server::with(GatewayConfig { read_timeout: SHORT, ..GatewayConfig::default() }).await;
    server.engine.reply("_clientOffline", json!(null));
    let mut client = server.client("alice").await;
    assert_eq!(client.closed().await, Closed { code: 4107, reason: "READ_TIMEOUT".into() });
    let params = server.engine.call_of("_clientOffline").await;
    assert_eq!((&params["closeCode"], &params["errorCode"]), (&json!(2), &json!(4107)));
    assert_eq!(params["errorMsg"], "READ_TIMEOUT");
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_socket_and_slows_no_other() {
    let server = Server::with(GatewayConfig { write_timeout: SHORT, ..GatewayConfig::default() }).await;
    server.engine.reply("_clientOffline", json!(null));
    let mut alice = server.client("alice").await;
    let _deaf = server.client("deaf").await;
    let cid = alice.create_conversation(&["alice", "deaf"]).await;
    alice.push().await;
    alice.push().await;
    let offline = server.engine.call_of("_clientOffline");
    tokio::pin!(offline);
    let text = "x".repeat(5 * 1024);
    let params = loop {
        let sent = async {
            for _ in 0..32 {
                alice.start(message(&cid, &text)).await;
            }
            for _ in 0..32 {
                assert_eq!(alice.read().await.cmd(), CommandType::Ack);
            }
        };
        tokio::select! {
            biased;
            params = &mut offline => break params,
            () = sent => {}
        }
    };
    assert_eq!((&params["peerId"], &params["closeCode"]), (&json!("deaf"), &json!(2)));
}
