//! The WebSocket handshake (P-20, P-21).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Shared;
use super::config::FRAME_LIMIT_BYTES;
use super::connection::Connection;
use super::dispatch::Socket;
use super::on_login::OnLogin;
use super::reject::rejection;
use crate::gateway::outgoing::OutgoingSender;
use crate::gateway::protocol::{Encoding, SubProtocol};
use hookd_im_core::presence::LoginSource;

/// How long the transport may take to change hands after the answer.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers every request that no route takes: an upgrade begins a connection, on any path; all else does not exist.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    let upgrade = request.headers().get(header::UPGRADE);
    if !upgrade.is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return rejection(StatusCode::NOT_FOUND, 1, "no such resource");
    }
    let mut response = match create_response_with_body(&request, Body::empty) {
        Ok(response) => response,
        Err(error) => return refused(&error),
    };
    let Some((protocol, is_in_header)) = sub_protocol(&request) else {
        let text = "none of the offered sub-protocols is spoken here; offer `lc.protobuf2.3` or `lc.proto2base64.3`";
        return rejection(StatusCode::BAD_REQUEST, 1, text);
    };
    let Some(transport) = request.extensions_mut().remove::<OnUpgrade>() else {
        return rejection(StatusCode::BAD_REQUEST, 1, "this HTTP connection cannot be upgraded");
    };
    let Ok(permit) = shared.connections.clone().try_acquire_owned() else {
        return rejection(StatusCode::SERVICE_UNAVAILABLE, 1, "the server has no room for another connection");
    };
    if is_in_header {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol.name));
    }
    let address = client.ip().to_canonical();
    let on_login = request.extensions_mut().remove::<OnLogin>();
    let web_origin = web_origin(&request);
    let tasks = shared.tasks.clone();
    tasks.spawn(serve(shared, transport, protocol.encoding, ((address, web_origin), on_login), permit));
    response
}

async fn serve(
    shared: Arc<Shared>,
    transport: OnUpgrade,
    encoding: Encoding,
    ((remote_address, web_origin), on_login): ((IpAddr, Option<String>), Option<OnLogin>),
    _permit: OwnedSemaphorePermit,
) {
    let upgraded = match tokio::time::timeout(UPGRADE_TIMEOUT, transport).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(error)) => return tracing::debug!(%error, "a connection broke during its handshake"),
        Err(_) => return tracing::debug!("a connection did not finish its handshake in time"),
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_LIMIT_BYTES))
        .max_frame_size(Some(FRAME_LIMIT_BYTES))
        .read_buffer_size(READ_BUFFER_BYTES);
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (sender, outgoing) = OutgoingSender::new();
    let source = LoginSource { connection: shared.next_connection(), remote_address };
    let at = Socket { source, sender, web_origin };
    Connection::new(shared, socket, encoding, (at, outgoing), on_login).run().await;
}

/// Commands are small, and an idle connection keeps its buffer.
const READ_BUFFER_BYTES: usize = 2 * 1024;

/// An origin that is longer than any is kept in part: it is none that an app allows.
const ORIGIN_BYTES: usize = 512;

/// The page that a browser names. The app, which may allow some pages only, is known with the first log-in (P-20).
fn web_origin(request: &Request) -> Option<String> {
    let origin = request.headers().get(header::ORIGIN)?;
    let known = origin.to_str().unwrap_or_default();
    Some(known.get(..ORIGIN_BYTES).unwrap_or(known).to_owned())
}

/// The sub-protocol that is spoken, and whether the answer names it: WeChat clients name it in the URL, all others in a header.
fn sub_protocol(request: &Request) -> Option<(SubProtocol, bool)> {
    let offered: Vec<_> = request
        .headers()
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    match offered.is_empty() {
        true => in_query(request).map(|protocol| (protocol, false)),
        false => SubProtocol::select(&offered.join(",")).map(|protocol| (protocol, true)),
    }
}

fn in_query(request: &Request) -> Option<SubProtocol> {
    let query = request.uri().query()?;
    query.split('&').filter_map(|pair| pair.strip_prefix("subprotocol=")).find_map(SubProtocol::select)
}

fn refused(error: &SocketError) -> Response {
    let mut response = rejection(StatusCode::BAD_REQUEST, 1, &format!("no WebSocket handshake: {error}"));
    if matches!(error, SocketError::Protocol(ProtocolError::MissingSecWebSocketVersionHeader)) {
        *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    response
}
