//! The IM core's calls to the engine, in memory.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use api_types::Profile;
use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::app::{App, AppDirectory};
use hookd_im_core::hooks::{FailureCause, HookCall, HookEngine, HookFailure};
use hookd_im_core::ids::AppId;
use hookd_runtime::{AddressGuard, Engine, Environment, Invocation, Outcome};

use crate::directory::Directory;
use crate::remote_engine::AddressCheck;

/// The engine's registry as the IM core sees it: without apps of another installation whose id is known here.
pub struct EngineApps(pub Engine, pub Arc<Directory>);

impl AppDirectory for EngineApps {
    fn app(&self, id: &AppId) -> Option<Arc<App>> {
        let Self(engine, directory) = self;
        let app = engine.app(id.as_str()).filter(|app| !directory.knows_another(&app.id, app.created_at_ms))?;
        Some(Arc::new(App {
            id: id.clone(),
            app_key: app.app_key.clone(),
            master_key: app.master_key.clone(),
            hook_key: app.hook_key.clone(),
        }))
    }

    fn profile(&self, id: &AppId) -> Option<Profile> {
        self.0.app(id.as_str()).and_then(|app| app.profile)
    }
}

/// The engine in the same process: the same service that answers the RPC, without the way over HTTP.
pub struct InMemoryEngine(pub Engine);

#[async_trait]
impl HookEngine for InMemoryEngine {
    fn defines(&self, app: &App, hook: &str) -> bool {
        self.0.defines(app.id.as_str(), Environment::Production, hook)
    }

    async fn call(&self, call: HookCall) -> Result<Bytes, HookFailure> {
        let invocation = Invocation {
            app_id: call.app.id.as_str().to_owned(),
            environment: Environment::Production,
            name: call.hook.to_owned(),
            params: call.params,
            remote_address: call.remote_address.map(|address| address.to_string()),
            session_token: None,
            sequence: call.sequence,
            deadline: Instant::now() + call.deadline,
        };
        match self.0.call(invocation).await {
            Outcome::Replied(reply) if reply.is_empty() => Ok(Bytes::from_static(b"null")),
            Outcome::Replied(reply) => Ok(reply),
            failed => Err(HookFailure { cause: cause(&failed), message: failed.to_string() }),
        }
    }
}

/// The engine of an app may be where functions may send requests to.
pub struct EgressAddresses(pub AddressGuard);

impl AddressCheck for EgressAddresses {
    fn is_allowed(&self, address: IpAddr) -> bool {
        self.0.allows(address)
    }
}

fn cause(outcome: &Outcome) -> FailureCause {
    match outcome {
        Outcome::Replied(_) | Outcome::BadReply { .. } => FailureCause::BadReply,
        Outcome::Failed { .. } => FailureCause::Failed,
        Outcome::TimedOut { .. } => FailureCause::TimedOut,
        Outcome::Trapped { .. } => FailureCause::Trapped,
        Outcome::OutOfMemory { .. } => FailureCause::OutOfMemory,
        Outcome::Overloaded(_) => FailureCause::Overloaded,
        Outcome::NotDefined | Outcome::Unavailable { .. } => FailureCause::Unavailable,
    }
}
