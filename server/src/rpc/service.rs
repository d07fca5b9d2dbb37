//! The RPC in front of everything else that a server answers.
//!
//! A router costs about as much as the rest of the way through HTTP: it looks the path up, and writes down what matched.
//! The paths of the RPC are few and its calls many, so they are matched by hand.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use hookd_runtime::Engine;
use http::{Request, Response};
use tower::ServiceExt as _;

use super::incoming_body::IncomingBodies;
use super::{Caller, ping, serve};

/// LeanEngine's HTTP contract for any method (EC-2): `/1.1` and `/1`, `functions` and `call`, `_ops/metadatas`,
/// `/__engine/1/ping`. A router answers all other paths.
#[derive(Clone)]
pub struct RpcService {
    engine: Engine,
    bodies: Arc<IncomingBodies>,
    elsewhere: Router,
}

/// What answers the requests of one connection.
pub struct RpcConnection {
    service: RpcService,
    is_known: Box<dyn Fn() + Send + Sync>,
}

impl RpcService {
    /// The functions of an engine; `elsewhere` answers all other paths.
    pub fn new(engine: Engine, elsewhere: Router) -> Self {
        Self { engine, bodies: Arc::default(), elsewhere }
    }

    /// For one connection. `is_known` is called whenever a request on it has shown the right keys of an app.
    pub fn connection(&self, is_known: impl Fn() + Send + Sync + 'static) -> RpcConnection {
        RpcConnection { service: self.clone(), is_known: Box::new(is_known) }
    }
}

impl RpcConnection {
    /// Answers a request; reading its body has a deadline. The request's [`ConnectInfo`] names the client.
    /// Forwarding headers count only from the platform, which sends the app's hook key.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        match Place::of(request.uri().path()) {
            Place::Functions => {
                let caller = Caller { client: client(&request), is_known: &*self.is_known };
                serve((&self.service.engine, &self.service.bodies), caller, request).await.map(Body::from)
            }
            Place::Health => ping().map(Body::from),
            Place::Elsewhere => {
                let Ok(response) = self.service.elsewhere.clone().oneshot(request.map(Body::new)).await;
                response
            }
        }
    }
}

fn client<B>(request: &Request<B>) -> Option<IpAddr> {
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>();
    client.map(|ConnectInfo(client)| client.ip().to_canonical())
}

/// The handler of a path.
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
