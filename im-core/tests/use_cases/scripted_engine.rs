//! An engine whose hooks answer what a test sets, and which records its calls.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookd_im_core::app::App;
use hookd_im_core::hooks::{FailureCause, HookCall, HookEngine, HookFailure};
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};

/// What a hook does.
#[derive(Clone, Debug)]
pub enum Script {
    /// Answers this text.
    Reply(String),
    /// Fails.
    Fail(FailureCause),
    /// Fails so many times, then answers `null`.
    FailFirst(u32, FailureCause),
    /// Fails for calls whose params hold this text, answers `null` to others.
    FailFor(&'static str, FailureCause),
    /// Never answers.
    Hang,
    /// Answers `null` after `ScriptedEngine::open_gate`.
    Wait,
    /// The same, with an answer of its own.
    WaitAndReply(Value),
}

/// One call as the engine saw it.
#[derive(Clone, Debug)]
pub struct Call {
    pub hook: &'static str,
    pub params: Value,
    pub remote_address: Option<IpAddr>,
    pub deadline: Duration,
    pub sequence: Option<u64>,
}

pub struct ScriptedEngine {
    scripts: Mutex<HashMap<&'static str, Script>>,
    calls: Mutex<Vec<Call>>,
    gate: Semaphore,
    waiting: Mutex<Option<oneshot::Sender<()>>>,
    called: Mutex<Option<oneshot::Sender<()>>>,
}

impl Default for ScriptedEngine {
    fn default() -> Self {
        Self {
            scripts: Mutex::default(),
            calls: Mutex::default(),
            gate: Semaphore::new(0),
            waiting: Mutex::default(),
            called: Mutex::default(),
        }
    }
}

impl ScriptedEngine {
    pub fn define(&self, hook: &'static str, script: Script) {
        self.scripts.lock().unwrap().insert(hook, script);
    }

    pub fn reply(&self, hook: &'static str, json: impl ToString) {
        self.define(hook, Script::Reply(json.to_string()));
    }

    /// Calls so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// Params of the calls of one hook.
    pub fn calls_of(&self, hook: &str) -> Vec<Value> {
        self.calls().into_iter().filter(|call| call.hook == hook).map(|call| call.params).collect()
    }

    /// Resolves at the next call.
    pub fn next_call(&self) -> oneshot::Receiver<()> {
        let (called, calls) = oneshot::channel();
        *self.called.lock().unwrap() = Some(called);
        calls
    }

    /// Resolves once a hook with [`Script::Wait`] is waiting.
    pub fn next_wait(&self) -> oneshot::Receiver<()> {
        let (waiting, waits) = oneshot::channel();
        *self.waiting.lock().unwrap() = Some(waiting);
        waits
    }

    /// Lets every waiting call go on, now and later.
    pub fn open_gate(&self) {
        self.gate.close();
    }
}

#[async_trait]
impl HookEngine for ScriptedEngine {
    fn defines(&self, _app: &App, hook: &str) -> bool {
        self.scripts.lock().unwrap().contains_key(hook)
    }

    async fn call(&self, call: HookCall) -> Result<Bytes, HookFailure> {
        let call_params = call.params.to_vec();
        let params = serde_json::from_slice(&call_params).unwrap();
        let HookCall { hook, remote_address, deadline, sequence, .. } = call;
        self.calls.lock().unwrap().push(Call { hook, params, remote_address, deadline, sequence });
        if let Some(called) = self.called.lock().unwrap().take() {
            // Not delivered = the test has seen enough.
            let _ = called.send(());
        }
        let params_text = String::from_utf8(call_params).unwrap();
        let script = {
            let mut scripts = self.scripts.lock().unwrap();
            let script = scripts.get(hook).cloned();
            if let Some(Script::FailFirst(times @ 1.., _)) = scripts.get_mut(hook) {
                *times -= 1;
            }
            script
        };
        match script {
            None => panic!("`{hook}` was called although it is not defined"),
            Some(Script::Reply(json)) => Ok(Bytes::from(json)),
            Some(Script::FailFor(text, _)) if !params_text.contains(text) => Ok(Bytes::from_static(b"null")),
            Some(Script::FailFirst(0, _)) => Ok(Bytes::from_static(b"null")),
            Some(Script::Fail(cause) | Script::FailFirst(_, cause) | Script::FailFor(_, cause)) => {
                Err(HookFailure { cause, message: "as scripted".to_owned() })
            }
            Some(Script::Hang) => std::future::pending().await,
            Some(waiting @ (Script::Wait | Script::WaitAndReply(_))) => {
                if let Some(waits) = self.waiting.lock().unwrap().take() {
                    waits.send(()).unwrap();
                }
                let _ = self.gate.acquire().await;
                let reply = if let Script::WaitAndReply(reply) = waiting { reply } else { Value::Null };
                Ok(Bytes::from(reply.to_string()))
            }
        }
    }
}
