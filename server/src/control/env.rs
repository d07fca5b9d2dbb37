//! Environment variables of an app: list, change. A secret's value is never shown.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};
use hookd_runtime::{
    Environment, SeenVariable, SetVariablesError, UnknownEnvironment, Variable, VariableChanges, Variables,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::attribution::By;
use super::input::JsonBody;
use super::release_json::release_json;
use super::{ApiError, Authorized, Control, internal, to_the_end};

pub(super) async fn list(State(control): State<Control>, Authorized(app): Authorized) -> Result<Json<Value>, ApiError> {
    Ok(Json(listed(&control, &app.id)?.into()))
}

/// What to show.
#[derive(Deserialize)]
pub(super) struct Seen {
    environment: Option<String>,
    #[serde(default)]
    keys: bool,
}

/// What functions read. A secret has no value here, and a key is shown only on request.
pub(super) async fn seen(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Query(seen): Query<Seen>,
) -> Result<Json<Value>, ApiError> {
    let environment = match seen.environment.as_deref() {
        Some(name) => name.parse().map_err(|error: UnknownEnvironment| ApiError::BadRequest(error.to_string()))?,
        None => Environment::Production,
    };
    let variables = control.engine.seen_variables(&app.id, environment).ok_or(ApiError::Unauthorized)?;
    let shown = variables.into_iter().filter(|variable| seen.keys || !variable.is_key);
    let one = |SeenVariable { name, value, .. }| json!({"name": name, "secret": value.is_none(), "value": value});
    Ok(Json(shown.map(one).collect()))
}

/// Names to set or unset; the rest stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    #[serde(default)]
    set: BTreeMap<String, Variable>,
    #[serde(default)]
    unset: Vec<String>,
}

pub(super) async fn change(
    State(control): State<Control>,
    Authorized(app): Authorized,
    By(by): By,
    JsonBody(changes): JsonBody<Changes>,
) -> Result<Json<Value>, ApiError> {
    let changes = VariableChanges { set: changes.set, unset: changes.unset };
    let (engine, id) = (control.engine.clone(), app.id.clone());
    let changing = async move { engine.change_variables(&id, changes, by).await };
    let released = to_the_end(changing).await?.map_err(|error| match error {
        SetVariablesError::Invalid(refused) => ApiError::BadRequest(refused.to_string()),
        SetVariablesError::UnknownApp(app) => ApiError::AppDeleted(app),
        SetVariablesError::Metadata(error) => internal(error),
    })?;
    let mut answer = listed(&control, &app.id)?;
    answer.insert("releases".to_owned(), released.iter().map(release_json).collect());
    Ok(Json(answer.into()))
}

/// The variables that the next version gets, and the names whose values differ in what is live.
fn listed(control: &Control, app: &str) -> Result<Map<String, Value>, ApiError> {
    let variables = control.engine.variables(app).ok_or(ApiError::Unauthorized)?;
    let differs = |environment| {
        let live = control.engine.live_variables(app, environment).unwrap_or_else(|| Variables::clone(&variables));
        let names: Vec<String> = differing(&variables, &live);
        names
    };
    let mut listed = Map::new();
    listed.insert("variables".to_owned(), shown(&variables));
    listed.insert(
        "differs".to_owned(),
        json!({"production": differs(Environment::Production), "staging": differs(Environment::Staging)}),
    );
    Ok(listed)
}

fn differing(one: &Variables, other: &Variables) -> Vec<String> {
    let changed = one.iter().filter(|(name, variable)| other.get(name) != Some(variable));
    let missing = other.iter().filter(|(name, _)| one.get(name).is_none());
    changed.chain(missing).map(|(name, _)| name.to_owned()).collect()
}

/// The value of a secret is `null`.
pub(super) fn shown(variables: &Variables) -> Value {
    let one = |(name, variable): (&str, &Variable)| {
        let value = (!variable.secret).then_some(&variable.value);
        json!({"name": name, "value": value, "secret": variable.secret})
    };
    variables.iter().map(one).collect()
}
