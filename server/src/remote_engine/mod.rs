//! Engines in other processes: hookd's own over TCP or a Unix socket, and the LeanEngine app that an app's settings name.
//!
//! Rules: S-73 … S-75, EC-23 … EC-32.

mod address;
mod answer;
mod check_url;
mod engine_addresses;
mod engine_of_app;
mod http_engine;
mod known_hooks;
mod request_permits;

pub use self::address::{EngineAddress, EngineConnector, EngineUrlError};
pub use self::check_url::check_engine_url;
pub(crate) use self::check_url::{check_host, check_literal, resolve};
pub use self::engine_addresses::{AddressCheck, EveryAddress};
pub use self::engine_of_app::EngineOfApp;
pub use self::http_engine::HttpEngine;
pub(crate) use self::request_permits::{Holder, RequestPermit, RequestPermits};
