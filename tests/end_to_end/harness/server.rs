use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use hookd_postgres_server::PostgresServer;
use serde_json::Value;

use super::modules::{module, workspace};
use super::output::stderr;
use super::processes::{Place, Processes, Shape};
use super::streams::Streams;

/// A running hookd on a free port with a data folder of its own; killed with the test. Its shape is that of the test
/// program, unless the test asks for another.
pub struct Server {
    processes: Processes,
    connection: Value,
    place: Place,
}

impl Server {
    /// Starts with an empty data folder.
    pub fn start() -> Self {
        Self::start_as(Shape::of_this_program())
    }

    /// The same, in a shape of its own.
    pub fn start_as(shape: Shape) -> Self {
        Self::start_in(Place::new(), shape)
    }

    /// The same, with arguments to the process with the engine.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_as_with(Shape::of_this_program(), arguments)
    }

    /// The same, in a shape of its own.
    pub fn start_as_with(shape: Shape, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self::start_in(Place { arguments, ..Place::new() }, shape)
    }

    /// The same, with a variable in the environment of its processes.
    pub fn start_with_variable(name: &'static str, value: &str) -> Self {
        Self::start_with_variables(&[(name, value)], &[])
    }

    /// The same, with several variables, and arguments to the process with the engine.
    pub fn start_with_variables(variables: &[(&'static str, &str)], arguments: &[&str]) -> Self {
        let variables = variables.iter().map(|&(name, value)| (name, value.to_owned())).collect();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self::start_in(Place { variables, arguments, ..Place::new() }, Shape::of_this_program())
    }

    /// The same, where each process may have so many descriptors.
    pub fn start_with_descriptors(count: u32) -> Self {
        Self::start_in(Place { descriptors: Some(count), ..Place::new() }, Shape::of_this_program())
    }

    /// The same, writing everything to a pipe or a socket.
    pub fn start_writing_to(streams: Streams, log: &str) -> Self {
        let variables = vec![("RUST_LOG", log.to_owned())];
        Self::start_in(Place { variables, streams, ..Place::new() }, Shape::of_this_program())
    }

    /// The same, in a shape of its own, with a Redis and a reader of the log.
    pub fn start_as_with_redis(shape: Shape, redis: &str, streams: Streams) -> Self {
        let variables = vec![("HOOKD_REDIS_URL", redis.to_owned())];
        Self::start_in(Place { variables, streams, ..Place::new() }, shape)
    }

    fn start_in(place: Place, shape: Shape) -> Self {
        let (processes, connection) = Processes::start(&place, shape, "127.0.0.1:0", "127.0.0.1:0");
        Self { processes, connection, place }
    }

    /// Starts, and makes a module live in production.
    pub fn with_module(name: &str) -> Self {
        let server = Self::start();
        server.deploy(name);
        server
    }

    /// A second server with the apps, keys and modules of this one; this one restarts meanwhile.
    pub fn twin(&mut self) -> Self {
        self.kill();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copied = Command::new("cp").arg("-r").arg(self.data()).arg(folder.path()).status().expect("cp runs");
        assert!(copied.success(), "the data folder cannot be copied");
        self.start_again();
        let Place { streams, descriptors, .. } = self.place;
        let (arguments, variables) = (self.place.arguments.clone(), self.place.variables.clone());
        let place = Place { folder, arguments, variables, descriptors, streams, database: None };
        Self::start_in(place, self.processes.shape())
    }

    /// Another IM core, which reaches the engine of this server at an address of its own. It has a data folder of its own and
    /// the other options of this one.
    pub fn another_im_core_at(&self, engine: &str) -> Self {
        let place = Place { arguments: Vec::new(), variables: self.place.variables.clone(), ..Place::new() };
        let (processes, connection) = Processes::start_im_core(&place, engine, self.key("admin_key"));
        Self { processes, connection, place }
    }

    /// The processes, for tests that are about them.
    pub fn processes(&mut self) -> &mut Processes {
        &mut self.processes
    }

    /// The database, in the program whose tests run on PostgreSQL.
    #[allow(dead_code, reason = "for `on_postgres.rs`")]
    pub fn database(&mut self) -> &mut PostgresServer {
        self.place.database.as_mut().expect("PostgreSQL")
    }

    /// Another IM core on the engine and the database of this server, with a data folder of its own.
    #[allow(dead_code, reason = "for `on_postgres.rs`")]
    pub fn another_im_core(&self) -> Self {
        let database = self.place.database.as_ref().expect("PostgreSQL").url();
        let mut place = Place::new();
        place.database = None;
        place.variables = vec![("HOOKD_DATABASE_URL", database)];
        let (processes, connection) = Processes::start_im_core(&place, self.key("engine"), self.key("admin_key"));
        Self { processes, connection, place }
    }

    /// What the process for clients printed when it was ready.
    pub fn connection(&self) -> &Value {
        &self.connection
    }

    /// The data folder.
    pub fn data(&self) -> std::path::PathBuf {
        self.place.folder.path().join("data")
    }

    /// What the server wrote to its standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.folder.path().join("log")).expect("a log file")
    }

    /// Runs a client command against this server.
    pub fn hookd(&self, arguments: &[&str]) -> Output {
        hookd_in(&self.data(), arguments)
    }

    /// Starts a client command that does not end by itself; its stdout is a pipe.
    pub fn hookd_started(&self, arguments: &[&str]) -> Child {
        let mut command = hookd(&self.data());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("hookd runs")
    }

    /// Starts a client command that is written to; all its streams are pipes.
    pub fn hookd_piped(&self, arguments: &[&str]) -> Child {
        let mut command = hookd(&self.data());
        // A history of the user's own would get lines of the test.
        command
            .env("XDG_DATA_HOME", self.place.folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command.stderr(Stdio::piped()).spawn().expect("hookd runs")
    }

    /// Runs a client command that must succeed; answers its stdout.
    pub fn hookd_ok(&self, arguments: &[&str]) -> String {
        let output = self.hookd(arguments);
        assert!(output.status.success(), "`hookd {}` failed:\n{}", arguments.join(" "), stderr(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// A URL of this server.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.connection["url"].as_str().expect("a URL"))
    }

    /// One of the keys that the server started with.
    pub fn key(&self, name: &str) -> &str {
        self.connection[name].as_str().expect("a key")
    }

    /// Makes a module live in production; answers the release.
    pub fn deploy(&self, name: &str) -> Value {
        let path = module(name);
        let release = self.hookd_ok(&["deploy", path.to_str().expect("UTF-8"), "--prod", "--json"]);
        serde_json::from_str(&release).expect("one line of JSON")
    }

    /// Ends everything as a power cut would: no signal handler runs.
    pub fn kill(&mut self) {
        self.processes.kill();
    }

    /// Starts again on the same ports and data folder.
    pub fn start_again(&mut self) {
        let before = self.connection.clone();
        self.start_with_new_keys();
        assert_eq!(self.connection, before, "address and keys outlive the process");
    }

    /// The same, after keys were changed.
    pub fn start_with_new_keys(&mut self) {
        let (im, engine) = (self.listens_on("url"), self.listens_on("engine"));
        (self.processes, self.connection) = Processes::start(&self.place, self.processes.shape(), &im, &engine);
    }

    /// Starts all of it in another shape, on the same data folder and the same port for clients.
    pub fn start_again_as(&mut self, shape: Shape) {
        let listen = self.listens_on("url");
        (self.processes, self.connection) = Processes::start(&self.place, shape, &listen, "127.0.0.1:0");
    }

    /// Starts the process that serves clients again where it was.
    pub fn start_front(&mut self) {
        let listen = self.listens_on("url");
        self.connection = self.processes.start_front(&self.place, &listen);
    }

    fn listens_on(&self, name: &str) -> String {
        let url = self.connection[name].as_str().unwrap_or_default();
        // A Unix socket has its own place; the port is not used then.
        url.strip_prefix("http://").unwrap_or("127.0.0.1:0").to_owned()
    }

    /// Starts the engine again where it was.
    pub fn start_engine(&mut self) {
        let listen = self.listens_on("engine");
        self.processes.start_engine(&self.place, &listen);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.place.folder.path().join("log")).unwrap_or_default();
            eprintln!("the server logged:\n{log}");
        }
    }
}

/// Runs `hookd` with this data folder, and nothing from the environment of the tests.
pub fn hookd_in(data: &Path, arguments: &[&str]) -> Output {
    hookd(data).args(arguments).stdin(Stdio::null()).output().expect("hookd runs")
}

/// A call of `hookd` with this data folder, and nothing else from the environment of the tests. `TEST_HOOKD` names another
/// build of the binary.
pub fn hookd(data: &Path) -> Command {
    let program = std::env::var_os("TEST_HOOKD").unwrap_or_else(|| env!("CARGO_BIN_EXE_hookd").into());
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("HOOKD_") {
            command.env_remove(variable);
        }
    }
    command.env("HOOKD_DATA", data);
    // A test must not use keys that a user saved with `hookd switch`.
    command.env("XDG_CONFIG_HOME", data.with_file_name("config"));
    // Nor write to their cache; what is kept there serves all tests.
    command.env("XDG_CACHE_HOME", workspace().join("target/cache"));
    // As `make modules` does: where the standard library must be built from source, it is built once.
    command.env("CARGO_TARGET_DIR", workspace().join("target/hooks"));
    command
}
