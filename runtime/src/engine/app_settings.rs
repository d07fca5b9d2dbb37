//! Settings of apps: limits, and the hosts that functions may send requests to.

use thiserror::Error;

use super::Engine;
use crate::apps::{AppSettings, Bounds};
use crate::limits::{InvalidLimits, LimitSettings, Limits};
use crate::releases::MetadataError;

/// Why settings were not changed.
#[derive(Debug, Error)]
pub enum SetSettingsError {
    /// There is no such app.
    #[error("there is no app `{0}`")]
    UnknownApp(String),
    /// Nothing could run under these limits.
    #[error(transparent)]
    Invalid(#[from] InvalidLimits),
    /// The database refused.
    #[error("cannot store the settings")]
    Metadata(#[from] MetadataError),
}

impl Engine {
    /// What the app set. No I/O.
    pub fn settings(&self, app: &str) -> Option<AppSettings> {
        self.0.apps.with(app, |app| app.bounds().settings.clone())
    }

    /// Changes what the app set, for calls that arrive from now on.
    ///
    /// # Errors
    /// [`SetSettingsError`]; the old settings stay in force.
    pub async fn set_settings(&self, app: &str, settings: AppSettings) -> Result<(), SetSettingsError> {
        let bounds = Bounds::new(settings.clone())?;
        let app = self.app(app).ok_or_else(|| SetSettingsError::UnknownApp(app.to_owned()))?;
        let _changing = app.changing().lock().await;
        self.current(&app).ok_or_else(|| SetSettingsError::UnknownApp(app.id.clone()))?;
        self.0.metadata.set_settings(app.id.clone(), settings).await?;
        app.set_bounds(bounds);
        Ok(())
    }

    /// The limits of an app's functions that have none of their own and are no hooks. No I/O.
    pub fn limits(&self, app: &str) -> Option<Limits> {
        self.0.apps.with(app, |app| app.bounds().limits().clone())
    }

    /// Sets the limits of all functions of an app; a value equal to its default counts as not set.
    ///
    /// # Errors
    /// As [`Engine::set_settings`].
    pub async fn set_limits(&self, app: &str, limits: Limits) -> Result<(), SetSettingsError> {
        let settings = self.settings(app).ok_or_else(|| SetSettingsError::UnknownApp(app.to_owned()))?;
        let functions = settings.limits.functions;
        let limits = LimitSettings { functions, ..LimitSettings::for_app(&limits) };
        self.set_settings(app, AppSettings { limits, ..settings }).await
    }
}
