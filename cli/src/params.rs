//! Params of calls, in files.

use std::path::Path;

use serde_json::Value;

use crate::exit::InputError;
use crate::input_file;

/// The most that an engine ever accepts (limit `request_bytes`).
const MAX_PARAMS_BYTES: u64 = 20 << 20;

/// The params in a file, or from standard input where it is `-`; `{}` without one.
///
/// # Errors
/// They cannot be read, or are no JSON.
pub fn read_or_empty(source: Option<&Path>) -> Result<String, InputError> {
    source.map_or_else(|| Ok("{}".to_owned()), |source| read_json(source, "the params"))
}

/// A file of JSON, which errors name as `what`.
///
/// # Errors
/// It cannot be read, or is no JSON.
pub fn read_json(source: &Path, what: &str) -> Result<String, InputError> {
    let bytes = input_file::read_text(source, what, MAX_PARAMS_BYTES)
        .map_err(|problem| problem.hint("give a file with JSON, or `-` for standard input"))?;
    let name = if source.as_os_str() == "-" { "standard input".to_owned() } else { source.display().to_string() };
    let text = String::from_utf8(bytes).map_err(|_| InputError::new(format!("`{name}` is not UTF-8 text")))?;
    let parsed: Result<Value, _> = foreign_json::from_str(&text);
    parsed.map_err(|error| InputError::new(format!("{what} in `{name}` are not JSON: {error}")))?;
    Ok(text)
}
