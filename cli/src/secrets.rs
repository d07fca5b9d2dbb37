//! Secrets that people give: without the line end that a mounted file brings along, and refused where they cannot be
//! used. A refusal names the source, and never shows the secret.

use std::ffi::OsStr;

use api_types::usable_key;
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

/// Reads a secret of a flag, its variable or the configuration file. The function answers the secret as it is used, or the rest of
/// a sentence that begins with the source.
#[derive(Clone, Copy)]
pub struct SecretParser(fn(&str) -> Result<&str, String>);

impl SecretParser {
    /// A key.
    pub const KEY: Self = Self(|given| usable_key(given).map_err(|unusable| unusable.to_string()));

    /// The URL of a Redis, which may hold a password.
    #[cfg(feature = "server")]
    pub const REDIS_URL: Self = Self(redis_url);

    /// The URL of a database, which may hold a password.
    #[cfg(feature = "server")]
    pub const DATABASE_URL: Self = Self(database_url);
}

impl TypedValueParser for SecretParser {
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
        // Bytes that are no text become characters that every secret refuses.
        let checked = (self.0)(&value.to_string_lossy()).map(str::to_owned);
        checked.map_err(|problem| refused(command, arg, source, &problem))
    }
}

#[cfg(feature = "server")]
fn database_url(given: &str) -> Result<&str, String> {
    let problem = match given.trim() {
        "" => "is empty; give the URL of a PostgreSQL database, or leave it out",
        url if !url.chars().all(|character| character.is_ascii_graphic()) => {
            "holds characters that are not printable ASCII; write those of a password as %XX"
        }
        url => return Ok(url),
    };
    Err(problem.to_owned())
}

/// An empty password is one that was not there when the URL was put together.
#[cfg(feature = "server")]
fn redis_url(given: &str) -> Result<&str, String> {
    let url = given.trim();
    let credentials =
        url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(credentials, _)| credentials);
    let problem = match credentials {
        _ if url.is_empty() => "is empty; give the URL of a Redis, or leave it out",
        _ if !url.chars().all(|character| character.is_ascii_graphic() || character == ' ') => {
            "holds characters that are not printable ASCII, such as a line end; write those of a password as %XX"
        }
        Some(credentials) if credentials.split_once(':').is_some_and(|(_, password)| password.is_empty()) => {
            "holds an empty password; leave `:@` out where Redis wants none"
        }
        _ => return Ok(url),
    };
    Err(problem.to_owned())
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
        let arg = Arg::new("admin_key").long("admin-key").value_parser(SecretParser::KEY).hide_env_values(true);
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
        assert_eq!(database_url("postgres://a/b\n").unwrap(), "postgres://a/b");
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
            assert_eq!(redis_url(given).unwrap(), url);
        }
        for given in
            ["", "\n", "redis://:@a:1", "redis://user:@a:1", "redis-cluster://:@a:1,b:2", "redis://:se\ncret@a:1"]
        {
            assert!(redis_url(given).is_err(), "{given:?}");
        }
    }
}
