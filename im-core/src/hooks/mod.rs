//! Hook calls: the seam to the engine, the failure policy, the queue of notifications.
//!
//! Rules: S-73 … S-87, EC-23 … EC-32.

mod breaker;
mod caller;
mod engine;
mod engine_calls;
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
pub use notifications::{Notifications, PresenceEvent, Receipt};
pub use queue::HookQueue;
pub use redis_queue::{RedisHookQueue, RedisNodes};
pub use settings::{AppSettings, SettingsError};
