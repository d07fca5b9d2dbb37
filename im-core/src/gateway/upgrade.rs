//! The WebSocket handshake (P-20, P-21).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Shared;
use super::config::FRAME_LIMIT_BYTES;
use super::connection::Connection;
use super::reject::rejection;
use crate::delivery::Outbox;
use crate::presence::Socket;
use crate::protocol::{Encoding, SubProtocol};

/// How long the transport may take to change hands after the answer.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers every request that no route takes: an upgrade begins a connection, on any path; all else does not exist.
pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    if !has_token(request.headers(), header::UPGRADE, "websocket") {
        return rejection(StatusCode::NOT_FOUND, 1, "no such resource");
    }
    let offer = match Offer::read(&request) {
        Ok(offer) => offer,
        Err(refusal) => return refusal.into_response(),
    };
    let Some(transport) = request.extensions_mut().remove::<OnUpgrade>() else {
        return rejection(StatusCode::BAD_REQUEST, 1, "this HTTP connection cannot be upgraded");
    };
    let Ok(permit) = shared.connections.clone().try_acquire_owned() else {
        return rejection(StatusCode::SERVICE_UNAVAILABLE, 1, "the server has no room for another connection");
    };
    let address = remote_address(&shared, request.headers(), peer.ip());
    let response = offer.accept();
    let tasks = shared.tasks.clone();
    tasks.spawn(serve(shared, transport, offer.protocol.encoding, address, permit));
    response
}

async fn serve(
    shared: Arc<Shared>,
    transport: OnUpgrade,
    encoding: Encoding,
    remote_address: IpAddr,
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
    let (outbox, outgoing) = Outbox::new();
    let at = Socket { connection: shared.next_connection(), outbox, remote_address };
    Connection::new(shared, socket, encoding, (at, outgoing)).run().await;
}

/// Commands are small, and an idle connection keeps its buffer.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// What a client asks for.
struct Offer {
    accept_key: String,
    protocol: SubProtocol,
    /// Named in the header, so that the answer must name it too; WeChat clients name it in the URL.
    in_header: bool,
}

impl Offer {
    fn read(request: &Request) -> Result<Self, Refusal> {
        let headers = request.headers();
        if request.method() != Method::GET || !has_token(headers, header::CONNECTION, "upgrade") {
            return Err(Refusal::NoHandshake);
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(Refusal::Version);
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(Refusal::NoKey)?;
        let offered: Vec<_> =
            headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok()).collect();
        let in_header = !offered.is_empty();
        let protocol = if in_header { SubProtocol::select(&offered.join(",")) } else { in_query(request) };
        let protocol = protocol.ok_or(Refusal::SubProtocol)?;
        Ok(Self { accept_key: derive_accept_key(key.as_bytes()), protocol, in_header })
    }

    fn accept(&self) -> Response {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        *response.body_mut() = Body::empty();
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(key) = HeaderValue::from_str(&self.accept_key) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
        }
        if self.in_header {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(self.protocol.name));
        }
        response
    }
}

/// Why a handshake fails.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    NoHandshake,
    Version,
    NoKey,
    SubProtocol,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let bad = |error| rejection(StatusCode::BAD_REQUEST, 1, error);
        match self {
            Self::NoHandshake => bad("a WebSocket handshake is a GET request with `Connection: Upgrade`"),
            Self::NoKey => bad("`Sec-WebSocket-Key` is missing"),
            Self::SubProtocol => {
                bad("none of the offered sub-protocols is spoken here; offer `lc.protobuf2.3` or `lc.proto2base64.3`")
            }
            Self::Version => {
                let text = "only WebSocket version 13 is spoken here";
                let mut response = rejection(StatusCode::UPGRADE_REQUIRED, 1, text);
                response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                response
            }
        }
    }
}

fn in_query(request: &Request) -> Option<SubProtocol> {
    let query = request.uri().query()?;
    query.split('&').filter_map(|pair| pair.strip_prefix("subprotocol=")).find_map(SubProtocol::select)
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// The address that hooks are told. Behind a trusted proxy: the one that the proxy saw, which it appends as the last.
fn remote_address(shared: &Shared, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    if !shared.config.trust_forwarded_headers {
        return peer;
    }
    headers
        .get_all("x-forwarded-for")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok())
        .unwrap_or(peer)
}
