//! The one place that writes to the terminal: stdout is data, stderr is everything else.

mod lost;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::exit::InputError;
#[cfg(feature = "server")]
use hookd_server::output_streams;

pub use lost::{LostOutput, reader_gone};

/// Prints a line of data.
///
/// # Errors
/// [`LostOutput`]; `main` takes one that the reader is to blame for as the end of the command.
pub fn data(line: &str) -> anyhow::Result<()> {
    write(&format!("{line}\n"))
}

/// Prints data as one line of JSON.
///
/// # Errors
/// Those of [`data`].
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    data(&serde_json::to_string(value)?)
}

/// Prints a text as it is. A process that serves goes on without a reader: it counts what it lost instead.
///
/// # Errors
/// Those of [`data`].
pub fn write(text: &str) -> anyhow::Result<()> {
    #[cfg(feature = "server")]
    if let Some(streams) = output_streams::streams() {
        streams.stdout.send(text);
        return Ok(());
    }
    lost::check_open()?;
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(LostOutput::from)?;
    Ok(())
}

/// Prints a line for people.
pub fn note(line: &str) {
    #[cfg(feature = "server")]
    if let Some(streams) = output_streams::streams() {
        return streams.stderr.send(&format!("{line}\n"));
    }
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The last call of a process: lines of a server that wait are written, for two seconds at most.
pub fn finish() {
    #[cfg(feature = "server")]
    output_streams::finish();
}

/// Prints a failed command: what failed, its causes once each, then the fix.
pub fn report_error(error: &anyhow::Error) {
    let mut lines = vec![format!("error: {error}")];
    let mut printed = error.to_string();
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        if !printed.contains(&text) {
            lines.push(format!("  caused by: {text}"));
            printed.push_str(&text);
        }
    }
    let hint = error.downcast_ref::<InputError>().and_then(InputError::hint_text);
    lines.extend(hint.map(|hint| format!("hint: {hint}")));
    note(&lines.join("\n"));
}

/// Shows that something goes on: a spinner on a terminal, plain lines elsewhere.
pub struct Progress {
    bar: ProgressBar,
    plain: bool,
}

impl Progress {
    /// Starts with a first message.
    pub fn start(message: &str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target).with_message(message.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        if !terminal {
            note(message);
        }
        Self { bar, plain: !terminal }
    }

    /// Goes on to the next step.
    pub fn step(&self, message: &str) {
        if self.plain && self.bar.message() != message {
            note(message);
        }
        self.bar.set_message(message.to_owned());
    }

    /// The detail of the step; shown on a terminal only.
    pub fn detail(&self, message: &str) {
        self.bar.set_message(message.to_owned());
    }

    /// Clears the spinner.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
