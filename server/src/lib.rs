//! Whatever listens, and what composes the engine and the IM core: in one process and on one port, or each in a process of
//! its own.

mod compose;
mod control;
mod directory;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod http;
mod in_memory_engine;
mod observability;
mod process;
mod push_gateway;
pub mod remote_engine;
mod rpc;
mod waiting_calls_in_redis;

pub use compose::{CommonConfig, ENGINE_ADDRESS, EngineOptions, ImConfig, Server};
pub use error::{ConfigError, ServerError};
pub use gateway::{ClientOverTls, Gateway, GatewayConfig, LocalDelivery};
pub use http::{Certificate, CertificateFiles, TlsConfig};
pub use observability::traces::Traces;
pub use process::data_folder::create_no_other;
pub use process::lifecycle::stop_on_signal;
pub use process::{log, output_streams};
pub use rpc::{RpcConnection, RpcService};
