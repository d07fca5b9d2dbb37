//! The yardstick: the least that a server on a general HTTP stack can do, axum.

use std::io::Write as _;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use bytes::Bytes;

/// Serves until it is killed; prints its address first.
pub fn serve() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        writeln!(std::io::stdout(), "{}", serde_json::json!({ "url": url }))?;
        // As hookd sets its sockets up.
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        axum::serve(listener, Router::new().route("/1.1/functions/{name}", post(echo))).await?;
        Ok(())
    })
}

async fn echo(body: Bytes) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json; charset=UTF-8")], body)
}
