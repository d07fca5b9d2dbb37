//! The configuration with which the engine opens.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::egress::EgressConfig;
use crate::leancache::CacheConfig;
use crate::logs::LogRetention;

/// Deep recursion in JavaScript ends with a `RangeError` before this, which holds some thousand calls. What a guest touched stays
/// with its slot, which is why it is no more.
pub(crate) const GUEST_STACK_BYTES: usize = 2 << 20;

/// Settings of one engine; limits of single apps are in [`Limits`](crate::Limits).
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Metadata, modules and compiled code; created when missing. One engine at a time.
    pub data_folder: PathBuf,
    /// Program and arguments of the child process whose body is [`compile_worker`](crate::compile_worker).
    pub compile_command: Vec<OsString>,
    /// Folder for the machine code of the JavaScript engine, which several data folders of one user may share, since it takes seconds
    /// to make. Without one it lies in the data folder.
    pub javascript_engines: Option<PathBuf>,
    /// Calls that run at the same time, over all apps, of which one app gets three quarters at most. Everything that is pooled is sized from this number; a slot costs
    /// address space (4 GiB of the 128 TiB there are), and memory only once it is used.
    pub concurrent_calls: u32,
    /// Linear memory that all running calls together may hold, in bytes, of which one app gets three quarters at most. A call
    /// that would exceed either ends with [`Outcome::Overloaded`](crate::Outcome::Overloaded).
    pub memory_budget: u64,
    /// Instances of warm versions that wait for their next call, over all apps; the one that waited longest is dropped
    /// first.
    pub idle_instances: u32,
    /// How long an instance of a warm version waits for its next call until it is dropped.
    pub idle_time: Duration,
    /// Modules whose machine code is in memory; the one that was called longest ago is unloaded first. Each costs a
    /// file handle, some mappings and about half a MiB of memory, and is back within milliseconds.
    pub loaded_modules: u32,
    /// Machine code in memory, in bytes.
    pub loaded_code_bytes: u64,
    /// Stack of a guest in bytes; deeper recursion traps. Host functions have as much again on top of it.
    pub guest_stack_bytes: usize,
    /// Largest module that is accepted, in bytes.
    pub max_module_bytes: usize,
    /// Compilation of one module.
    pub compile_limits: CompileLimits,
    /// How long reading a module's definitions may take at deploy.
    pub definitions_deadline: Duration,
    /// HTTP requests of functions.
    pub egress: EgressConfig,
    /// The lines that functions write.
    pub logs: LogRetention,
    /// Where LeanCache keeps its data.
    pub cache: CacheConfig,
    /// Base URL of the platform's REST API, which functions read as `LEANCLOUD_API_SERVER`; without one they read none.
    pub api_server: Option<String>,
}

/// What bounds the child process that compiles a module. The largest modules known, with a Python or JavaScript runtime
/// inside, take five seconds and about 600 MiB.
#[derive(Clone, Copy, Debug)]
pub struct CompileLimits {
    /// From start to end; longer than `cpu_time` divided by the number of cores.
    pub wall_time: Duration,
    /// CPU time over all threads, in whole seconds.
    pub cpu_time: Duration,
    /// Data segment, heap and thread stacks.
    pub memory_bytes: u64,
    /// Machine code of one module.
    pub artifact_bytes: u64,
    /// How long the files of a JavaScript project may take to load at a release.
    pub loading_time: Duration,
}

impl EngineConfig {
    /// The defaults, for a folder and a compile command.
    pub fn new(data_folder: PathBuf, compile_command: Vec<OsString>) -> Self {
        Self {
            data_folder,
            compile_command,
            javascript_engines: None,
            concurrent_calls: 256,
            memory_budget: 256 << 20,
            idle_instances: 64,
            idle_time: Duration::from_secs(60),
            loaded_modules: 512,
            loaded_code_bytes: 512 << 20,
            guest_stack_bytes: GUEST_STACK_BYTES,
            max_module_bytes: 64 << 20,
            compile_limits: CompileLimits::default(),
            definitions_deadline: Duration::from_secs(5),
            egress: EgressConfig::default(),
            logs: LogRetention::default(),
            cache: CacheConfig::default(),
            api_server: None,
        }
    }
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(120),
            cpu_time: Duration::from_secs(120),
            memory_bytes: 2 << 30,
            artifact_bytes: 512 << 20,
            loading_time: Duration::from_secs(10),
        }
    }
}
