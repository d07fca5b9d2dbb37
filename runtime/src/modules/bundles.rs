//! Bundles: loaded at the release, in the compile child.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempPath;

use super::compile_request::{CompileRequest, LoadInput};
use super::javascript::JavaScriptEngine;
use super::{LoadLog, LoadVariables, ModuleError, ModuleOwner, Modules, Refusal};
use crate::clock::now_ms;
use crate::logs::{CallLog, LogLevel};
use api_types::{Bundle, InvalidBundle};

impl Modules {
    /// Has the files of a bundle loaded, and what that leaves in memory compiled. The caller has the turn to compile.
    pub(super) async fn load_bundle(
        &self,
        bytes: &Bytes,
        variables: &LoadVariables,
    ) -> Result<(TempPath, LoadLog), ModuleError> {
        let bundle = bytes.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let engine = match Bundle::read(&bundle).map_err(refused)?.http {
                true => JavaScriptEngine::WithHttp,
                false => JavaScriptEngine::Plain,
            };
            let raw = serde_json::from_slice(&bundle).map_err(|error| Refusal::InvalidBundle(error.to_string()))?;
            Ok::<_, Refusal>((engine, raw))
        });
        let (engine, bundle) =
            reading.await.map_err(|error| ModuleError::internal("reading failed")(error.into()))??;
        let variables = variables.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let input = Box::new(LoadInput { bundle, variables, now: now_ms() });
        let time_ms = u64::try_from(self.compiler.limits().loading_time.as_millis()).unwrap_or(u64::MAX);
        let engine_code = self.engine_code(engine).await?;
        let engine_functions = self.engine_functions(engine, &engine_code).await?;
        let request = CompileRequest::Bundle { engine, engine_code, engine_functions, time_ms, input };
        self.compiler.carry_out(&request, self.files.new_artifact()?).await
    }

    /// Machine code of a JavaScript engine; made once for each version of it. The caller has the turn to compile.
    async fn engine_code(&self, engine: JavaScriptEngine) -> Result<PathBuf, ModuleError> {
        let place = self.files.engine_code(&engine.code_name());
        if !place.exists() {
            let (code, _) =
                self.compiler.carry_out(&CompileRequest::Engine(engine), self.files.new_engine_code()?).await?;
            self.files.keep(code, place.clone()).await?;
        }
        Ok(place)
    }

    /// The compiled functions of a JavaScript engine; recorded once for each version of it. The caller has the turn to compile.
    async fn engine_functions(&self, engine: JavaScriptEngine, engine_code: &Path) -> Result<PathBuf, ModuleError> {
        let place = self.files.engine_code(&format!("{}-functions", engine.code_name()));
        if !place.exists() {
            let request = CompileRequest::Functions { engine, engine_code: engine_code.to_owned() };
            let (functions, _) = self.compiler.carry_out(&request, self.files.new_engine_code()?).await?;
            self.files.keep(functions, place.clone()).await?;
        }
        Ok(place)
    }

    /// Writes what files wrote while they were loaded to the log of their app.
    pub(crate) fn tell(&self, loaded: &LoadLog, owner: &ModuleOwner) {
        let (app_log, limits) = (owner.log.clone(), &owner.limits);
        let log = CallLog::new(app_log, &owner.app_id, 0, "load", "load".to_owned(), limits);
        for line in &loaded.log {
            let (level, source) = match line.level.as_str() {
                "debug" => (LogLevel::Debug, "stdout"),
                "warn" => (LogLevel::Warn, "stderr"),
                "error" => (LogLevel::Error, "stderr"),
                _ => (LogLevel::Info, "stdout"),
            };
            log.guest(level, source, &line.text);
        }
        for warning in &loaded.warnings {
            log.guest(LogLevel::Warn, "engine", warning);
        }
        log.finish();
    }
}

/// The refusal with its cause, which the developer gets in one line.
pub(super) fn refused(error: InvalidBundle) -> Refusal {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Refusal::InvalidBundle(format!("{error}{cause}"))
}
