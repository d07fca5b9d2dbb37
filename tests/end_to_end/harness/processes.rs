use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hookd_postgres_server::PostgresServer;
use serde_json::Value;
use tempfile::TempDir;

use super::server::hookd;
use super::streams::{Reader, Streams};

/// A soft stop lets requests in flight finish for 20 s; traces and the last lines of the log have some seconds of their own.
const STOP_DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// How hookd is spread over processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `hookd up`.
    OneProcess,
    /// `hookd engine` and `hookd im` on one data folder, with TCP between them.
    OverTcp,
    /// The same, with a Unix socket between them.
    OverASocket,
}

impl Shape {
    /// Every test is compiled into two programs, one for each shape; some into a third one, for another database.
    pub fn of_this_program() -> Self {
        match env!("CARGO_CRATE_NAME") {
            "two_processes" => Self::OverTcp,
            _ => Self::OneProcess,
        }
    }
}

/// Where processes run, and the options of all of them.
pub struct Place {
    pub(super) folder: TempDir,
    /// For the process with the engine.
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(&'static str, String)>,
    /// How many each process may have, where it is not what the tests may have.
    pub(super) descriptors: Option<u32>,
    pub(super) streams: Streams,
    /// In the program whose tests run on PostgreSQL; killed with the place.
    pub(super) database: Option<Box<PostgresServer>>,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (streams, descriptors) = (Streams::LogFile, None);
        let database = is_on_postgres().then(|| Box::new(PostgresServer::start()));
        Self { folder, arguments: Vec::new(), variables: Vec::new(), descriptors, streams, database }
    }

    /// The environment of its processes.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let database = self.database.iter().map(|database| ("HOOKD_DATABASE_URL", database.url()));
        self.variables.iter().cloned().chain(database).collect()
    }
}

/// True in the program whose tests run on PostgreSQL.
fn is_on_postgres() -> bool {
    env!("CARGO_CRATE_NAME") == "on_postgres"
}

/// What runs; killed when dropped.
pub struct Processes {
    shape: Shape,
    engine: Option<Process>,
    /// `hookd up`, or `hookd im`.
    front: Process,
}

impl Processes {
    /// Starts, and answers what the process for clients printed.
    pub(super) fn start(place: &Place, shape: Shape, listen: &str, engine: &str) -> (Self, Value) {
        let engine = match shape {
            Shape::OneProcess => None,
            Shape::OverTcp | Shape::OverASocket => Some(start_engine(place, shape, engine)),
        };
        let (front, connection) = start_front(place, shape, listen);
        (Self { shape, engine, front }, connection)
    }

    /// An IM core alone, on the engine of other processes.
    pub(super) fn start_im_core(place: &Place, engine: &str, admin_key: &str) -> (Self, Value) {
        let arguments = ["im", "--json", "--listen", "127.0.0.1:0", "--engine", engine, "--admin-key", admin_key];
        let (front, connection) = Process::start(place, &arguments, &[]);
        (Self { shape: Shape::OverTcp, engine: None, front }, connection)
    }

    /// Ends the process that serves clients as a power cut would.
    #[allow(dead_code, reason = "for `on_postgres.rs`")]
    pub fn kill_front(&mut self) {
        self.front.kill();
    }

    pub(super) fn start_front(&mut self, place: &Place, listen: &str) -> Value {
        let connection;
        (self.front, connection) = start_front(place, self.shape, listen);
        connection
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The most memory that was resident, of all processes together.
    pub fn peak_memory_bytes(&self) -> u64 {
        self.engine.iter().chain([&self.front]).map(Process::peak_memory_bytes).sum()
    }

    /// Ends everything as a power cut would.
    pub fn kill(&mut self) {
        self.front.kill();
        self.engine.iter_mut().for_each(Process::kill);
    }

    /// Ends the engine as a power cut would.
    pub fn kill_engine(&mut self) {
        self.engine.as_mut().expect("an engine of its own").kill();
    }

    pub(super) fn start_engine(&mut self, place: &Place, listen: &str) {
        self.engine = Some(start_engine(place, self.shape, listen));
    }

    /// Asks the engine to stop, as a service manager does.
    pub fn stop_engine(&mut self) {
        self.engine.as_mut().expect("an engine of its own").terminate();
    }

    /// Waits until the engine that was asked to stop has ended; panics unless it ended well.
    pub fn wait_for_engine(&mut self) {
        self.engine.as_mut().expect("an engine of its own").wait();
    }

    /// Stops the process that serves clients as a frozen machine would, or lets it go on.
    pub fn freeze_front(&self, freeze: bool) {
        self.front.freeze(freeze);
    }

    /// The processes go on without the readers of their output.
    pub fn lose_readers(&mut self) {
        for process in std::iter::once(&mut self.front).chain(&mut self.engine) {
            process.output = None;
        }
    }

    /// What the process that serves clients writes from here on, where it writes to a pipe or a socket.
    pub fn front_output(&mut self) -> &mut Reader {
        self.front.output.as_mut().expect("a reader that was not lost")
    }

    /// Signals all processes, and what they started, as a terminal does that is closed.
    pub fn signal_groups(&self, signal: &str) {
        for process in std::iter::once(&self.front).chain(&self.engine) {
            send(signal, &format!("-{}", process.child.id()));
        }
    }

    /// Asks all processes to stop, and answers how long that took; panics unless all ended well.
    pub fn stop(&mut self) -> Duration {
        let asked = Instant::now();
        for process in std::iter::once(&mut self.front).chain(&mut self.engine) {
            process.terminate();
            process.wait();
        }
        asked.elapsed()
    }

    /// The process ids: of the engine, and of what serves clients.
    pub fn ids(&self) -> [u32; 2] {
        [self.engine.as_ref().unwrap_or(&self.front).child.id(), self.front.child.id()]
    }

    /// Stops the engine as a frozen machine would, or lets it go on.
    pub fn freeze_engine(&self, freeze: bool) {
        self.engine.as_ref().expect("an engine of its own").freeze(freeze);
    }

    /// Asks the process that serves clients to stop, and waits until it has; panics unless it ended well.
    pub fn stop_front(&mut self) {
        self.front.terminate();
        self.front.wait();
    }
}

struct Process {
    child: Child,
    output: Option<Reader>,
}

impl Process {
    /// Starts a process that serves, and waits until it is ready: it prints a line then.
    fn start(place: &Place, arguments: &[&str], more: &[String]) -> (Self, Value) {
        let log = place.folder.path().join("log");
        let mut command = hookd(&place.folder.path().join("data"));
        if let Some(count) = place.descriptors {
            command = with_descriptors(&command, count);
        }
        command.args(arguments).args(more).envs(place.environment()).stdin(Stdio::null());
        let Some((mut reader, [stdout, stderr])) = place.streams.pair() else {
            let stderr = match place.streams {
                Streams::Reader(reader) => reader.try_clone().expect("a second handle"),
                _ => File::options().create(true).append(true).open(&log).expect("a log file"),
            };
            let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("hookd runs");
            let mut line = String::new();
            BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a readable pipe");
            let Ok(connection) = serde_json::from_str(&line) else {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                panic!("`hookd {}` did not start:\n{log}", arguments.join(" "));
            };
            return (Self { child, output: None }, connection);
        };
        let child = command.process_group(0).stdout(stdout).stderr(stderr).spawn().expect("hookd runs");
        // Or this process would keep the other end of what it reads.
        drop(command);
        let mut log = Vec::new();
        let connection = (&mut reader).lines().find_map(|line| {
            let line = line.expect("UTF-8");
            let connection = serde_json::from_str(&line).ok();
            log.push(line);
            connection
        });
        let Some(connection) = connection else {
            panic!("`hookd {}` did not start:\n{}", arguments.join(" "), log.join("\n"));
        };
        (Self { child, output: Some(reader) }, connection)
    }

    fn peak_memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a running server");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line about memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    fn kill(&mut self) {
        self.child.kill().expect("a running server");
        self.child.wait().expect("a killed server");
    }

    fn terminate(&self) {
        self.signal("-TERM");
    }

    fn freeze(&self, freeze: bool) {
        self.signal(if freeze { "-STOP" } else { "-CONT" });
        // On a busy machine the threads go on for a moment.
        while freeze && !self.is_frozen() {
            std::thread::sleep(POLL);
        }
    }

    /// True when all of its threads are stopped.
    fn is_frozen(&self) -> bool {
        let mut threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("a running server");
        threads.all(|thread| {
            // A thread that has just ended has no file.
            let stat = std::fs::read_to_string(thread.expect("a thread").path().join("stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_none_or(|fields| fields.is_empty() || fields.starts_with('T'))
        })
    }

    fn signal(&self, signal: &str) {
        send(signal, &self.child.id().to_string());
    }

    fn wait(&mut self) {
        let asked = Instant::now();
        let status = loop {
            match self.child.try_wait().expect("a child") {
                Some(status) => break status,
                None => assert!(asked.elapsed() < STOP_DEADLINE, "a soft stop has no end"),
            }
            std::thread::sleep(POLL);
        };
        assert!(status.success(), "a soft stop ended with {status}");
    }
}

fn send(signal: &str, target: &str) {
    let sent = Command::new("kill").args([signal, "--", target]).status().expect("kill runs");
    assert!(sent.success(), "the server was gone already");
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already dead is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command with a limit of its own.
fn with_descriptors(command: &Command, count: u32) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -n {count} && exec \"$0\" \"$@\"")]).arg(command.get_program());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.args(command.get_args());
    limited
}

fn start_front(place: &Place, shape: Shape, listen: &str) -> (Process, Value) {
    let (command, more) = match shape {
        Shape::OneProcess => ("up", place.arguments.as_slice()),
        Shape::OverTcp | Shape::OverASocket => ("im", [].as_slice()),
    };
    Process::start(place, &[command, "--json", "--listen", listen], more)
}

fn start_engine(place: &Place, shape: Shape, listen: &str) -> Process {
    let socket = place.folder.path().join("rpc.sock");
    let socket = socket.to_str().expect("UTF-8");
    let arguments = match shape {
        Shape::OverASocket => ["engine", "--json", "--rpc-socket", socket],
        Shape::OneProcess | Shape::OverTcp => ["engine", "--json", "--listen", listen],
    };
    Process::start(place, &arguments, &place.arguments).0
}
