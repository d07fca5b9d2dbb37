//! HTTP requests, to the hosts that the app allows: `hookd settings --allow-host api.example.com`.
//!
//! ```
//! use hook_sdk::http;
//! # let _stand_in = http::stand_in(|_| Ok(http::Response::new(200).with_body(r#"{"result":0}"#)));
//!
//! # fn run() -> hook_sdk::Result<()> {
//! let answer = http::post("https://moderation.example.com/check")
//!     .header("x-secret", "abc")
//!     .json(&serde_json::json!({"text": "hello"}))?
//!     .send()?;
//! if answer.is_success() {
//!     let verdict: serde_json::Value = answer.json()?;
//! #   assert_eq!(verdict["result"], 0);
//! }
//! # Ok(())
//! # }
//! # run().unwrap();
//! ```
//!
//! A request waits within the call's deadline, and counts on the call's limits `http_requests` and `http_bytes`. Addresses
//! of private networks are refused, under any name. Redirects are followed, each like a new request.
//!
//! In `cargo test` nothing leaves the machine: a [`stand_in`] answers. A module that never calls [`Request::send`] does not
//! import `wasi:http`.

mod error;
#[cfg(target_family = "wasm")]
mod guest;
mod redirect;
mod request;
mod response;
mod send;
#[cfg(not(target_family = "wasm"))]
mod stand_in;
mod url;

pub use error::Error;
#[cfg(target_family = "wasm")]
use guest::send_once;
pub use request::{Request, get, post};
pub use response::Response;
#[cfg(not(target_family = "wasm"))]
use stand_in::send_once;
#[cfg(not(target_family = "wasm"))]
pub use stand_in::{StandIn, stand_in};
