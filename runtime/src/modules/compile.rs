//! Runs the compile child under its limits.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

use tempfile::{NamedTempFile, TempPath};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::compile_request::{CompileRequest, LOADED, LoadLog};
use super::compile_worker::{ARTIFACT_BYTES, CPU_SECONDS, MEMORY_BYTES, REFUSED};
use super::{ModuleError, Refusal};
use crate::config::CompileLimits;
use crate::fair_turns::{FairTurns, Holder, Turn};

/// How much of a child's error output is read.
const MAX_MESSAGE_BYTES: u64 = 16 << 10;

/// Starts compile children, one at a time.
pub(super) struct Compiler {
    command: Vec<OsString>,
    limits: CompileLimits,
    turns: FairTurns,
}

impl Compiler {
    pub(super) fn new(command: Vec<OsString>, limits: CompileLimits) -> Self {
        Self { command, limits, turns: FairTurns::new(1) }
    }

    /// Waits for the compilation before this one, which its wall time ends. Apps take turns, independent of the number
    /// of their modules.
    pub(super) async fn turn<'a>(&'a self, holder: &'a Holder) -> Turn<'a> {
        self.turns.take(holder).await
    }

    pub(super) fn limits(&self) -> &CompileLimits {
        &self.limits
    }

    /// Compiles a component into `artifact`.
    pub(super) async fn compile(&self, component: &[u8], artifact: NamedTempFile) -> Result<TempPath, ModuleError> {
        let (artifact, _) = self.make(component, artifact, Refusal::NotCompilable).await?;
        Ok(artifact)
    }

    /// Carries out what is no component; answers with what a bundle's files wrote while they were loaded.
    pub(super) async fn carry_out(
        &self,
        request: &CompileRequest,
        artifact: NamedTempFile,
    ) -> Result<(TempPath, LoadLog), ModuleError> {
        let request = serde_json::to_vec(request)
            .map_err(|error| ModuleError::internal("cannot write a request to the compile process")(error.into()))?;
        let (artifact, complaints) = self.make(&request, artifact, Refusal::NotLoaded).await?;
        let log = complaints.lines().find_map(|line| serde_json::from_str(line.strip_prefix(LOADED)?).ok());
        Ok((artifact, log.unwrap_or_default()))
    }

    /// Has the child make machine code of its input; answers with what it wrote on stderr, too.
    async fn make(
        &self,
        input: &[u8],
        artifact: NamedTempFile,
        refusal: fn(String) -> Refusal,
    ) -> Result<(TempPath, String), ModuleError> {
        const SIGHUP: i32 = 1;
        let program = self.command.first().map(|program| program.display().to_string()).unwrap_or_default();
        let internal = || ModuleError::internal(format!("cannot run the compile process `{program}`"));
        let run = async || self.run(input, &artifact).await;
        let mut ended = run().await;
        // A hang-up of the server's group meets a child that has no group of its own yet.
        if ended.as_ref().is_ok_and(|ended| ended.as_ref().is_some_and(|(status, _)| status.signal() == Some(SIGHUP))) {
            ended = run().await;
        }
        let Some((status, complaints)) = ended.map_err(|error| internal()(error.into()))? else {
            return Err(self.limit_met(format!("{} s of wall time", self.limits.wall_time.as_secs())).into());
        };
        if let Some(refusal) = self.death(status, &complaints) {
            return Err(refusal.into());
        }
        if !status.success() {
            return Err(internal()(format!("it ended with {status}: {complaints}").into()));
        }
        let artifact = artifact.into_temp_path();
        match read_start(&artifact).await.map_err(|error| internal()(error.into()))? {
            start if start.starts_with(REFUSED) => {
                let reason = String::from_utf8_lossy(start.get(REFUSED.len()..).unwrap_or_default()).into_owned();
                Err(refusal(reason).into())
            }
            start if start.is_empty() => Err(internal()("it wrote no machine code".into())),
            _ => Ok((artifact, complaints)),
        }
    }

    /// How a child that compiles into `artifact` ended, and its complaints; `None` when its wall time was over.
    async fn run(&self, input: &[u8], artifact: &NamedTempFile) -> io::Result<Option<(ExitStatus, String)>> {
        let child = self.start(artifact)?;
        // Dropping the child kills it.
        timeout(self.limits.wall_time, supervise(child, input)).await.ok().transpose()
    }

    fn start(&self, artifact: &NamedTempFile) -> io::Result<Child> {
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| io::Error::other("`compile_command` is empty"))?;
        Command::new(program)
            .args(arguments)
            // The child needs nothing of this process, and it cannot leak what it does not have.
            .env_clear()
            .env(MEMORY_BYTES, self.limits.memory_bytes.to_string())
            .env(CPU_SECONDS, self.limits.cpu_time.as_secs().to_string())
            .env(ARTIFACT_BYTES, self.limits.artifact_bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(artifact.reopen()?)
            .stderr(Stdio::piped())
            // A signal to the server's group, from a terminal or a service manager, is for the server: it ends the
            // child itself, and not a deployment that it lets finish.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    /// The limit that killed the child, if one did.
    fn death(&self, status: ExitStatus, complaints: &str) -> Option<Refusal> {
        const SIGABRT: i32 = 6;
        const SIGKILL: i32 = 9;
        const SIGSEGV: i32 = 11;
        const SIGXCPU: i32 = 24;
        const SIGXFSZ: i32 = 25;
        let what = match status.signal()? {
            // At equal soft and hard limits the kernel kills at once.
            SIGXCPU | SIGKILL => format!("{} s of CPU time", self.limits.cpu_time.as_secs()),
            SIGXFSZ => format!("{} bytes of machine code", self.limits.artifact_bytes),
            // Rust aborts when the heap is exhausted; a thread whose stack cannot grow dies of a fault.
            SIGABRT | SIGSEGV => format!("{} bytes of memory", self.limits.memory_bytes),
            _ => return None,
        };
        tracing::warn!(%status, complaints, "a compile process was stopped");
        Some(self.limit_met(what))
    }

    fn limit_met(&self, what: String) -> Refusal {
        Refusal::CompileLimit(what)
    }
}

/// Feeds the child and waits for its end. Bounded by the caller's timeout, which drops, and so kills, the child.
async fn supervise(mut child: Child, input: &[u8]) -> io::Result<(ExitStatus, String)> {
    let mut stdin = child.stdin.take();
    let stderr = child.stderr.take();
    let feed = async move {
        if let Some(stdin) = &mut stdin {
            // A child that died does not read to the end; its status shows why.
            let _ = stdin.write_all(input).await;
        }
        drop(stdin);
    };
    let listen = async {
        let mut complaints = Vec::new();
        if let Some(mut stderr) = stderr {
            let _ = (&mut stderr).take(MAX_MESSAGE_BYTES).read_to_end(&mut complaints).await;
            // Read on, or a child with more to say would wait for ever.
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
        String::from_utf8_lossy(&complaints).trim().to_owned()
    };
    let ((), complaints, status) = tokio::join!(feed, listen, child.wait());
    Ok((status?, complaints))
}

async fn read_start(path: &std::path::Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    tokio::fs::File::open(path).await?.take(MAX_MESSAGE_BYTES).read_to_end(&mut start).await?;
    Ok(start)
}
