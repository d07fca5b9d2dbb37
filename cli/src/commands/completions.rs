//! `hookd completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use crate::exit::InputError;
use crate::output;

/// Print a script that completes commands and flags in a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source <(hookd completions bash)                                  # in ~/.bashrc
  hookd completions zsh > \"${fpath[1]}/_hookd\"
  hookd completions fish > ~/.config/fish/completions/hookd.fish")]
pub struct Completions {
    /// Which shell [default: that of $SHELL].
    #[arg(value_enum)]
    shell: Option<Shell>,
}

impl Completions {
    /// Prints the script.
    pub fn run(self) -> anyhow::Result<()> {
        let shell = self.shell.or_else(Shell::from_env).ok_or_else(|| {
            InputError::new("the shell is not known from $SHELL").hint("name it: hookd completions bash")
        })?;
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "hookd", &mut script);
        output::data(String::from_utf8_lossy(&script).trim_end())
    }
}
