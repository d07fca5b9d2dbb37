//! The settings of an app's owner for its functions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use api_types::HostPattern;
use api_types::LimitSettings;

/// Settings of an app that the engine applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppSettings {
    /// Limits of the app and of its functions.
    pub limits: LimitSettings,
    /// Hosts that the app's functions may send HTTP requests to; none by default.
    pub allowed_hosts: BTreeSet<HostPattern>,
}
