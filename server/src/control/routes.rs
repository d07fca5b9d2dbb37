//! The list of control calls. The server serves exactly the listed calls.

use axum::http::{Method, Uri};
use axum::routing::{MethodRouter, any, get};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use super::ApiError;

/// Where the list is served.
pub(super) const PATH: &str = "/hookd/v1";

/// Whose key a call needs.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Key {
    /// The master key of the app in the path.
    Master,
    /// The installation's admin key.
    Admin,
    /// Either.
    MasterOrAdmin,
}

/// A control call as it is listed.
#[derive(Debug, Serialize)]
struct Route {
    method: String,
    path: &'static str,
    key: Key,
}

/// Routes, each with its line in the list.
pub(super) struct Routes<S> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Serves a call, and lists it. The handler checks the key.
    pub(super) fn route(mut self, method: Method, path: &'static str, key: Key, handler: MethodRouter<S>) -> Self {
        self.list.push(Route { method: method.to_string(), path, key });
        Self { router: self.router.route(path, handler), list: self.list }
    }

    /// Puts something around the routes so far.
    pub(super) fn layered(self, layer: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        Self { router: layer(self.router), list: self.list }
    }

    /// The routes with their list, and the answers for unknown calls.
    pub(super) fn finish(self) -> Router<S> {
        let (router, list) = self.parts();
        let router = router.route(PATH, get(move || std::future::ready(Json(list))));
        router
            .method_not_allowed_fallback(wrong_method)
            .route("/hookd/v1/", any(unknown_call))
            .route("/hookd/v1/{*rest}", any(unknown_call))
    }

    /// The routes and their list.
    pub(super) fn parts(self) -> (Router<S>, Value) {
        let list = json!(self.list);
        (self.router, list)
    }
}

/// Answers a path of the control API that leads nowhere.
pub(super) async fn unknown_call(uri: Uri) -> ApiError {
    ApiError::UnknownCall(format!("unknown control call `{}`; `GET {}` lists all", uri.path(), PATH))
}

/// Answers a path of the control API that is not called so.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let text = format!("unknown control call `{method} {}`; `GET {}` lists all", uri.path(), PATH);
    ApiError::WrongMethod(text)
}
