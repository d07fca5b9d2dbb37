//! Names that two or more crates share: environments, isolation, reserved hooks, headers of hookd's own. With the feature
//! `host`, which hook projects do not need: bundles of JavaScript, definitions of functions, limits, keys and allowed hosts of
//! apps, the requests and answers of the control API, the connection file, private files, times as text.

#[cfg(feature = "host")]
mod bundle;
#[cfg(feature = "host")]
mod clock;
#[cfg(feature = "host")]
mod connection;
#[cfg(feature = "host")]
pub mod control;
#[cfg(feature = "host")]
mod definition;
mod environment;
pub mod headers;
mod hooks;
#[cfg(feature = "host")]
mod host_pattern;
mod isolation;
#[cfg(feature = "host")]
mod keys;
#[cfg(feature = "host")]
mod limits;
#[cfg(feature = "host")]
pub mod private_file;
#[cfg(feature = "host")]
mod profile;
#[cfg(feature = "host")]
pub mod rfc3339;

#[cfg(feature = "host")]
pub use bundle::{
    BUNDLE_FORMAT, BUNDLE_ROOT, Bundle, BundleLanguage, BundledModule, InvalidBundle, MAX_BUNDLE_BYTES,
    MAX_BUNDLE_FILES,
};
#[cfg(feature = "host")]
pub use clock::clock_is_before_1970;
#[cfg(feature = "host")]
pub use connection::{Connection, ConnectionError, ConnectionFile};
#[cfg(feature = "host")]
pub use definition::Definition;
pub use environment::{Environment, UnknownEnvironment};
pub use hooks::{FunctionKind, HookKind, IM_HOOKS};
#[cfg(feature = "host")]
pub use host_pattern::{HostPattern, InvalidHost};
pub use isolation::{Isolation, UnknownIsolation};
#[cfg(feature = "host")]
pub use keys::{UnusableKey, usable_key};
#[cfg(feature = "host")]
pub use limits::{InvalidLimits, LimitSettings, Limits, Overrides};
#[cfg(feature = "host")]
pub use profile::{Profile, UnknownProfile};
