//! `hookd cache`

mod piped;
mod show;
mod words;

use std::io::IsTerminal as _;

use anyhow::Context as _;
use api_types::control::{CacheCommands, CacheReplies, CacheReply, CacheWord};
use clap::Args;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use self::piped::next_line;
use self::show::show;
use self::words::{Word, words};
use crate::client::{Api, ServerArguments, default_data_folder};
use crate::exit::InputError;
use crate::output::{self, LostOutput};

/// Look into an app's LeanCache and change it, with the commands that its hooks may use.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd cache SET greeting hello EX 60
  hookd cache --json LRANGE recent 0 -1
  hookd cache                           # reads commands line by line, with a history
  hookd cache --json < commands         # a reply a line; exit code 1 when a command failed

Options come before the command. Words with blanks are quoted as in redis-cli: \"a b\", 'a b', \"\\x00\".
Only data commands are offered, in the app's own key space; `help` lists them.")]
pub struct Cache {
    /// Print replies as one line of JSON each.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// A command of Redis and its arguments; without one, commands are read from standard input.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Cache {
    /// Sends the command, or all that are typed.
    pub async fn run(self) -> anyhow::Result<()> {
        let api = Api::new(self.server.target()?)?;
        if self.command.is_empty() {
            let typed = std::io::stdin().is_terminal();
            return if typed { self.read_typed(&api).await } else { self.read_piped(&api).await };
        }
        let words = self.command.iter().map(|word| Word::from(word.as_str())).collect();
        let reply = send(&api, words).await?;
        match reply {
            CacheReply::Error { error } => Err(InputError::new(error).into()),
            reply => self.print(&reply),
        }
    }

    fn print(&self, reply: &CacheReply) -> anyhow::Result<()> {
        if self.json {
            return output::json(reply);
        }
        output::data(&show(reply))
    }

    async fn read_typed(&self, api: &Api) -> anyhow::Result<()> {
        let mut editor = DefaultEditor::new()?;
        let history = default_data_folder().join("cache-history");
        // There is none at first.
        let _ = editor.load_history(&history);
        loop {
            // Nothing else runs meanwhile.
            let line = match tokio::task::block_in_place(|| editor.readline("cache> ")) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(error.into()),
            };
            if !line.trim().is_empty() {
                // The prompt also works without a history.
                let _ = editor.add_history_entry(&line);
            }
            match self.carry_out(api, &line).await {
                Ok(Done::Quit) => break,
                Ok(Done::Nothing | Done::Replied(_)) => {}
                Err(error) if error.is::<LostOutput>() => return Err(error),
                Err(error) => output::report_error(&error),
            }
        }
        if let Some(folder) = history.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = editor.save_history(&history);
        Ok(())
    }

    /// Goes on after a command that fails, as redis-cli does, and says at the end how many failed. A server that is
    /// gone ends it: nothing that follows would be better off.
    async fn read_piped(&self, api: &Api) -> anyhow::Result<()> {
        let mut input = std::io::stdin().lock();
        let (mut commands, mut failed) = (0_u64, 0_u64);
        // Nothing else runs meanwhile.
        while let Some(line) = tokio::task::block_in_place(|| next_line(&mut input))? {
            let done = match line {
                Ok(line) => self.carry_out(api, &line).await,
                Err(problem) => Err(InputError::new(problem).into()),
            };
            match done {
                Ok(Done::Quit) => break,
                Ok(Done::Nothing) => continue,
                Ok(Done::Replied(well)) => failed += u64::from(!well),
                Err(error) if error.downcast_ref::<InputError>().is_none() => return Err(error),
                Err(error) if api.server_version().await.is_err() => return Err(error),
                Err(error) => {
                    failed += 1;
                    output::report_error(&error);
                    if self.json {
                        // In the place of the reply, so that each reply has the number of its command.
                        output::json(&CacheReply::Error { error: error.to_string() })?;
                    }
                }
            }
            commands += 1;
        }
        if failed > 0 {
            return Err(InputError::new(format!("{failed} of {commands} commands failed")).into());
        }
        Ok(())
    }

    /// One line; prints the reply.
    async fn carry_out(&self, api: &Api, line: &str) -> anyhow::Result<Done> {
        let words = words(line).map_err(InputError::new)?;
        let Some(first) = words.first() else { return Ok(Done::Nothing) };
        match first.text().to_ascii_lowercase().as_str() {
            "quit" | "exit" => Ok(Done::Quit),
            "help" => {
                output::note(&help());
                Ok(Done::Nothing)
            }
            _ => {
                let reply = send(api, words).await?;
                self.print(&reply)?;
                Ok(Done::Replied(!matches!(reply, CacheReply::Error { .. })))
            }
        }
    }
}

/// The outcome of a line.
enum Done {
    /// It was empty, or asked for help.
    Nothing,
    /// The command was answered: well, or with an error.
    Replied(bool),
    /// It asks for the end.
    Quit,
}

async fn send(api: &Api, words: Vec<Word>) -> anyhow::Result<CacheReply> {
    let commands = vec![words.into_iter().map(CacheWord::from).collect()];
    let CacheReplies { replies } = api.cache(&CacheCommands { commands }).await?.read()?;
    replies.into_iter().next().context("the server's answer holds no reply")
}

fn help() -> String {
    let mut lines = vec![String::new()];
    for name in hookd_leancache::names() {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() < 100 => line.push_str(&format!("{name} ")),
            _ => lines.push(format!("{name} ")),
        }
    }
    format!("{}\n`quit` or Ctrl-D ends.", lines.join("\n"))
}
