//! What the engine asks of its compile child, and the child's answer beside the machine code.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::javascript::JavaScriptEngine;

/// Stands on stdin as JSON; a component stands there as it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum CompileRequest {
    /// Compile a JavaScript engine itself, so that bundles can be loaded with it.
    Engine(JavaScriptEngine),
    /// Record the compiled functions of a JavaScript engine, for bundles.
    Functions {
        engine: JavaScriptEngine,
        /// Machine code that the child made of the engine before.
        engine_code: PathBuf,
    },
    /// Load a bundle, and compile what that leaves in memory.
    Bundle {
        engine: JavaScriptEngine,
        /// Machine code that the child made of the engine before.
        engine_code: PathBuf,
        /// What the child recorded before.
        engine_functions: PathBuf,
        /// How long its files may take to load.
        time_ms: u64,
        input: Box<LoadInput>,
    },
}

/// What the JavaScript engine gets to load.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LoadInput {
    /// As it was uploaded.
    pub(super) bundle: Box<RawValue>,
    pub(super) variables: serde_json::Map<String, serde_json::Value>,
    /// The time that the files see, in ms since 1970.
    pub(super) now: i64,
}

/// What a bundle's files wrote while they were loaded. Stands on stderr, after [`LOADED`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoadLog {
    #[serde(default)]
    pub(crate) log: Vec<LoadLine>,
    /// For the developer, from the engine.
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoadLine {
    pub(crate) level: String,
    pub(crate) text: String,
}

/// Begins the line on stderr with the [`LoadLog`].
pub(super) const LOADED: &str = "loaded: ";

/// Longest text of the log together, in bytes; what is beyond it is left out.
pub(super) const MAX_LOG_BYTES: usize = 8 << 10;
