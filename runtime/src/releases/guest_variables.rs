//! What a function reads as its environment: what LeanEngine gives its apps (`engine-contract` §5.5), and the app's own.

use std::sync::Arc;

use super::{LiveVersion, Variables};
use crate::apps::App;
use crate::sandbox::GuestVariables;
use api_types::Environment;

/// The variables of a call.
pub(crate) fn guest_variables(app: Arc<App>, environment: Environment, version: Arc<LiveVersion>) -> GuestVariables {
    Arc::new(move || all(&app, environment, &version))
}

fn all(app: &App, environment: Environment, version: &LiveVersion) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let own = version.variables().iter().map(|(name, variable)| pair(name, &variable.value));
    let platform = platform(app, environment, Some(version.number()), version.variables());
    platform.map(|(name, value)| pair(name, &value)).chain(own).collect()
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
pub(crate) fn seen_variables(app: &App, environment: Environment) -> Vec<SeenVariable> {
    let live = app.live(environment).load_full();
    let next = app.variables();
    let variables = live.as_ref().map_or(&*next, |live| live.variables());
    let platform = platform(app, environment, live.as_ref().map(|live| live.number()), variables);
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
    app: &App,
    environment: Environment,
    version: Option<u64>,
    own: &Variables,
) -> impl Iterator<Item = (&'static str, String)> {
    built_in(app, environment, version).filter(|(name, _)| own.get(name).is_none())
}

fn built_in(
    app: &App,
    environment: Environment,
    version: Option<u64>,
) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let (env, prod, node_env) = match environment {
        Environment::Production => ("production", "1", Some("production")),
        Environment::Staging => ("stage", "0", None),
    };
    let fixed = [
        ("LEANCLOUD_APP_ID", app.id.clone()),
        ("LEANCLOUD_APP_KEY", app.app_key.clone()),
        ("LEANCLOUD_APP_MASTER_KEY", app.master_key.clone()),
        ("LEANCLOUD_APP_HOOK_KEY", app.hook_key.clone()),
        ("LEANCLOUD_APP_ENV", env.to_owned()),
        ("LEANCLOUD_APP_PROD", prod.to_owned()),
        // The only group that there is.
        ("LEANCLOUD_APP_GROUP", "web".to_owned()),
        ("LC_APP_ID", app.id.clone()),
        ("LC_APP_KEY", app.app_key.clone()),
        ("LC_APP_MASTER_KEY", app.master_key.clone()),
    ];
    let api_server = app.api_server().map(str::to_owned);
    let present = [
        ("LEANCLOUD_API_SERVER", api_server.clone()),
        ("LC_API_SERVER", api_server),
        ("LEANCLOUD_VERSION_TAG", version.map(|version| version.to_string())),
        ("NODE_ENV", node_env.map(str::to_owned)),
    ];
    fixed.into_iter().chain(present.into_iter().filter_map(|(name, value)| Some((name, value?))))
}
