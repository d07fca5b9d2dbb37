//! Environment variables of an app: list, change. A secret's value is never shown.

use api_types::control::{
    ChangedVariables, DifferingVariables, ListedVariables, NewVariable, SeenQuery, ShownVariable, VariableChanges,
};
use axum::Json;
use axum::extract::State;
use hookd_runtime::{Environment, SeenVariable, SetVariablesError, Variable, Variables};

use super::attribution::By;
use super::input::{JsonBody, Parameters};
use super::shown_release;
use super::{ApiError, Authorized, Control, internal, to_the_end};

pub(super) async fn list(
    State(control): State<Control>,
    Authorized(app): Authorized,
) -> Result<Json<ListedVariables>, ApiError> {
    listed(&control, &app.id).map(Json)
}

/// The variables that functions read. A secret has no value here, and a key is shown only on request.
pub(super) async fn seen(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Parameters(seen): Parameters<SeenQuery>,
) -> Result<Json<Vec<ShownVariable>>, ApiError> {
    let environment = seen.environment.unwrap_or(Environment::Production);
    let variables = control.engine.seen_variables(&app.id, environment).ok_or(ApiError::Unauthorized)?;
    let shown = variables.into_iter().filter(|variable| seen.keys || !variable.is_key);
    let one = |SeenVariable { name, value, .. }| ShownVariable { name, secret: value.is_none(), value };
    Ok(Json(shown.map(one).collect()))
}

pub(super) async fn change(
    State(control): State<Control>,
    Authorized(app): Authorized,
    By(by): By,
    JsonBody(changes): JsonBody<VariableChanges>,
) -> Result<Json<ChangedVariables>, ApiError> {
    let new = |NewVariable { value, secret }| Variable { value, secret };
    let set = changes.set.into_iter().map(|(name, variable)| (name, new(variable))).collect();
    let changes = hookd_runtime::VariableChanges { set, unset: changes.unset };
    let (engine, id) = (control.engine.clone(), app.id.clone());
    let changing = async move { engine.change_variables(&id, changes, by).await };
    let released = to_the_end(changing).await?.map_err(|error| match error {
        SetVariablesError::Invalid(refused) => ApiError::BadRequest(refused.to_string()),
        unusable @ SetVariablesError::Unusable { .. } => ApiError::BadRequest(unusable.to_string()),
        SetVariablesError::UnknownApp(app) => ApiError::AppDeleted(app),
        SetVariablesError::Metadata(error) => internal(error),
    })?;
    let releases = released.iter().map(shown_release::shown).collect();
    Ok(Json(ChangedVariables { listed: listed(&control, &app.id)?, releases }))
}

/// The variables that the next version gets, and the names whose values differ in what is live.
fn listed(control: &Control, app: &str) -> Result<ListedVariables, ApiError> {
    let variables = control.engine.variables(app).ok_or(ApiError::Unauthorized)?;
    let differs = |environment| {
        let live = control.engine.live_variables(app, environment).unwrap_or_else(|| Variables::clone(&variables));
        differing(&variables, &live)
    };
    let differs =
        DifferingVariables { production: differs(Environment::Production), staging: differs(Environment::Staging) };
    Ok(ListedVariables { variables: shown(&variables), differs })
}

fn differing(one: &Variables, other: &Variables) -> Vec<String> {
    let changed = one.iter().filter(|(name, variable)| other.get(name) != Some(variable));
    let missing = other.iter().filter(|(name, _)| one.get(name).is_none());
    changed.chain(missing).map(|(name, _)| name.to_owned()).collect()
}

/// The value of a secret is `null`.
pub(super) fn shown(variables: &Variables) -> Vec<ShownVariable> {
    let one = |(name, variable): (&str, &Variable)| ShownVariable {
        name: name.to_owned(),
        value: (!variable.secret).then(|| variable.value.clone()),
        secret: variable.secret,
    };
    variables.iter().map(one).collect()
}
