//! Settings of apps: limits, and the hosts that functions may send requests to.

use thiserror::Error;

use super::Engine;
use crate::app_settings::AppSettings;
use crate::apps::AppliedSettings;
use crate::releases::MetadataError;
use api_types::{InvalidLimits, LimitSettings, Limits};

/// Why settings were not changed.
#[derive(Debug, Error)]
pub enum SetSettingsError {
    /// The app does not exist.
    #[error("the app `{0}` does not exist")]
    UnknownApp(String),
    /// What was asked for makes no sense, in words.
    #[error("{0}")]
    Refused(String),
    /// Nothing could run under these limits.
    #[error(transparent)]
    Invalid(#[from] InvalidLimits),
    /// The database refused.
    #[error("cannot store the settings")]
    Metadata(#[from] MetadataError),
}

impl Engine {
    /// The settings of the app. No I/O.
    pub fn settings(&self, app: &str) -> Option<AppSettings> {
        self.0.apps.with(app, |app| app.settings().settings.clone())
    }

    /// Changes what the app set, for calls that arrive from now on. To be carried to its end, as all changes.
    ///
    /// # Errors
    /// [`SetSettingsError`]; the old settings stay in force.
    pub async fn set_settings(&self, app: &str, settings: AppSettings) -> Result<(), SetSettingsError> {
        self.change_settings(app, |_| Ok(settings)).await
    }

    /// The same; `change` is given what is set when its turn comes, so that no other change is lost.
    ///
    /// # Errors
    /// [`SetSettingsError`], or what `change` refuses; the old settings stay in force.
    pub async fn change_settings(
        &self,
        app: &str,
        change: impl FnOnce(AppSettings) -> Result<AppSettings, String>,
    ) -> Result<(), SetSettingsError> {
        let app = self.app(app).ok_or_else(|| SetSettingsError::UnknownApp(app.to_owned()))?;
        let _changing = app.changing().lock().await;
        self.current(&app).ok_or_else(|| SetSettingsError::UnknownApp(app.id.clone()))?;
        let before = app.settings().settings.clone();
        let settings = change(before.clone()).map_err(SetSettingsError::Refused)?;
        if settings == before {
            return Ok(());
        }
        let applied = AppliedSettings::new(settings.clone())?;
        self.0.metadata.set_settings(app.id.clone(), settings).await?;
        app.apply_settings(applied);
        Ok(())
    }

    /// The limits of an app's functions without limits of their own that are not hooks. No I/O.
    pub fn limits(&self, app: &str) -> Option<Limits> {
        self.0.apps.with(app, |app| app.settings().limits.of_app().clone())
    }

    /// Sets the limits of all functions of an app; a value equal to its default counts as not set.
    ///
    /// # Errors
    /// As [`Engine::set_settings`].
    pub async fn set_limits(&self, app: &str, limits: Limits) -> Result<(), SetSettingsError> {
        let change = |settings: AppSettings| {
            let functions = settings.limits.functions;
            let limits = LimitSettings { functions, ..LimitSettings::for_app(&limits) };
            Ok(AppSettings { limits, ..settings })
        };
        self.change_settings(app, change).await
    }
}
