//! Environment variables of an app.

use std::sync::Arc;

use super::Engine;
use crate::apps::App;
use crate::releases::{
    Attribution, LiveVersion, NewVariables, Release, ReleaseAct, SeenVariable, SetVariablesError, VariableChanges,
    Variables, seen_variables,
};
use api_types::Environment;

impl Engine {
    /// The variables that an app's next version gets. No I/O.
    pub fn variables(&self, app: &str) -> Option<Arc<Variables>> {
        self.0.apps.with(app, |app| app.variables())
    }

    /// The variables of the live version; after a rollback they are not the app's. No I/O.
    pub fn live_variables(&self, app: &str, environment: Environment) -> Option<Variables> {
        let variables = |app: &App| app.live(environment).load().as_ref().map(|live| live.variables().clone());
        self.0.apps.with(app, variables).flatten()
    }

    /// What the app's functions read in an environment, the platform's variables and the keys included. No I/O.
    pub fn seen_variables(&self, app: &str, environment: Environment) -> Option<Vec<SeenVariable>> {
        let seen = |app: &App| {
            let live = app.live(environment).load_full();
            seen_variables(app.platform_values(environment), live.as_deref(), &app.variables())
        };
        self.0.apps.with(app, seen)
    }

    /// Changes the variables of an app, in both environments: each live version gets a successor with the same module
    /// and the new variables. Answers these releases; none when nothing is live, or when the change changes nothing.
    pub async fn change_variables(
        &self,
        app: &str,
        changes: VariableChanges,
        by: Attribution,
    ) -> Result<Vec<Release>, SetVariablesError> {
        let app = self.app(app).ok_or_else(|| SetVariablesError::UnknownApp(app.to_owned()))?;
        let _changing = app.changing().lock().await;
        let app = self.current(&app).ok_or_else(|| SetVariablesError::UnknownApp(app.id.clone()))?;
        let variables = app.variables().with(changes)?;
        let environments = [Environment::Production, Environment::Staging];
        let live: Vec<_> = environments
            .into_iter()
            .filter_map(|environment| Some((environment, app.live(environment).load_full()?)))
            .collect();
        if variables == *app.variables() && live.iter().all(|(_, live)| *live.variables() == variables) {
            return Ok(Vec::new());
        }
        let with_variables = |(environment, live): &(Environment, Arc<LiveVersion>), number| {
            let values = app.platform_values(*environment);
            live.with_variables(number, variables.clone(), &self.0.modules, app.meters(), values)
        };
        // Bundles are loaded with them, and may fail. What is loaded here stays until it is live.
        let mut loaded = Vec::new();
        for one in &live {
            let module = with_variables(one, one.1.number()).module;
            if !Arc::ptr_eq(&module, &one.1.module) {
                let loading = self.0.modules.code(&module, &app.module_share().compiling);
                loading.await.map_err(|reason| SetVariablesError::Unusable { environment: one.0, reason })?;
                loaded.push(module);
            }
        }
        let numbers = live.iter().map(|(environment, live)| (*environment, live.number())).collect();
        let new = NewVariables { app_id: app.id.clone(), variables: variables.clone(), live: numbers, by };
        let numbers = self.0.metadata.change_variables(new).await?;
        app.set_variables(variables.clone());
        let released = numbers.into_iter().zip(&live).map(|((environment, number), one)| {
            self.go_live(&app, environment, with_variables(one, number), ReleaseAct::Env)
        });
        Ok(released.collect())
    }
}
