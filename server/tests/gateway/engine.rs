//! An engine whose hooks answer what a test sets.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::app::App;
use hookd_im_core::hooks::{FailureCause, HookCall, HookEngine, HookFailure};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// Messages with this text stay in `_messageReceived` until [`ScriptedEngine::let_go`].
pub const SLOW: &str = "slow";

pub struct ScriptedEngine {
    replies: Mutex<HashMap<&'static str, Value>>,
    hook_key: Mutex<String>,
    /// The client whose notification hooks fail.
    failing: Mutex<Option<&'static str>>,
    gate: Semaphore,
    calls: mpsc::UnboundedSender<(&'static str, Value)>,
    seen: tokio::sync::Mutex<mpsc::UnboundedReceiver<(&'static str, Value)>>,
}

impl ScriptedEngine {
    pub fn new() -> Self {
        let (calls, seen) = mpsc::unbounded_channel();
        Self {
            replies: Mutex::default(),
            hook_key: Mutex::default(),
            failing: Mutex::default(),
            gate: Semaphore::new(0),
            calls,
            seen: tokio::sync::Mutex::new(seen),
        }
    }

    /// Defines a hook.
    pub fn reply(&self, hook: &'static str, reply: Value) {
        self.replies.lock().unwrap().insert(hook, reply);
    }

    /// What the newest call showed.
    pub fn hook_key(&self) -> String {
        self.hook_key.lock().unwrap().clone()
    }

    /// Lets hooks about this client fail, or none.
    pub fn fail_for(&self, client: Option<&'static str>) {
        *self.failing.lock().unwrap() = client;
    }

    /// The next call: its hook, and the client that it is about.
    pub async fn next_call(&self) -> (&'static str, String) {
        let next = async { self.seen.lock().await.recv().await.unwrap() };
        let (hook, params) = timeout(Duration::from_secs(10), next).await.unwrap();
        (hook, params["peerId"].as_str().unwrap_or_default().to_owned())
    }

    /// Ends the wait of one slow message.
    pub fn let_go(&self) {
        self.gate.add_permits(1);
    }

    /// The parameters of the next call of a hook; earlier calls of other hooks are passed over.
    pub async fn call_of(&self, hook: &str) -> Value {
        let next = async {
            let mut seen = self.seen.lock().await;
            loop {
                let (name, params) = seen.recv().await.unwrap();
                if name == hook {
                    return params;
                }
            }
        };
        timeout(Duration::from_secs(10), next).await.unwrap_or_else(|_| panic!("`{hook}` was not called"))
    }
}

#[async_trait]
impl HookEngine for ScriptedEngine {
    fn defines(&self, _app: &App, hook: &str) -> bool {
        self.replies.lock().unwrap().contains_key(hook)
    }

    async fn call(&self, call: HookCall) -> Result<Bytes, HookFailure> {
        let params: Value = serde_json::from_slice(&call.params).unwrap();
        let is_slow = call.hook == "_messageReceived" && params["content"] == json!(SLOW);
        let reply = self.replies.lock().unwrap()[call.hook].clone();
        self.hook_key.lock().unwrap().clone_from(&call.app.hook_key);
        let fails = self.failing.lock().unwrap().is_some_and(|client| params["peerId"] == json!(client));
        self.calls.send((call.hook, params)).unwrap();
        if fails {
            return Err(HookFailure { cause: FailureCause::Failed, message: "as set by the test".to_owned() });
        }
        if is_slow {
            self.gate.acquire().await.unwrap().forget();
        }
        Ok(Bytes::from(reply.to_string()))
    }
}
