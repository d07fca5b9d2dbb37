//! The module's side of the contract: what it exports, its allocator, its log.

mod allocator;
mod leancache;
mod logging;

use std::time::Duration;

pub(crate) use leancache::leancache;
pub use logging::SESSION;
pub(crate) use logging::{log, print};

use crate::bindings::exports::hookd::engine::functions::{self, Definition, Guest};
use crate::{Context, Environment, Failure, log::Session, registry};

struct Module;

crate::bindings::export!(Module);

impl Guest for Module {
    fn definitions() -> Vec<Definition> {
        let functions = registry::functions().into_iter();
        functions.map(|(name, internal)| Definition { name: name.to_owned(), internal }).collect()
    }

    fn call(name: String, params: String, ctx: functions::Context) -> Result<String, functions::Failure> {
        // Every use of the log submits the same session; a module without a log has none.
        let session = inventory::iter::<Session>.into_iter().next();
        if let Some(session) = session {
            (session.start)();
        }
        let result = registry::call(&name, &params, &ctx.into());
        if let Some(session) = session {
            (session.finish)();
        }
        result.map_err(Into::into)
    }
}

impl From<functions::Context> for Context {
    fn from(context: functions::Context) -> Self {
        Self {
            request_id: context.request_id,
            app_id: context.app_id,
            environment: match context.environment.as_str() {
                "staging" => Environment::Staging,
                _ => Environment::Production,
            },
            remote_address: context.remote_address,
            session_token: context.session_token,
            current_user: context.current_user,
            deadline: Duration::from_millis(context.deadline_ms.into()),
            sequence: context.sequence,
        }
    }
}

impl From<Failure> for functions::Failure {
    fn from(failure: Failure) -> Self {
        let (code, status) = (failure.code(), failure.status());
        Self { code, status, message: failure.into_message() }
    }
}
