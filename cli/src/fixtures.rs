//! Calls to try hooks with: pairs of params and expected answers, in a folder.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};

use crate::exit::InputError;
use crate::params::{read_json, read_or_empty};

const PARAMS: &str = ".params.json";
const EXPECTED: &str = ".expected.json";

/// Which calls a command makes: one, or those of a folder.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("calls").required(true).args(["name", "fixtures"])))]
pub struct CallArguments {
    /// Hook or function to call.
    name: Option<String>,
    /// File with the params as JSON, or `-` for standard input [default: {}].
    #[arg(long, value_name = "FILE|-", conflicts_with = "fixtures")]
    params: Option<PathBuf>,
    /// Folder with the calls to make.
    #[arg(long, value_name = "DIR")]
    pub fixtures: Option<PathBuf>,
}

impl CallArguments {
    /// # Errors
    /// As [`read`], also of the one call's params.
    pub fn calls(self) -> Result<Vec<Fixture>, InputError> {
        match self.fixtures {
            Some(folder) => read(&folder),
            None => {
                // The group of arguments has refused a command with neither.
                let name = self.name.unwrap_or_default();
                let params = read_or_empty(self.params.as_deref())?;
                Ok(vec![Fixture { function: name.clone(), name, params }])
            }
        }
    }
}

/// One call.
pub struct Fixture {
    /// The name of the files without their ending.
    pub name: String,
    pub function: String,
    /// JSON.
    pub params: String,
}

/// All calls of a folder, by name.
///
/// # Errors
/// An expected answer has no params, a file is no JSON, or there is no call.
fn read(folder: &Path) -> Result<Vec<Fixture>, InputError> {
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
    names.into_iter().map(|name| read_call(folder, name)).collect()
}

/// The answer that a call is to have.
///
/// # Errors
/// No file holds it, or it is no JSON.
#[cfg(feature = "server")]
pub fn expected(folder: &Path, call: &Fixture) -> Result<serde_json::Value, InputError> {
    let name = &call.name;
    let file = folder.join(format!("{name}{EXPECTED}"));
    if !file.exists() {
        return Err(InputError::new(format!("`{name}{PARAMS}` has no `{name}{EXPECTED}` beside it")));
    }
    let text = read_json(&file, "the answers")?;
    foreign_json::from_str(&text).map_err(|error| InputError::new(format!("`{}`: {error}", file.display())))
}

fn read_call(folder: &Path, name: String) -> Result<Fixture, InputError> {
    let params = read_json(&folder.join(format!("{name}{PARAMS}")), "the params")?;
    let function = name.split('.').next().unwrap_or_default().to_owned();
    Ok(Fixture { name, function, params })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        calls: CallArguments,
    }

    #[test]
    fn a_line_without_calls_is_told_both_ways_to_name_them() {
        let told = Line::try_parse_from(["test"]).unwrap_err().to_string();
        assert!(told.contains("<NAME|--fixtures <DIR>>"), "{told}");
    }

    #[test]
    fn a_line_names_one_call_or_a_folder_of_them() {
        assert!(Line::try_parse_from(["test", "hello", "--params", "a.json"]).is_ok());
        assert!(Line::try_parse_from(["test", "--fixtures", "calls"]).is_ok());
        assert!(Line::try_parse_from(["test", "hello", "--fixtures", "calls"]).is_err());
        assert!(Line::try_parse_from(["test", "--fixtures", "calls", "--params", "a.json"]).is_err());
    }
}
