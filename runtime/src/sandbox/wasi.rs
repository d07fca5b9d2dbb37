//! The WASI 0.2 interfaces that language runtimes need. No filesystem and no sockets: those are not linked at all.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream, WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, random};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::clock::GuestClock;
use crate::contract;
use crate::logs::{CallLog, LogLevel};

/// Every interface that a module may import, without its version.
const OFFERED: [&str; 23] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:logging/logging",
    "hookd:engine/functions",
    "hookd:engine/leancache",
];
/// Handles that a guest may hold at a time; each may stand for a set of HTTP headers in the host's memory.
const MAX_HANDLES: usize = 256;
/// Random bytes of one request.
const MAX_RANDOM_BYTES: u64 = 64 << 10;
/// What a guest may write to a stream at once, and the longest line that is put together from several writes.
const STREAM_CHUNK_BYTES: usize = 16 << 10;

/// True when the linker offers the import. `import` is a name such as `wasi:cli/exit@0.2.6`.
pub(crate) fn offers(import: &str) -> bool {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    let fits = match interface {
        "wasi:logging/logging" => version == "0.1.0-draft",
        "hookd:engine/functions" | "hookd:engine/leancache" => contract::is_spoken(version),
        // Within 0.2 newer versions only add; what they add is missed when the component is linked.
        _ => version.starts_with("0.2."),
    };
    fits && OFFERED.contains(&interface)
}

/// What else is there for a component that was made to answer HTTP requests: its C library looks for files at its start. It
/// finds no directory, and without one there is no way to a file.
const OFFERED_TO_HTTP_APPS: [&str; 2] = ["wasi:filesystem/preopens", "wasi:filesystem/types"];

/// True when the import is offered to a component that answers HTTP requests.
pub(crate) fn offers_to_http_app(import: &str) -> bool {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    offers(import) || version.starts_with("0.2.") && OFFERED_TO_HTTP_APPS.contains(&interface)
}

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

pub(super) fn add_no_files_to_linker<State: WasiView + 'static>(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::filesystem;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)
}

pub(super) fn add_to_linker<State: WasiView + 'static>(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::io as wasi_io;
    wasi_io::error::add_to_linker::<State, HasTable>(linker, |state| state.ctx().table)?;
    wasi_io::poll::add_to_linker::<State, HasTable>(linker, |state| state.ctx().table)?;
    wasi_io::streams::add_to_linker::<State, HasTable>(linker, |state| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    random::random::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    cli::exit::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(linker, State::cli)
}

/// An empty WASI context: no arguments, no input; output goes to the call's log. Variables come from elsewhere.
pub(super) struct WasiState {
    ctx: WasiCtx,
    table: ResourceTable,
    output: [LogStream; 2],
}

impl WasiState {
    pub(super) fn new(log: &Arc<CallLog>) -> Self {
        let stdout = LogStream::new(log, LogLevel::Info, "stdout");
        let stderr = LogStream::new(log, LogLevel::Warn, "stderr");
        let ctx = WasiCtx::builder()
            .wall_clock(GuestClock)
            .max_random_size(MAX_RANDOM_BYTES)
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        Self { ctx, table, output: [stdout, stderr] }
    }

    /// Later output belongs to another call.
    pub(super) fn write_to(&self, log: &Arc<CallLog>) {
        for stream in &self.output {
            stream.buffer().log = log.clone();
        }
    }

    /// Ends lines that have no end yet.
    pub(super) fn flush(&self) {
        for stream in &self.output {
            stream.buffer().flush_rest();
        }
    }

    pub(super) fn view(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

/// Splits the output into lines of the log. All handles of one stream share it.
#[derive(Clone)]
struct LogStream(Arc<Mutex<LineBuffer>>);

struct LineBuffer {
    log: Arc<CallLog>,
    level: LogLevel,
    source: &'static str,
    pending: Vec<u8>,
}

impl LogStream {
    fn new(log: &Arc<CallLog>, level: LogLevel, source: &'static str) -> Self {
        Self(Arc::new(Mutex::new(LineBuffer { log: log.clone(), level, source, pending: Vec::new() })))
    }

    fn write(&self, bytes: &[u8]) {
        self.buffer().write(bytes);
    }

    fn buffer(&self) -> MutexGuard<'_, LineBuffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineBuffer {
    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.pending.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.pending.len() >= STREAM_CHUNK_BYTES {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        self.log.guest(self.level, self.source, &String::from_utf8_lossy(&self.pending));
        self.pending.clear();
    }

    fn flush_rest(&mut self) {
        if !self.pending.is_empty() {
            self.flush();
        }
    }
}

impl Drop for LineBuffer {
    fn drop(&mut self) {
        self.flush_rest();
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        LogStream::write(self, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(STREAM_CHUNK_BYTES)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        LogStream::write(&self, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::AppLog;
    use api_types::Limits;

    #[test]
    fn filesystem_sockets_and_serving_http_are_not_offered() {
        for import in ["wasi:filesystem/types@0.2.6", "wasi:sockets/tcp@0.2.0", "wasi:http/incoming-handler@0.2.0"] {
            assert!(!offers(import), "{import}");
        }
    }

    #[test]
    fn versions_within_0_2_are_offered_and_others_are_not() {
        assert!(offers("wasi:cli/exit@0.2.0"));
        assert!(offers("wasi:cli/exit@0.2.6"));
        assert!(!offers("wasi:cli/exit@0.3.0"));
        assert!(!offers("wasi:cli/exit"));
    }

    #[test]
    fn writes_are_put_together_to_lines_and_the_rest_is_kept_at_the_end() {
        let app_log = Arc::new(AppLog::default());
        let log = CallLog::new(app_log.clone(), "demo", 1, "hello", "r1".to_owned(), &Limits::default());
        let stream = LogStream::new(&Arc::new(log), LogLevel::Info, "stdout");
        stream.write(b"one\ntw");
        stream.write(b"o\nthree");
        drop(stream);
        let texts: Vec<String> = app_log.ring().after(0).lines.into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one", "two", "three"]);
    }

    #[test]
    fn the_output_of_a_call_goes_to_its_own_log_when_another_one_follows() {
        let app_log = Arc::new(AppLog::default());
        let log =
            |id: &str| Arc::new(CallLog::new(app_log.clone(), "demo", 1, "hello", id.to_owned(), &Limits::default()));
        let mut wasi = WasiState::new(&log("r1"));
        wasi.output[0].write(b"no end");
        wasi.flush();
        wasi.write_to(&log("r2"));
        wasi.output[0].write(b"next\n");
        let lines: Vec<String> = app_log
            .ring()
            .after(0)
            .lines
            .into_iter()
            .map(|line| format!("{} {}", line.request_id, line.text))
            .collect();
        assert_eq!(lines, ["r1 no end", "r2 next"]);
        assert!(wasi.view().table.is_empty());
    }
}
