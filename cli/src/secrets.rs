//! Secrets that people give: without the line end that a mounted file brings along, and refused where they cannot be
//! used. A refusal names the source, and never shows the secret.

use std::ffi::OsStr;

use api_types::{UnusableKey, usable_key};
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, Command};

use crate::exit::InputError;

/// A key that came from `source`, which is shown in errors, such as a file.
///
/// # Errors
/// The key is empty, too short, too long or not printable.
pub fn key(given: &str, source: &str) -> Result<String, InputError> {
    usable_key(given).map(str::to_owned).map_err(|unusable| InputError::new(format!("{source} {unusable}")))
}

/// Reads the key of a flag, its variable or the configuration file.
#[derive(Clone)]
pub struct KeyParser;

/// Reads the URL of a Redis, which may hold a password, likewise.
#[cfg(feature = "server")]
#[derive(Clone)]
pub struct RedisUrlParser;

/// Reads the URL of a database, which may hold a password, likewise.
#[cfg(feature = "server")]
#[derive(Clone)]
pub struct DatabaseUrlParser;

impl TypedValueParser for KeyParser {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        self.parse_ref_(command, arg, value, ValueSource::CommandLine)
    }

    fn parse_ref_(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<String, clap::Error> {
        let checked = value.to_str().ok_or(UnusableKey::Unprintable).and_then(usable_key);
        checked.map(str::to_owned).map_err(|unusable| refused(command, arg, source, &unusable.to_string()))
    }
}

#[cfg(feature = "server")]
impl TypedValueParser for RedisUrlParser {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        self.parse_ref_(command, arg, value, ValueSource::CommandLine)
    }

    fn parse_ref_(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<String, clap::Error> {
        let checked = redis_url(value.to_str().unwrap_or("\u{fffd}"));
        checked.map(str::to_owned).map_err(|problem| refused(command, arg, source, problem))
    }
}

#[cfg(feature = "server")]
impl TypedValueParser for DatabaseUrlParser {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        self.parse_ref_(command, arg, value, ValueSource::CommandLine)
    }

    fn parse_ref_(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<String, clap::Error> {
        let checked = database_url(value.to_str().unwrap_or("\u{fffd}"));
        checked.map(str::to_owned).map_err(|problem| refused(command, arg, source, problem))
    }
}

#[cfg(feature = "server")]
fn database_url(given: &str) -> Result<&str, &'static str> {
    match given.trim() {
        "" => Err("is empty; give the URL of a PostgreSQL database, or leave it out"),
        url if !url.chars().all(|character| character.is_ascii_graphic()) => {
            Err("holds characters that are not printable ASCII; write those of a password as %XX")
        }
        url => Ok(url),
    }
}

#[cfg(feature = "server")]
/// An empty password is one that was not there when the URL was put together.
fn redis_url(given: &str) -> Result<&str, &'static str> {
    let url = given.trim();
    let credentials =
        url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(credentials, _)| credentials);
    match credentials {
        _ if url.is_empty() => Err("is empty; give the URL of a Redis, or leave it out"),
        _ if !url.chars().all(|character| character.is_ascii_graphic() || character == ' ') => {
            Err("holds characters that are not printable ASCII, such as a line end; write those of a password as %XX")
        }
        Some(credentials) if credentials.split_once(':').is_some_and(|(_, password)| password.is_empty()) => {
            Err("holds an empty password; leave `:@` out where Redis wants none")
        }
        _ => Ok(url),
    }
}

fn refused(command: &Command, arg: Option<&Arg>, source: ValueSource, problem: &str) -> clap::Error {
    let flag = arg.and_then(Arg::get_long).unwrap_or("?");
    let variable = arg.and_then(Arg::get_env).map(|name| name.to_string_lossy().into_owned());
    let source = match (source, variable) {
        (ValueSource::EnvVariable, Some(variable)) => format!("the variable `{variable}`"),
        // The values of the configuration file are the flags' defaults.
        (ValueSource::DefaultValue, _) => format!("`{}`", flag.replace('-', "_")),
        _ => format!("`--{flag}`"),
    };
    command.clone().error(ErrorKind::ValueValidation, format!("{source} {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<String, String> {
        let arg = Arg::new("admin_key").long("admin-key").value_parser(KeyParser).hide_env_values(true);
        let matches = Command::new("hookd").arg(arg).try_get_matches_from([&["hookd"], arguments].concat());
        matches
            .map(|matches| matches.get_one::<String>("admin_key").unwrap().clone())
            .map_err(|error| error.to_string())
    }

    /// F-2.
    #[test]
    fn a_key_is_trimmed_and_an_unusable_key_is_refused_with_its_source() {
        for given in ["the-key-12", "the-key-12\n", "\u{feff}the-key-12\r\n", "  the-key-12\t"] {
            assert_eq!(parsed(&["--admin-key", given]).as_deref(), Ok("the-key-12"), "{given:?}");
        }
        for given in ["", " \n", "tiny", "two words here", "line\nend-inside", "schl\u{fc}ssel-schl\u{fc}ssel"] {
            let refused = parsed(&["--admin-key", given]).unwrap_err();
            assert!(refused.contains("`--admin-key`"), "{refused}");
            assert!(given.trim().is_empty() || !refused.contains(given), "{refused}");
        }
    }

    #[test]
    fn the_url_of_a_database_is_printable_and_not_empty() {
        assert_eq!(database_url("postgres://a/b\n"), Ok("postgres://a/b"));
        for given in ["", " \n", "postgres://user:se\ncret@a/b", "postgres://user:sé@a/b"] {
            assert!(database_url(given).is_err(), "{given:?}");
        }
    }

    #[test]
    fn the_url_of_a_redis_has_a_password_or_none() {
        for (given, url) in [
            ("redis://127.0.0.1:6379\n", "redis://127.0.0.1:6379"),
            ("redis://:secret@a:1", "redis://:secret@a:1"),
            ("redis://user:x:y@a:1", "redis://user:x:y@a:1"),
            ("redis://a:1, redis://b:2", "redis://a:1, redis://b:2"),
        ] {
            assert_eq!(redis_url(given), Ok(url));
        }
        for given in
            ["", "\n", "redis://:@a:1", "redis://user:@a:1", "redis-cluster://:@a:1,b:2", "redis://:se\ncret@a:1"]
        {
            assert!(redis_url(given).is_err(), "{given:?}");
        }
    }
}
