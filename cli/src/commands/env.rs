//! `hookd env`

use std::io::{IsTerminal as _, Read as _};

use api_types::Environment;
use api_types::control::{ListedVariables, NewVariable, ShownVariable, VariableChanges};
use clap::{Args, Subcommand};

use super::deploy::summary;
use crate::client::{Api, ReleaseNote, ServerArguments};
use crate::exit::InputError;
use crate::output;

/// More than the longest value; the server reports the limit.
const MAX_VALUE_BYTES: u64 = 1 << 20;

/// Set, unset and list the environment variables of an app; alone, print what its functions read, for a shell.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  eval \"$(hookd env)\"
  hookd env set REVIEW_URL=https://review.example.org MODE=strict
  hookd env set --secret REVIEW_TOKEN < token.txt
  hookd env unset MODE
  hookd env list

Functions read them with `hook_sdk::env::var`. Both environments share them. A change makes a new version of what is
live, with the same module, at once; `hookd rollback` goes back to the version with the variables before. Names that
begin with LEANCLOUD, LEAN_CLI, LC_ or HOOKD_ are hookd's own."
)]
pub struct Env {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print the variables of staging [default: those of production].
    #[arg(long)]
    staging: bool,
    /// Print the app's keys too.
    #[arg(long)]
    keys: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Give variables a value.
    #[command(after_help = "Examples:
  hookd env set REVIEW_URL=https://review.example.org MODE=strict
  hookd env set MODE strict
  hookd env set --secret REVIEW_TOKEN < token.txt

At most 100 variables of 32 KiB, 128 KiB in all.")]
    Set {
        /// NAME=VALUE …, or NAME VALUE, or NAME alone: its value is then read from standard input, without the last line
        /// end, and stays out of the shell's history. An empty input is refused; `NAME=` sets an empty value.
        #[arg(required = true, value_name = "NAME=VALUE")]
        variables: Vec<String>,
        /// Never show the values again; only the app's functions read them.
        #[arg(long)]
        secret: bool,
        #[command(flatten)]
        by: ReleaseNote,
        #[command(flatten)]
        common: Common,
    },
    /// Remove variables.
    #[command(after_help = "Example:\n  hookd env unset MODE")]
    Unset {
        /// Names.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        by: ReleaseNote,
        #[command(flatten)]
        common: Common,
    },
    /// List variables; the values of secrets are not shown.
    #[command(after_help = "Example:\n  hookd env list --json")]
    List {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Env {
    /// Runs the action, and prints the server's answer.
    pub async fn run(self) -> anyhow::Result<()> {
        let Some(action) = self.action else {
            let environment = if self.staging { Environment::Staging } else { Environment::Production };
            return show(&self.common, environment, self.keys).await;
        };
        match action {
            Action::Set { variables, secret, by, common } => {
                let set = assignments(&variables)?.into_iter();
                let set = set.map(|(name, value)| (name, NewVariable { value, secret })).collect();
                common.change(&VariableChanges { set, ..VariableChanges::default() }, &by).await
            }
            Action::Unset { names, by, common } => {
                common.change(&VariableChanges { unset: names, ..VariableChanges::default() }, &by).await
            }
            Action::List { common } => {
                let listed = Api::new(common.server.target()?)?.variables().await?;
                if common.json {
                    return output::json(&listed);
                }
                let listed = listed.read()?;
                if listed.variables.is_empty() {
                    output::note("no variables are set; `hookd env set NAME=VALUE` sets one");
                }
                listed.variables.iter().try_for_each(|variable| output::data(&line(variable)))?;
                differences(&listed).iter().for_each(|difference| output::note(difference));
                Ok(())
            }
        }
    }
}

/// Prints assignments for a shell: all that functions read, without the values of secrets.
async fn show(common: &Common, environment: Environment, keys: bool) -> anyhow::Result<()> {
    let seen = Api::new(common.server.target()?)?.seen_variables(environment, keys).await?;
    if common.json {
        return output::json(&seen);
    }
    for ShownVariable { name, value, .. } in seen.read()? {
        match value {
            Some(value) => output::data(&exported(&name, &value))?,
            None => output::note(&format!("the secret `{name}` is shown to functions only")),
        }
    }
    if !keys {
        output::note("the app's keys are left out; --keys prints them too");
    }
    Ok(())
}

/// Between single quotes a POSIX shell changes no character; only a single quote must be written otherwise.
fn exported(name: &str, value: &str) -> String {
    format!("export {name}='{}'", value.replace('\'', r"'\''"))
}

impl Common {
    async fn change(&self, changes: &VariableChanges, by: &ReleaseNote) -> anyhow::Result<()> {
        let answer = Api::new(self.server.target()?)?.change_variables(changes, by).await?;
        if self.json {
            return output::json(&answer);
        }
        let releases = answer.read()?.releases;
        if releases.is_empty() {
            output::note("nothing new is live: the values were these already, or nothing was deployed yet");
        }
        releases.iter().try_for_each(|release| output::data(&summary(release)))
    }
}

/// Names and values as they were given.
fn assignments(given: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    match given {
        [name] if !name.contains('=') => Ok(vec![(name.clone(), value_from_stdin(name)?)]),
        // As LeanCloud's command line takes it.
        [name, value] if !name.contains('=') => Ok(vec![(name.clone(), value.clone())]),
        all => all.iter().map(|text| assignment(text)).collect(),
    }
}

fn assignment(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        InputError::new(format!("`{text}` has no value")).hint("give NAME=VALUE; a single NAME takes it from stdin")
    })?;
    Ok((name.to_owned(), value.to_owned()))
}

fn value_from_stdin(name: &str) -> anyhow::Result<String> {
    let input = std::io::stdin().lock();
    if input.is_terminal() {
        output::note(&format!("the value of {name}, then Ctrl-D:"));
    }
    let mut value = String::new();
    // More than a value may have is refused by the server; an input without an end never gets there.
    input.take(MAX_VALUE_BYTES).read_to_string(&mut value).map_err(|error| {
        InputError::new(format!("cannot read the value of `{name}` from standard input: {error}"))
            .hint("it must be text; encode anything else, e.g. as base64")
    })?;
    let line = value.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let value = line.unwrap_or(&value);
    if value.is_empty() {
        // More likely a file that is empty, or a command before the pipe that failed.
        return Err(InputError::new(format!("standard input holds no value for `{name}`"))
            .hint(format!("`hookd env set {name}=` sets an empty value, `hookd env unset {name}` removes it"))
            .into());
    }
    Ok(value.to_owned())
}

fn line(variable: &ShownVariable) -> String {
    format!("{}={}", variable.name, variable.value.as_deref().unwrap_or("<secret>"))
}

/// After a rollback the live release has older variables. The list says so, because it explains what functions do.
fn differences(listed: &ListedVariables) -> Vec<String> {
    let differing = |(environment, names): (Environment, &Vec<String>)| {
        let names = (!names.is_empty()).then(|| names.join(", "))?;
        Some(format!(
            "{environment} runs a version with other values of {names}; the next deployment gets the listed values"
        ))
    };
    let differs =
        [(Environment::Production, &listed.differs.production), (Environment::Staging, &listed.differs.staging)];
    differs.into_iter().filter_map(differing).collect()
}

#[cfg(test)]
mod tests {
    use api_types::control::DifferingVariables;

    use super::*;

    fn given(texts: &[&str]) -> anyhow::Result<Vec<(String, String)>> {
        assignments(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn values_may_contain_anything() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(given(&["A=1", "B=x=y z", "C="]).unwrap(), [pair("A", "1"), pair("B", "x=y z"), pair("C", "")]);
        assert_eq!(given(&["A", "1=2"]).unwrap(), [pair("A", "1=2")]);
    }

    #[test]
    fn a_shell_takes_any_value_as_it_is() {
        assert_eq!(exported("A", "it's $HOME `x`\n\"y\""), "export A='it'\\''s $HOME `x`\n\"y\"'");
    }

    #[test]
    fn a_name_without_a_value_among_others_is_refused() {
        assert!(given(&["A=1", "B"]).unwrap_err().to_string().contains("`B`"));
        assert!(given(&["A", "B", "C"]).unwrap_err().to_string().contains("`A`"));
    }

    #[test]
    fn live_versions_with_other_values_are_reported() {
        let differs = DifferingVariables { production: vec!["MODE".to_owned(), "URL".to_owned()], staging: Vec::new() };
        let listed = ListedVariables { variables: Vec::new(), differs };
        let told = differences(&listed);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("production") && told[0].contains("MODE, URL"), "{told:?}");
    }
}
