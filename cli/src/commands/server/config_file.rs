//! `hookd.toml`: options of the commands that serve, below flags and environment.
//!
//! Its keys are the long flags of those commands with `_` for `-`, so a new flag is a new key. The values become the
//! defaults of the flags, which gives the order of precedence and the checks to one place: clap.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use crate::client::default_data_folder;
use crate::exit::InputError;

/// Name of the file in the data folder.
pub const FILE_NAME: &str = "hookd.toml";

/// The commands that read the file.
const SERVING: [&str; 3] = ["up", "engine", "im"];

/// Flags that are not options of a server.
const NOT_KEYS: [&str; 4] = ["config", "help", "version", "json"];

/// The content of a file.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

/// An option of a serving command with its value.
#[derive(Debug)]
pub struct Effective {
    /// As in the file.
    pub key: String,
    /// The value; absent where there is no default.
    pub value: Option<String>,
    /// Where that comes from.
    pub source: String,
}

/// True for a command that reads the file.
pub fn is_serving(command: &str) -> bool {
    SERVING.contains(&command)
}

/// The command with the file's values as defaults; as it is when there is no file. `matches` are those of the flags of
/// the subcommand alone.
///
/// # Errors
/// When the file cannot be read, is not TOML, or has an unknown key.
pub fn with_file(
    command: Command,
    subcommand: &str,
    matches: &ArgMatches,
) -> Result<(Command, Option<ConfigFile>), InputError> {
    let Some(file) = ConfigFile::find(&command, matches)? else { return Ok((command, None)) };
    let command = command.mut_subcommand(subcommand, |subcommand| {
        let keys: Vec<(String, String)> =
            subcommand.get_arguments().filter_map(|arg| Some((key(arg)?, arg.get_id().to_string()))).collect();
        keys.into_iter().fold(subcommand, |subcommand, (key, id)| match file.values.get(&key) {
            Some(values) => {
                let values = values.clone();
                subcommand.mut_arg(id, |arg| arg.default_values(values))
            }
            None => subcommand,
        })
    });
    Ok((command, Some(file)))
}

impl ConfigFile {
    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of `--config`, which must be there; else that of the data folder, which may.
    fn find(command: &Command, matches: &ArgMatches) -> Result<Option<Self>, InputError> {
        if let Some(path) = argument(matches, "config") {
            let path = PathBuf::from(path);
            let text = std::fs::read_to_string(&path).map_err(|error| {
                InputError::new(format!("cannot read the configuration `{}`: {error}", path.display()))
                    .hint("`hookd config template` prints one to begin with")
            })?;
            return Self::parse(command, path, &text).map(Some);
        }
        let data = argument(matches, "data").map_or_else(default_data_folder, PathBuf::from);
        let path = data.join(FILE_NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            // A path that is not a directory has no file. The start reports the path.
            Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => return Ok(None),
            Err(error) => {
                return Err(InputError::new(format!("cannot read the configuration `{}`: {error}", path.display())));
            }
        };
        let file = Self::parse(command, path, &text)?;
        if file.values.contains_key("data") {
            let problem = format!("`{}`: `data` would send this file elsewhere", file.path.display());
            return Err(InputError::new(problem).hint("leave it out, or give the file with --config"));
        }
        Ok(Some(file))
    }

    fn parse(command: &Command, path: PathBuf, text: &str) -> Result<Self, InputError> {
        let shown = path.display();
        let table: toml::Table =
            text.parse().map_err(|problem| InputError::new(format!("`{shown}` is not TOML: {problem}")))?;
        let known = all_keys(command);
        let mut values = BTreeMap::new();
        for (key, value) in table {
            if !known.contains(&key) {
                let problem = format!("`{shown}`: unknown option `{key}`");
                let nearest = nearest(&key, &known).map(|nearest| format!("did you mean `{nearest}`?"));
                return Err(InputError::new(problem).hint(nearest.unwrap_or_else(|| {
                    format!("there are {}", known.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
                })));
            }
            let words = words(&value)
                .ok_or_else(|| InputError::new(format!("`{shown}`: `{key}` must be text, a number, true or false")))?;
            values.insert(key, words);
        }
        Ok(Self { path, values })
    }
}

/// Every option of a serving command with its value and where that comes from.
pub fn effective(command: &Command, matches: &ArgMatches, file: Option<&ConfigFile>) -> Vec<Effective> {
    let options = command.get_arguments().filter_map(|arg| Some((key(arg)?, arg)));
    options
        .map(|(key, arg)| {
            let id = arg.get_id().as_str();
            let values = matches.get_raw(id).into_iter().flatten();
            let values: Vec<String> = values.map(|value| value.to_string_lossy().into_owned()).collect();
            let secret = arg.is_hide_env_values_set();
            let value = (!values.is_empty()).then(|| if secret { "(hidden)".to_owned() } else { values.join(",") });
            let source = match (matches.value_source(id), file) {
                (Some(ValueSource::CommandLine), _) => "flag".to_owned(),
                (Some(ValueSource::EnvVariable), _) => {
                    arg.get_env().map_or_else(|| "environment".to_owned(), |name| name.to_string_lossy().into_owned())
                }
                (_, Some(file)) if file.values.contains_key(&key) => file.path.display().to_string(),
                _ => "default".to_owned(),
            };
            Effective { key, value, source }
        })
        .collect()
}

/// A file to begin with: every option of a serving command, commented out.
pub fn template(command: &Command) -> String {
    let mut text = "# Options of `hookd up`. Environment and flags go before what is here.\n".to_owned();
    for (key, arg) in command.get_arguments().filter_map(|arg| Some((key(arg)?, arg))) {
        if key == "data" {
            continue;
        }
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let default = arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
        let is_switch = !arg.get_action().takes_values();
        let example = match default {
            _ if is_switch => "false".to_owned(),
            default => format!("{:?}", default.unwrap_or_default()),
        };
        text.push_str(&format!("\n# {}\n# {key} = {example}\n", help.replace('\n', "\n# ")));
    }
    text
}

/// The option's key; `None` for an argument that is not an option of a server.
fn key(arg: &Arg) -> Option<String> {
    let long = arg.get_long().filter(|long| !NOT_KEYS.contains(long))?;
    Some(long.replace('-', "_"))
}

fn all_keys(command: &Command) -> Vec<String> {
    let serving = command.get_subcommands().filter(|command| is_serving(command.get_name()));
    let mut keys: Vec<String> = serving.flat_map(Command::get_arguments).filter_map(key).collect();
    keys.sort();
    keys.dedup();
    keys
}

fn nearest<'a>(key: &str, known: &'a [String]) -> Option<&'a String> {
    let close = known.iter().map(|candidate| (strsim::jaro_winkler(key, candidate), candidate));
    close.filter(|(likeness, _)| *likeness > 0.75).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name)
}

/// The value as a flag takes it.
fn words(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Float(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(truth) => Some(vec![truth.to_string()]),
        toml::Value::Array(values) => {
            let words: Option<Vec<Vec<String>>> = values.iter().map(words).collect();
            Some(words?.concat())
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// One value of an argument that the command may not have.
fn argument(matches: &ArgMatches, id: &str) -> Option<std::ffi::OsString> {
    matches.try_get_raw(id).ok().flatten()?.next().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    fn command() -> Command {
        let listen = Arg::new("listen").long("listen").default_value("here").help("Where.");
        let public_url = Arg::new("public_url").long("public-url");
        let trust = Arg::new("trust").long("trust-headers").action(ArgAction::SetTrue);
        let hosts = Arg::new("hosts").long("hosts").action(ArgAction::Append);
        let config = Arg::new("config").long("config");
        let data = Arg::new("data").long("data");
        Command::new("hookd").subcommand(Command::new("up").args([listen, public_url, trust, hosts, config, data]))
    }

    /// Effective options of `hookd up` with these flags and this file.
    fn options(file: &str, flags: &[&str]) -> Result<Vec<(String, Option<String>, bool)>, InputError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.toml");
        std::fs::write(&path, file).unwrap();
        let path = path.to_str().unwrap();
        let all = [&["hookd", "up", "--config", path], flags].concat();
        let first = command().try_get_matches_from(&all).unwrap();
        let (with, file) = with_file(command(), "up", first.subcommand_matches("up").unwrap())?;
        let matches = with.clone().try_get_matches_from(&all).unwrap();
        let up = with.find_subcommand("up").unwrap();
        let effective = effective(up, matches.subcommand_matches("up").unwrap(), file.as_ref());
        let from_file = |source: &str| source.ends_with("test.toml");
        Ok(effective.into_iter().map(|one| (one.key, one.value, from_file(&one.source))).collect())
    }

    fn find(options: &[(String, Option<String>, bool)], key: &str) -> (Option<String>, bool) {
        let found = options.iter().find(|(name, ..)| name == key).unwrap();
        (found.1.clone(), found.2)
    }

    #[test]
    fn flags_go_before_the_file_and_the_file_before_defaults() {
        let file = "listen = 'there'\npublic_url = 'u'\ntrust_headers = true\nhosts = ['a', 'b']";
        let read = options(file, &["--public-url", "flag"]).unwrap();
        assert_eq!(find(&read, "listen"), (Some("there".to_owned()), true));
        assert_eq!(find(&read, "public_url"), (Some("flag".to_owned()), false));
        assert_eq!(find(&read, "trust_headers"), (Some("true".to_owned()), true));
        assert_eq!(find(&read, "hosts"), (Some("a,b".to_owned()), true));
        assert_eq!(find(&options("", &[]).unwrap(), "listen"), (Some("here".to_owned()), false));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        let refused = options("lisen = 'there'", &[]).unwrap_err();
        assert!(refused.to_string().contains("`lisen`"), "{refused}");
        assert_eq!(refused.hint_text(), Some("did you mean `listen`?"));
        let refused = options("colour = 'red'", &[]).unwrap_err();
        assert!(refused.hint_text().unwrap().contains("public_url"));
    }

    #[test]
    fn a_key_that_no_flag_takes_is_refused() {
        for file in ["listen = {a = 1}", "[listen]", "listen = 2026-11-21", "listen = "] {
            assert!(options(file, &[]).is_err(), "{file}");
        }
    }

    #[test]
    fn the_template_is_toml_and_names_every_option() {
        let command = command();
        let text = template(command.find_subcommand("up").unwrap());
        let uncommented: String = text
            .lines()
            .filter_map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")))
            .collect::<Vec<_>>()
            .join("\n");
        let table: toml::Table = uncommented.parse().unwrap();
        assert_eq!(table.keys().collect::<Vec<_>>(), ["hosts", "listen", "public_url", "trust_headers"]);
    }
}
