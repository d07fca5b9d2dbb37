//! The operations that make a version live, and its history.

use std::sync::Arc;

use bytes::Bytes;

use super::Engine;
use crate::apps::App;
use crate::modules::Prepared;
use crate::releases::{
    Attribution, DeployError, DeployStage, Deployment, LiveVersion, NewRelease, PastRelease, Release, ReleaseAct,
    ReleaseError, Variables, Version, VersionRow, before_present, load_variables,
};
use api_types::Environment;

impl Engine {
    /// Makes a module a new version of an app and that version live. A refused upload leaves nothing behind.
    pub async fn deploy(
        &self,
        deployment: Deployment,
        progress: &(dyn Fn(DeployStage) + Send + Sync),
    ) -> Result<Release, DeployError> {
        let Deployment { app_id, environment, isolation, module, by } = deployment;
        let app = self.app(&app_id).ok_or_else(|| DeployError::UnknownApp(app_id.clone()))?;
        let modules = &self.0.modules;
        let storing = self.0.storing.read().await;

        progress(DeployStage::Validating);
        modules.validate(&module).await?;
        progress(DeployStage::Compiling);
        let size_bytes = module.len();
        let mut prepared = self.prepare(&app, environment, module.clone()).await?;
        progress(DeployStage::ReadingDefinitions);
        modules.read_definitions(&mut prepared, &app.as_module_owner()).await?;
        let _changing = app.changing().lock().await;
        let app = self.current(&app).ok_or_else(|| DeployError::UnknownApp(app_id.clone()))?;
        // The variables or the keys may have been changed meanwhile.
        if !prepared.is_for(&load_variables(app.platform_values(environment), &app.variables())) {
            prepared = self.prepare(&app, environment, module).await?;
            modules.read_definitions(&mut prepared, &app.as_module_owner()).await?;
        }
        let forget = self.versions_in_the_way(&app, environment, &prepared).await?;
        progress(DeployStage::Storing);
        let definitions = std::mem::take(&mut prepared.definitions);
        // Held until the version is live, so that its machine code stays in memory.
        let stored = modules.store(prepared).await?;

        progress(DeployStage::Releasing);
        let variables = Variables::clone(&app.variables());
        let release = NewRelease {
            app_id,
            environment,
            module: stored.module_hash().clone(),
            size_bytes,
            definitions: definitions.clone(),
            isolation,
            variables: variables.clone(),
            by,
            forget,
        };
        let deployed = self.0.metadata.deploy(release).await?;
        let (number, module) = (deployed.number, stored.module_hash().clone());
        let version = VersionRow { number, module, definitions, isolation, variables };
        let live = LiveVersion::new(version, modules, app.meters(), app.platform_values(environment));
        let release = self.go_live(&app, environment, live, ReleaseAct::Deploy);
        drop(storing);
        if deployed.forgot_versions {
            self.remove_unused_modules().await;
        }
        Ok(release)
    }

    /// Machine code of a module for an environment of an app. What the files of a bundle write while they are loaded is in the
    /// app's log, also that of files that cannot be loaded.
    async fn prepare(&self, app: &App, environment: Environment, module: Bytes) -> Result<Prepared, DeployError> {
        let variables = load_variables(app.platform_values(environment), &app.variables());
        let prepared = self.0.modules.compile(module, variables, &app.module_share().compiling).await?;
        self.0.modules.tell(&prepared.load_log, &app.as_module_owner());
        Ok(prepared)
    }

    /// Makes staging's version live in production.
    pub async fn publish(&self, app: &str, by: Attribution) -> Result<Release, ReleaseError> {
        let app = self.app(app).ok_or_else(|| ReleaseError::UnknownApp(app.to_owned()))?;
        let _changing = app.changing().lock().await;
        let app = self.current(&app).ok_or_else(|| ReleaseError::UnknownApp(app.id.clone()))?;
        let staged = app.live(Environment::Staging).load_full().ok_or(ReleaseError::NothingStaged)?;
        let version = staged.again(&self.0.modules, app.meters(), app.platform_values(Environment::Production));
        self.check(&app, &version).await?;
        let (id, number) = (app.id.clone(), staged.number());
        self.0.metadata.release(id, Environment::Production, number, ReleaseAct::Publish, by).await?;
        Ok(self.go_live(&app, Environment::Production, version, ReleaseAct::Publish))
    }

    /// Makes an earlier version live in production: `version`, or the one that was live there before the present one.
    pub async fn rollback(&self, app: &str, version: Option<u64>, by: Attribution) -> Result<Release, ReleaseError> {
        let app = self.app(app).ok_or_else(|| ReleaseError::UnknownApp(app.to_owned()))?;
        let _changing = app.changing().lock().await;
        let app = self.current(&app).ok_or_else(|| ReleaseError::UnknownApp(app.id.clone()))?;
        let metadata = &self.0.metadata;
        let number = match version {
            Some(number) => number,
            None => {
                let acts = metadata.production_acts(app.id.clone()).await?;
                before_present(&acts).ok_or(ReleaseError::NothingToRollBackTo)?
            }
        };
        let Some(row) = metadata.version(app.id.clone(), number).await? else {
            let known = metadata.known_versions(app.id.clone()).await?;
            return Err(ReleaseError::UnknownVersion { version: number, known });
        };
        let values = app.platform_values(Environment::Production);
        let version = LiveVersion::new(row, &self.0.modules, app.meters(), values);
        self.check(&app, &version).await?;
        metadata.release(app.id.clone(), Environment::Production, number, ReleaseAct::Rollback, by).await?;
        Ok(self.go_live(&app, Environment::Production, version, ReleaseAct::Rollback))
    }

    /// An older engine may have stored it.
    async fn check(&self, app: &App, version: &LiveVersion) -> Result<(), ReleaseError> {
        match self.0.modules.problem(&version.module, &app.as_module_owner()).await {
            Some(reason) => Err(ReleaseError::Unusable { version: version.number(), reason }),
            None => Ok(()),
        }
    }

    /// Why the version that is live there cannot be called, if one is and it cannot; asks the module itself, so it may have
    /// to be loaded or compiled first.
    pub async fn live_problem(&self, app: &str, environment: Environment) -> Option<String> {
        let app = self.app(app)?;
        let live = app.live(environment).load_full()?;
        self.0.modules.problem(&live.module, &app.as_module_owner()).await
    }

    /// The newest `limit` releases of an app in all environments, newest first.
    pub async fn releases(&self, app: &str, limit: u32) -> Result<Vec<PastRelease>, ReleaseError> {
        let app = self.app(app).ok_or_else(|| ReleaseError::UnknownApp(app.to_owned()))?;
        Ok(self.0.metadata.releases(app.id.clone(), limit, None).await?)
    }

    /// All that is recorded about a version.
    pub async fn version(&self, app: &str, number: u64) -> Result<Version, ReleaseError> {
        let app = self.app(app).ok_or_else(|| ReleaseError::UnknownApp(app.to_owned()))?;
        match self.0.metadata.version_in_full(app.id.clone(), number).await? {
            Some(version) => Ok(version),
            None => {
                let known = self.0.metadata.known_versions(app.id.clone()).await?;
                Err(ReleaseError::UnknownVersion { version: number, known })
            }
        }
    }

    /// The atomic, immediate switch: calls in flight hold the version they began with.
    pub(super) fn go_live(
        &self,
        app: &App,
        environment: Environment,
        version: LiveVersion,
        act: ReleaseAct,
    ) -> Release {
        let release = version.release(&app.id, environment);
        app.live(environment).store(Some(Arc::new(version)));
        self.0.apps.changed();
        let (version, module, act) = (release.version, &release.module, act.name());
        tracing::info!(app_id = app.id, version, %environment, module, act, "released");
        release
    }
}
