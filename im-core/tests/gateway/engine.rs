//! An engine whose hooks answer what a test tells them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::app::App;
use hookd_im_core::hooks::{HookCall, HookEngine, HookFailure};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// Messages with this text stay in `_messageReceived` until [`ScriptedEngine::let_go`].
pub const SLOW: &str = "slow";

pub struct ScriptedEngine {
    replies: Mutex<HashMap<&'static str, Value>>,
    hook_key: Mutex<String>,
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
        self.calls.send((call.hook, params)).unwrap();
        if is_slow {
            self.gate.acquire().await.unwrap().forget();
        }
        Ok(Bytes::from(reply.to_string()))
    }
}
