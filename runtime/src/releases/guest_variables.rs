//! What a function reads as its environment: what LeanEngine gives its apps (`engine-contract` §5.5), and the app's own.

use super::{LiveVersion, Variables};
use crate::modules::LoadVariables;
use api_types::Environment;

/// What the platform says to the functions of an app in an environment.
#[derive(Clone, Copy)]
pub(crate) struct PlatformValues<'a> {
    pub(crate) app_id: &'a str,
    pub(crate) app_key: &'a str,
    pub(crate) master_key: &'a str,
    pub(crate) hook_key: &'a str,
    pub(crate) environment: Environment,
    /// Base URL of the REST API.
    pub(crate) api_server: Option<&'a str>,
}

/// The variables of a call of `version`.
pub(crate) fn guest_variables(values: PlatformValues<'_>, version: &LiveVersion) -> Vec<(String, String)> {
    let own = version.variables().iter().map(|(name, variable)| (name.to_owned(), variable.value.clone()));
    let platform = platform(values, Some(version.number()), version.variables());
    platform.map(|(name, value)| (name.to_owned(), value)).chain(own).collect()
}

/// The variables that the files of a bundle read while they are loaded: its version has no number yet then.
pub(crate) fn load_variables(values: PlatformValues<'_>, own: &Variables) -> LoadVariables {
    let platform = platform(values, None, own).map(|(name, value)| (name.to_owned(), value));
    let own = own.iter().map(|(name, variable)| (name.to_owned(), variable.value.clone()));
    LoadVariables::new(platform.chain(own).collect())
}

/// A variable as the app's owner is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenVariable {
    /// Its name.
    pub name: String,
    /// What functions read; `None` for a secret.
    pub value: Option<String>,
    /// One of the app's keys.
    pub is_key: bool,
}

/// What a function reads in an environment: of its live version, or of the next one while there is none.
pub(crate) fn seen_variables(
    values: PlatformValues<'_>,
    live: Option<&LiveVersion>,
    next: &Variables,
) -> Vec<SeenVariable> {
    let variables = live.map_or(next, LiveVersion::variables);
    let platform = platform(values, live.map(LiveVersion::number), variables);
    let platform = platform.map(|(name, value)| SeenVariable {
        name: name.to_owned(),
        value: Some(value),
        is_key: name.ends_with("_KEY"),
    });
    let own = variables.iter().map(|(name, variable)| SeenVariable {
        name: name.to_owned(),
        value: (!variable.secret).then(|| variable.value.clone()),
        is_key: false,
    });
    platform.chain(own).collect()
}

/// The platform's variables. An app may say of NODE_ENV what it likes; the other names cannot be set.
fn platform(
    values: PlatformValues<'_>,
    version: Option<u64>,
    own: &Variables,
) -> impl Iterator<Item = (&'static str, String)> {
    built_in(values, version).filter(|(name, _)| own.get(name).is_none())
}

fn built_in(values: PlatformValues<'_>, version: Option<u64>) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let (env, prod, node_env) = match values.environment {
        Environment::Production => ("production", "1", Some("production")),
        Environment::Staging => ("stage", "0", None),
    };
    let fixed = [
        ("LEANCLOUD_APP_ID", values.app_id.to_owned()),
        ("LEANCLOUD_APP_KEY", values.app_key.to_owned()),
        ("LEANCLOUD_APP_MASTER_KEY", values.master_key.to_owned()),
        ("LEANCLOUD_APP_HOOK_KEY", values.hook_key.to_owned()),
        ("LEANCLOUD_APP_ENV", env.to_owned()),
        ("LEANCLOUD_APP_PROD", prod.to_owned()),
        // The only group that there is.
        ("LEANCLOUD_APP_GROUP", "web".to_owned()),
        ("LC_APP_ID", values.app_id.to_owned()),
        ("LC_APP_KEY", values.app_key.to_owned()),
        ("LC_APP_MASTER_KEY", values.master_key.to_owned()),
    ];
    let api_server = values.api_server.map(str::to_owned);
    let present = [
        ("LEANCLOUD_API_SERVER", api_server.clone()),
        ("LC_API_SERVER", api_server),
        ("LEANCLOUD_VERSION_TAG", version.map(|version| version.to_string())),
        ("NODE_ENV", node_env.map(str::to_owned)),
    ];
    fixed.into_iter().chain(present.into_iter().filter_map(|(name, value)| Some((name, value?))))
}
