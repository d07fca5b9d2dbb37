//! Pairs of params and expected answers, in a folder.

use std::path::Path;

use serde_json::Value;

use super::MAX_PARAMS_BYTES;
use crate::exit::InputError;
use crate::input_file;

const PARAMS: &str = ".params.json";
const EXPECTED: &str = ".expected.json";

/// One pair.
pub struct Fixture {
    /// The name of the files without their ending.
    pub name: String,
    pub function: String,
    pub params: String,
    pub expected: Value,
}

/// All pairs of a folder, by name.
///
/// # Errors
/// A file has no partner, or is no JSON; or there is no pair.
pub fn read(folder: &Path) -> Result<Vec<Fixture>, InputError> {
    let unreadable = |error| InputError::new(format!("cannot read the folder `{}`: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if let Some(name) = file.strip_suffix(PARAMS) {
            names.push(name.to_owned());
        } else if let Some(name) = file.strip_suffix(EXPECTED)
            && !folder.join(format!("{name}{PARAMS}")).exists()
        {
            return Err(InputError::new(format!("`{file}` has no `{name}{PARAMS}` beside it")));
        }
    }
    if names.is_empty() {
        let problem = format!("`{}` has no file whose name ends in `{PARAMS}`", folder.display());
        return Err(InputError::new(problem).hint("`hookd test --help` tells how fixtures are named"));
    }
    names.sort_unstable();
    names.into_iter().map(|name| read_pair(folder, name)).collect()
}

fn read_pair(folder: &Path, name: String) -> Result<Fixture, InputError> {
    let params = text(folder, &name, PARAMS)?;
    json(&params, &name, PARAMS)?;
    let expected = json(&text(folder, &name, EXPECTED)?, &name, EXPECTED)?;
    let function = name.split('.').next().unwrap_or_default().to_owned();
    Ok(Fixture { name, function, params, expected })
}

fn text(folder: &Path, name: &str, ending: &str) -> Result<String, InputError> {
    let path = folder.join(format!("{name}{ending}"));
    let bytes = input_file::read_text(&path, "a fixture", MAX_PARAMS_BYTES)?;
    String::from_utf8(bytes).map_err(|_| InputError::new(format!("`{}` is not UTF-8 text", path.display())))
}

fn json(text: &str, name: &str, ending: &str) -> Result<Value, InputError> {
    serde_json::from_str(text).map_err(|error| InputError::new(format!("`{name}{ending}` is not JSON: {error}")))
}
