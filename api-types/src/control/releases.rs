//! Versions, and the releases that made them live.

use serde::{Deserialize, Serialize};

use super::{ListedVariables, ShownVariable};
use crate::{Environment, Isolation};

/// How a module is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployQuery {
    /// Where it becomes live.
    pub environment: Environment,
    /// The separation of its calls.
    #[serde(default)]
    pub isolation: Isolation,
}

/// Author and reason of a release, in the query of every call that releases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attribution {
    /// A name; may be empty.
    pub author: String,
    /// The reason; may be empty.
    pub message: String,
}

/// One line of a deployment's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum DeployEvent<R = Release> {
    /// The server goes on to a step.
    Stage {
        /// The step, in words.
        stage: String,
    },
    /// The version is live. The last line.
    Released {
        /// The release.
        release: R,
    },
    /// The module was refused, and nothing was stored. The last line.
    Refused {
        /// Why.
        error: String,
    },
    /// The server failed. The last line.
    Failed {
        /// Why.
        error: String,
    },
}

/// A version that became live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The app.
    pub app_id: String,
    /// Where it is live.
    pub environment: Environment,
    /// Its number, counted for each app: 1, 2, 3 …
    pub version: u64,
    /// SHA-256 of the module, in hex.
    pub module: String,
    /// The separation of its calls.
    pub isolation: Isolation,
    /// The names of its functions.
    pub functions: Vec<String>,
}

/// The version to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackTo {
    /// Its number; without it, the version that was live before the present one.
    pub version: Option<u64>,
}

/// Which releases to list, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasesQuery {
    /// So many at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A release of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRelease {
    /// The version that became live, and where.
    #[serde(flatten)]
    pub release: Release,
    /// `deploy`, `publish`, `rollback` or `env`.
    pub act: String,
    /// When, as `2026-11-21T05:16:36.123Z`.
    pub at: String,
    /// Size of the module.
    pub size_bytes: u64,
    /// Empty when it was not given.
    pub author: String,
    /// May be empty.
    pub message: String,
    /// True for the newest release of its environment.
    pub live: bool,
}

/// All that is recorded about a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The app.
    pub app_id: String,
    /// Its number.
    pub version: u64,
    /// SHA-256 of the module, in hex.
    pub module: String,
    /// Size of the module.
    pub size_bytes: u64,
    /// The separation of its calls.
    pub isolation: Isolation,
    /// When it was deployed, as `2026-11-21T05:16:36.123Z`.
    pub created_at: String,
    /// Its functions.
    pub functions: Vec<VersionFunction>,
    /// Its environment variables.
    pub variables: Vec<ShownVariable>,
    /// The releases of it.
    pub releases: Vec<PastRelease>,
}

/// A function of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFunction {
    /// As in `/1.1/functions/{name}`.
    pub name: String,
    /// Only callers with the master key or the hook key may call it.
    pub internal: bool,
}

/// A live version, and why it cannot be called if it cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedVersion {
    /// Where it is live.
    pub environment: Environment,
    /// Its number.
    pub version: u64,
    /// Why it cannot be called.
    pub problem: Option<String>,
}

/// The variables of an app after a change, which releases versions with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedVariables {
    /// All of them.
    #[serde(flatten)]
    pub listed: ListedVariables,
    /// The versions that the change made live.
    pub releases: Vec<Release>,
}
