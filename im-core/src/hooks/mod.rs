//! Hook calls: the seam to the engine, the failure policy, notification hooks.
//!
//! Rules: S-73 … S-87, EC-23 … EC-32.

mod breaker;
mod breaker_state;
mod caller;
mod channels;
mod engine;
mod engine_calls;
pub mod metrics;
mod notifications;
mod policy;
mod settings;

pub use breaker::BreakerReport;
pub use breaker_state::BreakerState;
pub use caller::HookCaller;
pub(crate) use caller::aborted_by;
pub use channels::{channel_of, channels};
pub use engine::{FailureCause, HookCall, HookEngine, HookFailure};
pub use notifications::{DeadLetterReport, Notifications, SessionEvent, Written};
pub use settings::{AppSettings, SettingsError, WordFilterError};
