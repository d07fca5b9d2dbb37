//! The list of control calls: what is served is what is listed.

use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::json;

use super::Control;
use axum::http::Method;

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
#[derive(Default)]
pub(super) struct Routes {
    router: Router<Control>,
    list: Vec<Route>,
}

impl Routes {
    /// Serves a call, and lists it. The handler checks the key.
    pub(super) fn route(
        mut self,
        method: Method,
        path: &'static str,
        key: Key,
        handler: MethodRouter<Control>,
    ) -> Self {
        self.list.push(Route { method: method.to_string(), path, key });
        Self { router: self.router.route(path, handler), list: self.list }
    }

    /// Serves the list at `path`.
    pub(super) fn finish(self, path: &str) -> Router<Control> {
        let list = json!(self.list);
        self.router.route(path, get(move || std::future::ready(Json(list))))
    }
}
