//! What Prometheus reads. It tells of all apps, so it is the operator's.

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use super::ApiError;
use super::apps::is_admin;
use crate::client::Connection;

/// `GET /metrics` of a process.
pub fn metrics(handle: PrometheusHandle, connection: &Connection) -> Router {
    let admin_key = connection.admin_key.clone();
    let render = async move |headers: HeaderMap| match is_admin(&headers, &admin_key) {
        true => Ok(handle.render()),
        false => Err(ApiError::Unauthorized),
    };
    Router::new().route("/metrics", get(render))
}
