//! `hookd cache`

mod show;
mod words;

use clap::Args;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use serde_json::{Value, json};

use self::show::show;
use self::words::{Word, words};
use crate::client::{Api, ServerArguments, default_data_folder};
use crate::exit::InputError;
use crate::output;

/// Look into an app's LeanCache and change it, with the commands that its hooks may use.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd cache SET greeting hello EX 60
  hookd cache --json LRANGE recent 0 -1
  hookd cache                           # reads commands line by line, with a history

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
            return self.read_commands(&api).await;
        }
        let words = self.command.iter().map(|word| Word::from(word.as_str())).collect();
        let reply = send(&api, words).await?;
        if let Some(error) = reply.get("error").and_then(Value::as_str) {
            return Err(InputError::new(error).into());
        }
        self.print(&reply)
    }

    fn print(&self, reply: &Value) -> anyhow::Result<()> {
        if self.json {
            return output::json(reply);
        }
        output::data(&show(reply));
        Ok(())
    }

    async fn read_commands(&self, api: &Api) -> anyhow::Result<()> {
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
            let words = match words(&line) {
                Ok(words) => words,
                Err(problem) => {
                    output::note(&format!("error: {problem}"));
                    continue;
                }
            };
            let Some(first) = words.first() else { continue };
            // A history that cannot be kept is no reason not to go on.
            let _ = editor.add_history_entry(&line);
            match first.text().to_ascii_lowercase().as_str() {
                "quit" | "exit" => break,
                "help" => output::note(&help()),
                _ => match send(api, words).await {
                    Ok(reply) => self.print(&reply)?,
                    Err(error) => output::report_error(&error),
                },
            }
        }
        if let Some(folder) = history.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = editor.save_history(&history);
        Ok(())
    }
}

async fn send(api: &Api, words: Vec<Word>) -> anyhow::Result<Value> {
    let words: Vec<Value> = words.iter().map(Word::json).collect();
    let mut answer = api.cache(&json!({"commands": [words]})).await?;
    let reply = answer.get_mut("replies").and_then(|replies| replies.get_mut(0)).map(Value::take);
    reply.ok_or_else(|| anyhow::anyhow!("the server's answer holds no reply: {answer}"))
}

fn help() -> String {
    let mut lines = vec![String::new()];
    for name in hookd_runtime::cache_command_names() {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() < 100 => line.push_str(&format!("{name} ")),
            _ => lines.push(format!("{name} ")),
        }
    }
    format!("{}\n`quit` or Ctrl-D ends.", lines.join("\n"))
}
