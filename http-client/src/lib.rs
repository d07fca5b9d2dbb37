//! Kept-alive connections that the other side closes.
//!
//! A server may close a connection at the moment in which the next request is on its way there. The client then learns that
//! no byte of an answer came, and cannot know whether the request was read. What browsers do, and RFC 9112 (9.3.1) allows
//! for requests that may be made twice, is to send it once more on a connection of its own.
//!
//! hyper's client does this by itself only for requests of which nothing was written yet. For the others a connector wraps
//! its streams in [`Watched`], and the caller asks [`met_a_closing_connection`] about a failure, and
//! [`answers_an_idle_connection`] about an answer:
//!
//! ```no_run
//! # use http_body_util::Empty;
//! # use hyper_util::client::legacy::{Client, Error, connect::HttpConnector};
//! # type Body = Empty<bytes::Bytes>;
//! # async fn send(
//! #     client: Client<HttpConnector, Body>,
//! #     fresh: Client<HttpConnector, Body>,
//! #     request: http::Request<Body>,
//! # ) -> Result<(), Error> {
//! let sent = match client.request(request.clone()).await {
//!     Err(error) if hookd_http_client::met_a_closing_connection(&error) => fresh.request(request).await,
//!     Ok(answer) if hookd_http_client::answers_an_idle_connection(&answer) => fresh.request(request).await,
//!     sent => sent,
//! };
//! # sent.map(drop)
//! # }
//! ```
//!
//! Which requests may be sent twice is the caller's to know.

mod closing;
mod watched;

pub use closing::{answers_an_idle_connection, met_a_closing_connection};
pub use watched::Watched;
