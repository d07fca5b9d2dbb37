//! The RPC in front of everything else that a server answers.
//!
//! A router costs about as much as the rest of the way through HTTP: it looks the path up, and writes down what matched.
//! The paths of the RPC are few and its calls many, so they are told apart by hand.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tower::Service;

use super::{ping, serve};
use crate::engine::Engine;

/// LeanEngine's HTTP contract for any method (EC-2), and a router for all other paths.
#[derive(Clone)]
pub struct RpcService {
    engine: Engine,
    elsewhere: Router,
    peer: Option<Peer>,
}

/// Whoever is at the other end of the connection.
#[derive(Clone)]
struct Peer {
    address: SocketAddr,
    /// Its IP address as text, made once a connection.
    ip: Arc<str>,
}

/// Makes an [`RpcService`] of each connection; give it to [`axum::serve()`].
#[derive(Clone)]
pub struct RpcConnections(RpcService);

impl RpcService {
    pub(crate) fn new(engine: Engine, elsewhere: Router) -> Self {
        Self { engine, elsewhere, peer: None }
    }

    /// The same for connections that tell who is at their other end; the router sees it as [`ConnectInfo`].
    pub fn into_connections(self) -> RpcConnections {
        RpcConnections(self)
    }

    fn connected_to(&self, address: SocketAddr) -> Self {
        let ip = address.ip().to_canonical().to_string().into();
        Self { peer: Some(Peer { address, ip }), ..self.clone() }
    }
}

impl Service<Request> for RpcService {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match Place::of(request.uri().path()) {
            Place::Functions => {
                let engine = self.engine.clone();
                let peer = self.peer.as_ref().map(|peer| peer.ip.clone());
                Box::pin(async move { Ok(serve(&engine, peer.as_deref(), request).await) })
            }
            Place::Health => Box::pin(std::future::ready(Ok(ping()))),
            Place::Elsewhere => {
                if let Some(peer) = &self.peer {
                    request.extensions_mut().insert(ConnectInfo(peer.address));
                }
                Box::pin(self.elsewhere.call(request))
            }
        }
    }
}

impl<L: Listener<Addr = SocketAddr>> Service<IncomingStream<'_, L>> for RpcConnections {
    type Response = RpcService;
    type Error = Infallible;
    type Future = std::future::Ready<Result<RpcService, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, L>) -> Self::Future {
        std::future::ready(Ok(self.0.connected_to(*stream.remote_addr())))
    }
}

/// Who answers a path.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Functions,
    Health,
    Elsewhere,
}

impl Place {
    fn of(path: &str) -> Self {
        let versioned = path.strip_prefix("/1.1/").or_else(|| path.strip_prefix("/1/"));
        let below = versioned.and_then(|rest| rest.strip_prefix("functions").or_else(|| rest.strip_prefix("call")));
        match (below, path) {
            (Some(rest), _) if rest.is_empty() || rest.starts_with('/') => Self::Functions,
            (_, "/__engine/1/ping" | "/__engine/1.1/ping" | "/__engine/1.1/ping/") => Self::Health,
            _ => Self::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_and_both_words_are_functions() {
        for path in ["/1.1/functions/hello", "/1/functions/hello", "/1.1/call/hello", "/1/call/", "/1.1/functions"] {
            assert_eq!(Place::of(path), Place::Functions, "{path}");
        }
    }

    #[test]
    fn words_that_only_begin_alike_are_elsewhere() {
        for path in ["/1.1/functionsx", "/1.1/calls/a", "/1.2/functions/a", "/functions/a", "/1.1", "/__engine/1/ping/"]
        {
            assert_eq!(Place::of(path), Place::Elsewhere, "{path}");
        }
    }
}
