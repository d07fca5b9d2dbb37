//! The rows of apps, versions and releases.

use super::super::{Attribution, Variables};
use crate::app_keys::Keys;
use crate::app_settings::AppSettings;
use crate::modules::ModuleHash;
use api_types::{Definition, Environment, Isolation, Profile};

/// An app.
pub(crate) struct AppRow {
    pub(crate) id: String,
    pub(crate) keys: Keys,
    pub(crate) settings: AppSettings,
    pub(crate) variables: Variables,
    pub(crate) created_at_ms: i64,
    /// `None`: it is older than profiles.
    pub(crate) profile: Option<Profile>,
}

/// An app that was deleted. Its id is not given again, and its deletion is remembered as long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedApp {
    /// Its id.
    pub id: String,
    /// As [`crate::App::created_at_ms`].
    pub created_at_ms: i64,
    /// When it was deleted, in ms since 1970.
    pub deleted_at_ms: i64,
}

/// A version, as its calls need it.
#[derive(Clone, Debug)]
pub(crate) struct VersionRow {
    pub(crate) number: u64,
    pub(crate) module: ModuleHash,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) isolation: Isolation,
    pub(crate) variables: Variables,
}

/// A new version that becomes live at once.
pub(crate) struct NewRelease {
    pub(crate) app_id: String,
    pub(crate) environment: Environment,
    pub(crate) module: ModuleHash,
    pub(crate) size_bytes: usize,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) isolation: Isolation,
    pub(crate) variables: Variables,
    pub(crate) by: Attribution,
    /// Versions that are deleted for it, with their releases.
    pub(crate) forget: Vec<u64>,
}

/// The outcome of a deployment.
pub(crate) struct Deployed {
    pub(crate) number: u64,
    /// True when versions were removed: there may be modules without a version.
    pub(crate) forgot_versions: bool,
}

/// A version that is kept, as far as its room on disk is concerned.
pub(crate) struct KeptVersion {
    pub(crate) number: u64,
    pub(crate) module: ModuleHash,
    pub(crate) size_bytes: u64,
}

/// Variables for an app, and for what is live in it.
pub(crate) struct NewVariables {
    pub(crate) app_id: String,
    pub(crate) variables: Variables,
    /// The live versions; each gets a successor with these variables.
    pub(crate) live: Vec<(Environment, u64)>,
    pub(crate) by: Attribution,
}
