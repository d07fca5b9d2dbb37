//! The engine of hookd: runs the modules that developers upload, each call in a sandbox of its own.
//!
//! A module is a WebAssembly component that exports `hookd:engine/functions` (see `wit/0.2.0/hookd.wit`): named functions, JSON
//! in, JSON out. One that answers HTTP requests instead (`wasi:http/incoming-handler`) is asked as a LeanEngine app is. The engine
//! takes uploads ([`Engine::deploy`]), releases them to an environment of an app, and calls their functions ([`Engine::call`]). Whatever a
//! module does, the call ends with an [`Outcome`] before its deadline, and the next call starts from a clean instance.
//!
//! The engine knows hooks only as names and JSON bytes: only the IM core knows what a hook means.
//!
//! | module | subject |
//! |---|---|
//! | `limits` | the limits that each function of an app gets |
//! | `admission` | places for the calls of an app, and the queue before them |
//! | `sandbox` | wasmtime: limits, ticks, host interfaces, instances of one call or of many |
//! | `modules` | from an upload to machine code: validation, the compile child, blobs and artifacts |
//! | `releases` | versions, the live ones, the database (`metadata`) |
//! | `apps` | tenants, their keys and their live versions |
//! | `call_chain` | which calls of functions are behind a call |
//! | `egress` | HTTP requests of functions: allowed hosts, checked addresses, budgets |
//! | `logs` | what functions write, in memory and on disk |
//! | `meters` | the metrics of calls |
//! | `leancache` | the Redis of an app: checked commands, prefixed keys, Redis or an embedded store |
//!
//! ```no_run
//! # async fn example(module: bytes::Bytes) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::{Duration, Instant};
//! use hookd_runtime::{Deployment, Engine, EngineConfig, Environment, Invocation, Isolation, NewApp};
//!
//! let compile_command = vec!["hookd".into(), "compile-module".into()];
//! let engine = Engine::open(EngineConfig::new("data/engine".into(), compile_command)).await?;
//! let app = engine.create_app(NewApp::named("demo")).await?;
//! let (environment, isolation, by) = (Environment::Production, Isolation::PerCall, Default::default());
//! let deployment = Deployment { app_id: app.id.clone(), environment, isolation, module, by };
//! engine.deploy(deployment, &|stage| println!("{stage}")).await?;
//! let outcome = engine
//!     .call(Invocation {
//!         app_id: app.id.clone(),
//!         environment: Environment::Production,
//!         name: "hello".into(),
//!         params: "{}".into(),
//!         remote_address: None,
//!         session_token: None,
//!         sequence: None,
//!         deadline: Instant::now() + Duration::from_secs(15),
//!     })
//!     .await;
//! println!("{outcome}");
//! # Ok(())
//! # }
//! ```

mod admission;
mod app_keys;
mod app_settings;
mod apps;
mod call_chain;
mod calls;
mod clock;
mod config;
mod contract;
mod deadline;
mod egress;
mod engine;
mod fair_budget;
mod fair_turns;
#[cfg(test)]
mod fair_turns_tests;
mod file_table;
#[doc(hidden)]
pub mod fuzzing;
mod leancache;
mod limits;
mod logs;
mod meters;
mod modules;
mod outcome;
mod releases;
mod sandbox;
mod stats;
mod sync;
mod trace;
mod trust;
mod usage;

pub use api_types::{
    Environment, FunctionKind, HostPattern, Isolation, LimitSettings, Limits, Overrides, UnusableKey, usable_key,
};
pub use app_keys::{GivenKeys, InvalidKey, KeyKind, UnknownKeyKind, generate_key, keys_equal};
pub use app_settings::AppSettings;
pub use apps::{App, ChangeAppError, CreateAppError, NewApp};
pub use call_chain::CallChain;
pub use calls::{Call, Invocation, LiveApp};
pub use config::{CompileLimits, EngineConfig};
pub use deadline::until;
pub use egress::{AddressGuard, EgressConfig, Network, Resolve};
pub use engine::{Engine, OpenError, SetSettingsError};
pub use fair_budget::{FairBudget, Lost, Share};
pub use fair_turns::{FairTurns, Holder};
pub use file_table::reserve_file_table;
pub use hookd_leancache::Reply as CacheReply;
pub use leancache::{CacheConfig, CacheError, InvalidRedis, RedisAddress, RedisCertificates, redis_certificate_fix};
pub use logs::{LogBatch, LogHistory, LogLevel, LogLine, LogQuery, LogReader, LogRetention, LogsError, Unreadable};
pub use meters::LATENCY_BOUNDS;
pub use modules::{CompileWorkerError, Refusal, compile_worker};
pub use outcome::{Outcome, Overload, TimeLimit, WireFailure};
pub use releases::{
    Attribution, DeletedApp, DeployError, DeployStage, Deployment, InvalidAttribution, InvalidVariables, KEPT_RELEASES,
    MetadataError, PastRelease, Release, ReleaseAct, ReleaseError, SeenVariable, SetVariablesError, Variable,
    VariableChanges, Variables, Version,
};
pub use trace::{enable_traces, trace_of_request};
pub use usage::Usage;
