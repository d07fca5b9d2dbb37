//! Headers of hookd's own, between its processes and its commands.

use std::time::Duration;

/// Shows the key of the installation.
pub const ADMIN_KEY: &str = "x-hookd-admin-key";

/// In the head of an answer that comes bit by bit: a blank comes at least so often, in seconds, when nothing else does.
pub const KEEP_ALIVE: &str = "x-hookd-keep-alive";

/// After this time without a byte, such an answer counts as lost.
pub const KEPT_ALIVE_TIME: Duration = Duration::from_secs(30);
