//! The RPC in front of everything else that a server answers.
//!
//! A router costs about as much as the rest of the way through HTTP: it looks the path up, and writes down what matched.
//! The paths of the RPC are few and its calls many, so they are told apart by hand.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{Request, Response};
use tower::ServiceExt as _;

use super::{Caller, ping, serve};
use crate::engine::Engine;

/// LeanEngine's HTTP contract for any method (EC-2), and a router for all other paths.
#[derive(Clone)]
pub struct RpcService {
    engine: Engine,
    elsewhere: Router,
}

/// What answers the requests of one connection.
pub struct RpcConnection {
    service: RpcService,
    peer: Option<Peer>,
    is_known: Box<dyn Fn() + Send + Sync>,
}

/// Whoever is at the other end of the connection.
struct Peer {
    address: SocketAddr,
    /// Its IP address as text, made once a connection.
    ip: String,
}

impl RpcService {
    pub(crate) fn new(engine: Engine, elsewhere: Router) -> Self {
        Self { engine, elsewhere }
    }

    /// For one connection. Where its other end is known by an address, the router sees that as [`ConnectInfo`].
    /// `is_known` is called whenever a request on it has shown the right keys of an app.
    pub fn connection(&self, peer: Option<SocketAddr>, is_known: impl Fn() + Send + Sync + 'static) -> RpcConnection {
        let peer = peer.map(|address| Peer { address, ip: address.ip().to_canonical().to_string() });
        RpcConnection { service: self.clone(), peer, is_known: Box::new(is_known) }
    }
}

impl RpcConnection {
    /// Answers a request; reading its body has a deadline.
    pub async fn answer<B>(&self, mut request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        match Place::of(request.uri().path()) {
            Place::Functions => serve(&self.service.engine, self.caller(), request).await.map(Body::from),
            Place::Health => ping().map(Body::from),
            Place::Elsewhere => {
                if let Some(peer) = &self.peer {
                    request.extensions_mut().insert(ConnectInfo(peer.address));
                }
                let Ok(response) = self.service.elsewhere.clone().oneshot(request.map(Body::new)).await;
                response
            }
        }
    }

    fn caller(&self) -> Caller<'_> {
        Caller { ip: self.peer.as_ref().map(|peer| peer.ip.as_str()), is_known: &*self.is_known }
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
