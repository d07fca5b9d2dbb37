//! The author and the reason of a release, from the command line.

use api_types::control::Attribution;
use clap::Args;

/// Longest name that the server accepts.
const MAX_AUTHOR_CHARS: usize = 128;

/// The author and the reason of a release; `hookd releases` shows both.
#[derive(Debug, Args)]
#[command(next_help_heading = "History")]
pub struct ReleaseNote {
    /// Author of the release [default: the user at this machine].
    #[arg(long, env = "HOOKD_AUTHOR", value_name = "NAME")]
    author: Option<String>,
    /// Reason of the release.
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
}

impl ReleaseNote {
    /// In the form of a URL's query.
    pub fn query(&self) -> Attribution {
        let author = self.author.clone().unwrap_or_else(user_at_host);
        Attribution { author, message: self.message.clone().unwrap_or_default() }
    }
}

/// A release must also work on a machine without a user name or a host name.
fn user_at_host() -> String {
    let user = whoami::username().unwrap_or_else(|_| "unknown".to_owned());
    let host = whoami::hostname().unwrap_or_else(|_| "unknown".to_owned());
    format!("{user}@{host}").chars().filter(|character| !character.is_control()).take(MAX_AUTHOR_CHARS).collect()
}
