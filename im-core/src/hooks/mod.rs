//! Hook calls: the seam to the engine, the failure policy, the queue of notifications.
//!
//! Rules: S-73 … S-87, EC-23 … EC-32.

mod breaker;
mod caller;
mod engine;
mod engine_addresses;
mod engine_calls;
mod engine_of_app;
mod http_engine;
pub mod metrics;
mod notifications;
mod policy;
pub mod queue;
mod redis_queue;
mod settings;

pub use breaker::{BreakerReport, BreakerState};
pub use caller::HookCaller;
pub(crate) use caller::aborted_by;
pub use engine::{FailureCause, HookCall, HookEngine, HookFailure};
pub use engine_addresses::{AddressCheck, EveryAddress, ProhibitedAddress, check_engine_url};
pub use engine_of_app::EngineOfApp;
pub use http_engine::{
    EngineAddress, EngineConnector, EngineStream, EngineUrlError, Holder, HttpEngine, OnTheWay, Places,
};
pub use notifications::Notifications;
pub(crate) use notifications::{PresenceEvent, Receipt};
pub use queue::HookQueue;
pub use redis_queue::{RedisHookQueue, RedisNodes};
pub use settings::{AppSettings, SettingsError};
