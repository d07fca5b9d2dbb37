//! What a function reads as its environment: what LeanEngine gives its apps (`engine-contract` §5.5), and the app's own.

use std::sync::Arc;

use super::LiveVersion;
use crate::apps::App;
use crate::environment::Environment;
use crate::sandbox::GuestVariables;

/// The variables of a call.
pub(crate) fn guest_variables(app: Arc<App>, environment: Environment, version: Arc<LiveVersion>) -> GuestVariables {
    Arc::new(move || all(&app, environment, &version))
}

fn all(app: &App, environment: Environment, version: &LiveVersion) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let own = version.variables().iter().map(|(name, variable)| pair(name, &variable.value));
    let platform = built_in(app, environment, version.number());
    // An app may say of NODE_ENV what it likes; the other names cannot be set.
    let platform = platform.filter(|(name, _)| version.variables().get(name).is_none());
    platform.map(|(name, value)| pair(name, &value)).chain(own).collect()
}

fn built_in(app: &App, environment: Environment, version: u64) -> impl Iterator<Item = (&'static str, String)> {
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
        ("LEANCLOUD_VERSION_TAG", version.to_string()),
        ("LC_APP_ID", app.id.clone()),
        ("LC_APP_KEY", app.app_key.clone()),
        ("LC_APP_MASTER_KEY", app.master_key.clone()),
    ];
    fixed.into_iter().chain(node_env.map(|value| ("NODE_ENV", value.to_owned())))
}
