//! Commands that need the server: those that are one, and those that open its files.

mod backup;
mod compile_module;
mod config;
mod config_file;
mod database_flags;
mod engine;
mod flags;
mod im;
mod listen_address;
mod parsed;
mod public_url;
mod redis_flags;
mod test;
mod tls_flags;
mod up;

pub use self::backup::Backup;
pub use self::compile_module::CompileModule;
pub use self::config::Config;
pub use self::database_flags::DatabaseFlags;
pub use self::engine::Engine;
pub use self::im::Im;
pub use self::listen_address::listen_address;
pub use self::parsed::parse_matches;
pub use self::redis_flags::RedisFlags;
pub use self::test::Test;
pub use self::up::{DEFAULT_LISTEN, Up};
