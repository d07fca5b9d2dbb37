//! Versions of apps, and which of them is live where.

mod attribution;
mod guest_variables;
mod history;
pub(crate) mod metadata;
mod variables;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

pub use self::attribution::{Attribution, InvalidAttribution};
pub use self::guest_variables::SeenVariable;
pub(crate) use self::guest_variables::{PlatformValues, guest_variables, load_variables, seen_variables};
pub(crate) use self::history::before_present;
pub use self::history::{KEPT_RELEASES, PastRelease, ReleaseAct, Version};
pub(crate) use self::metadata::{AppRow, KeptVersion, NewRelease, NewVariables, VersionRow};
pub use self::metadata::{DeletedApp, MetadataError};
pub use self::variables::{InvalidVariables, Variable, VariableChanges, Variables};
use crate::meters::{AppMeters, FunctionMeters};
use crate::modules::{ModuleError, Modules, Refusal, StoredModule};
use crate::sandbox::IdleInstances;
use api_types::{Definition, Environment, FunctionKind, Isolation};

/// A module to deploy.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Whose module.
    pub app_id: String,
    /// Where it becomes live.
    pub environment: Environment,
    /// What separates its calls from each other.
    pub isolation: Isolation,
    /// The component.
    pub module: Bytes,
    /// Author and reason of the deployment.
    pub by: Attribution,
}

/// How far a deployment is, for progress displays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployStage {
    /// Is it a hook module?
    Validating,
    /// To machine code, which takes the longest.
    Compiling,
    /// Asking the module for its functions.
    ReadingDefinitions,
    /// To disk.
    Storing,
    /// The switch.
    Releasing,
}

impl fmt::Display for DeployStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validating => "validating the module",
            Self::Compiling => "compiling it to machine code",
            Self::ReadingDefinitions => "reading its definitions",
            Self::Storing => "storing it",
            Self::Releasing => "releasing it",
        })
    }
}

/// A version that became live in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Whose version.
    pub app_id: String,
    /// Where it is live now.
    pub environment: Environment,
    /// Counted per app: 1, 2, 3 …
    pub version: u64,
    /// SHA-256 of the module's bytes, in hexadecimal.
    pub module: String,
    /// What separates its calls from each other.
    pub isolation: Isolation,
    /// The functions of the version.
    pub definitions: Vec<Definition>,
}

/// Why a deployment did not become live.
#[derive(Debug, Error)]
pub enum DeployError {
    /// The app does not exist.
    #[error("the app `{0}` does not exist")]
    UnknownApp(String),
    /// The upload is at fault; nothing was stored.
    #[error(transparent)]
    Refused(Refusal),
    /// The engine is at fault.
    #[error("{what}")]
    Internal {
        /// The step that failed.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database is at fault.
    #[error("cannot record the release")]
    Metadata(#[from] MetadataError),
}

impl From<ModuleError> for DeployError {
    fn from(error: ModuleError) -> Self {
        match error {
            ModuleError::Refused(refusal) => Self::Refused(refusal),
            ModuleError::Internal { what, source } => Self::Internal { what, source },
        }
    }
}

/// Why an existing version did not become live.
#[derive(Debug, Error)]
pub enum ReleaseError {
    /// The app does not exist.
    #[error("the app `{0}` does not exist")]
    UnknownApp(String),
    /// Publishing needs a version in staging.
    #[error("staging has no version to publish; deploy one there first")]
    NothingStaged,
    /// Rolling back needs an earlier version.
    #[error("production has had no earlier version")]
    NothingToRollBackTo,
    /// The version was never deployed, or was removed.
    #[error("version {version} does not exist; {}", known_versions(*known))]
    UnknownVersion {
        /// The version asked for.
        version: u64,
        /// The oldest and the newest version that are kept; `None` when there is none.
        known: Option<(u64, u64)>,
    },
    /// The version's module cannot be loaded, or was built for another version of the contract.
    #[error("version {version} cannot be run: {reason}")]
    Unusable {
        /// The version.
        version: u64,
        /// Why.
        reason: String,
    },
    /// The database is at fault.
    #[error("cannot record the release")]
    Metadata(#[from] MetadataError),
}

/// Versions between the two may be gone: those that no kept release names.
fn known_versions(known: Option<(u64, u64)>) -> String {
    match known {
        None => "nothing was deployed yet".to_owned(),
        Some((oldest, newest)) if oldest == newest => format!("there is only version {newest}"),
        Some((oldest, newest)) => {
            format!("of versions {oldest} to {newest}, `hookd releases` lists those that are kept")
        }
    }
}

/// Why variables were not changed.
#[derive(Debug, Error)]
pub enum SetVariablesError {
    /// The app does not exist.
    #[error("the app `{0}` does not exist")]
    UnknownApp(String),
    /// A rule would be broken; nothing was changed.
    #[error(transparent)]
    Invalid(#[from] InvalidVariables),
    /// What is live cannot be loaded with the new variables; nothing was changed.
    #[error("nothing was changed, because what is live in {environment} does not run with these variables: {reason}")]
    Unusable {
        /// Where it is live.
        environment: Environment,
        /// Why.
        reason: String,
    },
    /// The database is at fault.
    #[error("cannot store the variables")]
    Metadata(#[from] MetadataError),
}

/// A version while it is live in one environment.
#[derive(Debug)]
pub(crate) struct LiveVersion {
    row: VersionRow,
    pub(crate) module: Arc<StoredModule>,
    /// Those that wait for their next call, when the version is warm.
    pub(crate) idle_instances: Option<IdleInstances>,
    functions: HashMap<String, LiveFunction>,
}

/// The facts about its function that a call needs.
#[derive(Debug)]
pub(crate) struct LiveFunction {
    pub(crate) kind: FunctionKind,
    pub(crate) internal: bool,
    pub(crate) meters: Arc<FunctionMeters>,
}

impl LiveVersion {
    /// `values`: of its app, in the environment where it is live.
    pub(crate) fn new(row: VersionRow, modules: &Modules, meters: &AppMeters, values: PlatformValues<'_>) -> Self {
        let live = |one: &Definition| {
            let (kind, meters) = (FunctionKind::of(&one.name), meters.function(&one.name));
            (one.name.clone(), LiveFunction { kind, internal: one.internal, meters })
        };
        let functions = row.definitions.iter().map(live).collect();
        let module = modules.named(&row.module, &load_variables(values, &row.variables));
        Self { module, idle_instances: modules.idle_instances_of_release(row.isolation), functions, row }
    }

    /// The same version in another environment, or with other keys of its app; with instances of its own.
    pub(crate) fn again(&self, modules: &Modules, meters: &AppMeters, values: PlatformValues<'_>) -> Self {
        Self::new(self.row.clone(), modules, meters, values)
    }

    /// The same module as another version, with other variables.
    pub(crate) fn with_variables(
        &self,
        number: u64,
        variables: Variables,
        modules: &Modules,
        meters: &AppMeters,
        values: PlatformValues<'_>,
    ) -> Self {
        Self::new(VersionRow { number, variables, ..self.row.clone() }, modules, meters, values)
    }

    pub(crate) fn number(&self) -> u64 {
        self.row.number
    }

    pub(crate) fn definitions(&self) -> &[Definition] {
        &self.row.definitions
    }

    pub(crate) fn variables(&self) -> &Variables {
        &self.row.variables
    }

    pub(crate) fn function(&self, name: &str) -> Option<&LiveFunction> {
        self.functions.get(name)
    }

    pub(crate) fn release(&self, app_id: &str, environment: Environment) -> Release {
        Release {
            app_id: app_id.to_owned(),
            environment,
            version: self.row.number,
            module: self.row.module.0.clone(),
            isolation: self.row.isolation,
            definitions: self.row.definitions.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_version_is_refused_with_the_known_ones() {
        let text = |known| ReleaseError::UnknownVersion { version: 9, known }.to_string();
        assert_eq!(text(None), "version 9 does not exist; nothing was deployed yet");
        assert_eq!(text(Some((1, 1))), "version 9 does not exist; there is only version 1");
        let text = text(Some((1, 3)));
        assert!(text.contains("versions 1 to 3"), "{text}");
    }
}
