//! `hookd migrate compare`

mod log_file;
mod log_lines;
mod report;
mod sides;

use std::path::PathBuf;

use clap::Args;

use self::sides::{Hookd, LeanEngine};
use crate::client::{Api, ServerArguments, check_name};
use crate::exit::InputError;
use crate::fixtures::CallArguments;

/// Send the same calls to a running LeanEngine app and to hookd, and show where they differ.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd migrate compare _messageReceived --params message.json --leanengine http://127.0.0.1:3000
  hookd migrate compare --fixtures fixtures --leanengine http://127.0.0.1:3000 --leanengine-log app.log

The LeanEngine app runs with the keys of the app in hookd (LEANCLOUD_APP_ID and the others). Both really run each call:
what it writes to a database or sends to others is done twice. Status and body are compared, and with --leanengine-log what
the functions wrote. Frames of stack traces and lines of the SDK itself are not. Compare an app that gets no other calls meanwhile.

Fixtures: `_messageReceived.rude-word.params.json` holds the params of a call of `_messageReceived`, as for `hookd test`.
Exit code 1 when anything differs.")]
pub struct Compare {
    #[command(flatten)]
    calls: CallArguments,
    /// Address of the LeanEngine app.
    #[arg(long, value_name = "URL")]
    leanengine: String,
    /// File that the LeanEngine app's output goes to, as with `node server.js > app.log 2>&1`.
    #[arg(long, value_name = "FILE")]
    leanengine_log: Option<PathBuf>,
    /// Call staging's version in hookd instead of production's.
    #[arg(long)]
    staging: bool,
    /// Print one line of JSON for each call.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Compare {
    /// Calls both, and prints the differences.
    pub async fn run(self) -> anyhow::Result<()> {
        let calls = self.calls.calls()?;
        calls.iter().try_for_each(|call| check_name(&call.function))?;
        let api = Api::new(self.server.target()?)?;
        let leanengine = LeanEngine::new(&api, self.leanengine, self.leanengine_log).await?;
        let hookd = Hookd::new(api, self.staging);
        let (mut differing, all) = (0_usize, calls.len());
        for call in calls {
            let theirs = leanengine.call(&call).await?;
            let ours = hookd.call(&call, theirs.log.is_some()).await?;
            leanengine.check_keys(&theirs, &ours)?;
            differing += usize::from(theirs != ours);
            report::show(&call.name, &theirs, &ours, self.json)?;
        }
        match differing {
            0 => Ok(()),
            _ => Err(InputError::new(format!("{differing} of {all} calls differ")).into()),
        }
    }
}
