//! The WebSocket handshake and the two encodings.

use futures::{SinkExt, StreamExt};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{Client, open};
use crate::server::Server;
use hookd_server::GatewayConfig;

async fn handshake(server: &Server, path: &str, protocols: Option<&str>) -> Result<Option<String>, u16> {
    let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
    if let Some(protocols) = protocols {
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocols.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((_, response)) => {
            Ok(response.headers().get("sec-websocket-protocol").map(|name| name.to_str().unwrap().to_owned()))
        }
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_sub_protocol_is_echoed_on_any_path() {
    let server = Server::start().await;
    for name in ["lc.protobuf2.3", "lc.proto2base64.3", "lc.protobuf2.1", "lc.proto2base64.1"] {
        assert_eq!(handshake(&server, "/some/path", Some(name)).await, Ok(Some(name.to_owned())));
    }
}

#[tokio::test]
async fn a_sub_protocol_in_the_url_is_taken_and_not_echoed() {
    let server = Server::start().await;
    let mut request =
        format!("ws://{}/?a=b&subprotocol=lc.proto2base64.3", server.address).into_client_request().unwrap();
    request.headers_mut().remove("Sec-WebSocket-Protocol");
    let (mut socket, response) = connect_async(request).await.unwrap();
    assert_eq!(response.headers().get("sec-websocket-protocol"), None);
    socket.send(Message::text("CA4oBw==")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("CA4oBw=="));
}

#[tokio::test]
async fn unknown_sub_protocols_are_refused() {
    let server = Server::start().await;
    assert_eq!(handshake(&server, "/", Some("lc.protobuf2.2")).await, Err(400));
    assert_eq!(handshake(&server, "/", Some("lc.protobuf.3")).await, Err(400));
    assert_eq!(handshake(&server, "/", None).await, Err(400));
}

#[tokio::test]
async fn heartbeats_are_echoed_with_and_without_serial_number() {
    let server = Server::start().await;
    let mut client = Client::connect(server.address).await;
    client.send_bytes(vec![8, 14, 0x28, 7]).await;
    let echo = client.read().await;
    assert_eq!((echo.cmd, echo.i), (Some(14), Some(7)));
    client.send_bytes(vec![8, 14]).await;
    assert_eq!(client.read().await.i, None);
}

#[tokio::test]
async fn base64_frames_go_both_ways() {
    let server = Server::start().await;
    let mut socket = open(server.address, "lc.proto2base64.3").await;
    socket.send(Message::text("CA4oBw==")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("CA4oBw=="));
}

#[tokio::test]
async fn connections_beyond_the_limit_are_turned_away_and_let_in_later() {
    let server = Server::with(GatewayConfig { connections: 1, ..GatewayConfig::default() }).await;
    let mut first = Client::connect(server.address).await;
    assert_eq!(handshake(&server, "/", Some("lc.protobuf2.3")).await, Err(503));
    first.socket.close(None).await.unwrap();
    while handshake(&server, "/", Some("lc.protobuf2.3")).await.is_err() {}
}
