//! Logging in, and the logins that fail.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use serde_json::json;

use crate::client::{Client, Closed, as_peer, command, error_code, login, message};
use crate::server::{OTHER_APP, Server};
use crate::wire::{CommandType, GenericCommand, OpType, SessionCommand};
use hookd_server::GatewayConfig;

#[tokio::test]
async fn a_login_answers_what_reconnects_need() {
    let server = Server::start().await;
    server.engine.reply("_clientOnline", json!(null));
    let mut client = Client::connect(server.address).await;
    let opened = client.log_in("alice").await;
    assert_eq!((opened.cmd(), opened.op()), (CommandType::Session, OpType::Opened));
    assert_eq!((opened.peer_id.as_deref(), opened.service), (Some("alice"), Some(2)));
    assert!(opened.server_ts.is_some());
    let session = opened.session_message.unwrap();
    assert!(!session.st.unwrap().is_empty());
    assert!(session.st_ttl.unwrap() >= 86_400);
    let params = server.engine.call_of("_clientOnline").await;
    assert_eq!(params, json!({ "peerId": "alice", "sourceIP": "127.0.0.1" }));
}

/// F-20: a socket that listens on `[::]` reports IPv4 addresses like this.
#[tokio::test]
async fn hooks_get_addresses_in_their_shortest_form() {
    let client: SocketAddr = "[::ffff:192.0.2.7]:5000".parse().unwrap();
    let server = Server::layered(|router| {
        router.layer(map_request(move |mut request: Request| {
            request.extensions_mut().insert(ConnectInfo(client));
            std::future::ready(request)
        }))
    });
    let server = server.await;
    server.engine.reply("_clientOnline", json!(null));
    Client::connect(server.address).await.log_in("alice").await;
    assert_eq!(server.engine.call_of("_clientOnline").await["sourceIP"], "192.0.2.7");
}

#[tokio::test]
async fn a_login_without_client_id_gets_one() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let opened = client.request(login(None, SessionCommand::default())).await;
    assert_eq!(opened.peer_id.unwrap().len(), 24);
}

async fn refused(server: &Server, open: GenericCommand) -> (i32, Closed) {
    let mut client = Client::connect(server.address).await;
    let reply = client.request(open).await;
    (error_code(&reply), client.closed().await)
}

#[tokio::test]
async fn a_login_without_or_with_an_unknown_app_is_answered_then_closed() {
    let server = Server::start().await;
    let mut other = server.client("other").await;
    for app_id in [None, Some("nobody".to_owned())] {
        let open = GenericCommand { app_id, ..login(Some("alice"), SessionCommand::default()) };
        let closed = Closed { code: 4100, reason: "APP_NOT_AVAILABLE".into() };
        assert_eq!(refused(&server, open).await, (4100, closed));
    }
    other.assert_undisturbed().await;
}

#[tokio::test]
async fn bad_client_ids_are_answered_then_closed() {
    let server = Server::start().await;
    for id in ["", &"x".repeat(65)] {
        let closed = Closed { code: 4103, reason: "INVALID_LOGIN".into() };
        assert_eq!(refused(&server, login(Some(id), SessionCommand::default())).await, (4103, closed));
    }
}

#[tokio::test]
async fn a_bad_login_leaves_the_other_clients_of_the_socket_alone() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let reply = client.request(login(Some(""), SessionCommand::default())).await;
    assert_eq!(error_code(&reply), 4103);
    let other_app = GenericCommand { app_id: Some(OTHER_APP.into()), ..login(Some("bob"), SessionCommand::default()) };
    assert_eq!(error_code(&client.request(other_app).await), 4100);
    client.assert_undisturbed().await;
}

#[tokio::test]
async fn a_later_login_may_leave_the_app_out() {
    let server = Server::start().await;
    let mut client = server.client("alice").await;
    let open = GenericCommand { app_id: None, ..login(Some("bob"), SessionCommand::default()) };
    assert_eq!(client.request(open).await.op(), OpType::Opened);
}

#[tokio::test]
async fn a_second_login_of_a_client_replaces_the_first() {
    let server = Server::start().await;
    let mut alice = server.client("alice").await;
    alice.log_in("alice").await;
    let mut bob = server.client("bob").await;
    let cid = bob.create_conversation(&["alice", "bob"]).await;
    alice.push().await;
    alice.push().await;
    bob.request(message(&cid, "once")).await;
    assert_eq!(alice.push().await.direct_message.unwrap().msg.as_deref(), Some("once"));
    alice.assert_undisturbed().await;
}

#[tokio::test]
async fn commands_without_a_session_are_refused() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(error_code(&client.request(message("c", "hi")).await), 4105);
    client.log_in("alice").await;
    assert_eq!(error_code(&client.request(as_peer("bob", message("c", "hi"))).await), 4105);
    let close = command(CommandType::Session, Some(OpType::Close));
    assert_eq!(error_code(&client.request(as_peer("bob", close)).await), 4105);
}

#[tokio::test]
async fn a_socket_holds_no_more_clients_than_configured() {
    let server = Server::with(GatewayConfig { sessions_per_connection: 1, ..GatewayConfig::default() }).await;
    let mut client = server.client("alice").await;
    let reply = client.request(login(Some("bob"), SessionCommand::default())).await;
    assert_eq!(error_code(&reply), 4200);
    client.log_in("alice").await;
}

#[tokio::test]
async fn live_query_logins_are_answered() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    let login =
        GenericCommand { installation_id: Some("i1".into()), service: Some(1), ..command(CommandType::Login, None) };
    let reply = client.request(login).await;
    assert_eq!(
        (reply.cmd(), reply.installation_id.as_deref(), reply.service),
        (CommandType::Loggedin, Some("i1"), Some(1))
    );
}
