//! LeanCache in Redis: one server, or a cluster.

use std::time::Duration;

use async_trait::async_trait;
use hookd_leancache::{Command, Keys, Reply};
use opentelemetry::KeyValue;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, ConnectionInfo, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};
use tokio::sync::OnceCell;

use super::config::RedisAddress;
use super::scripts::{CLEAR_STEP, KeptScript, READ_VALUES};
use super::tls::redis_certificate_fix;
use super::{BackendError, CacheBackend};
use crate::trace::{self, HostSpan};
use api_types::clock_is_before_1970;

/// The answer of the script when the budget is used up.
const BUDGET_USED_UP: &str = "HOOKDBUDGET";
/// To connect, or to learn that no server answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Keys that one step of clearing looks at: a step blocks the server for its time.
const CLEAR_STEP_KEYS: &[u8] = b"1000";

/// A connection to Redis that all apps share; commands of all calls travel on it side by side.
pub(super) struct RedisCache {
    address: RedisAddress,
    connection: OnceCell<Connection>,
}

#[derive(Clone)]
enum Connection {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl RedisCache {
    pub(super) fn new(address: RedisAddress) -> Self {
        Self { address, connection: OnceCell::new() }
    }

    /// Made once; both kinds connect again by themselves.
    async fn connection(&self) -> Result<Connection, BackendError> {
        let connecting = self.connection.get_or_try_init(|| async {
            let connected =
                if self.address.is_cluster { cluster(&self.address).await } else { single(&self.address.nodes) };
            connected.map_err(|error| self.unavailable(&error))
        });
        Ok(connecting.await?.clone())
    }

    async fn send(&self, pipeline: &Pipeline) -> Result<Vec<Value>, BackendError> {
        if self.address.certificates.is_some() && clock_is_before_1970() {
            return Err(self.clock_is_wrong());
        }
        let mut connection = self.connection().await?;
        let count = pipeline.cmd_iter().count();
        let sent = match &mut connection {
            Connection::Single(connection) => connection.req_packed_commands(pipeline, 0, count).await,
            Connection::Cluster(connection) => connection.req_packed_commands(pipeline, 0, count).await,
        };
        sent.map_err(|error| self.unavailable(&error))
    }

    fn unavailable(&self, error: &RedisError) -> BackendError {
        let reason = match error.code() {
            Some(code) => format!("redis answered `{code}`"),
            None => "redis cannot be reached".to_owned(),
        };
        let fix = redis_certificate_fix(error).map(|fix| format!("; {fix}")).unwrap_or_default();
        BackendError::Unavailable { reason, cause: format!("redis at {}: {error}{fix}", self.address) }
    }

    /// The client of Redis would panic when it connects.
    fn clock_is_wrong(&self) -> BackendError {
        let reason = "the clock of the server is before 1970, and no certificate can be checked";
        let cause = format!("redis at {}: {reason}; set the clock", self.address);
        BackendError::Unavailable { reason: reason.to_owned(), cause }
    }

    /// An answer that no Redis gives.
    fn odd_answer(&self) -> BackendError {
        let cause = format!("redis at {} gave an answer of another shape", self.address);
        BackendError::Unavailable { reason: "redis gave an answer of another shape".to_owned(), cause }
    }

    /// Commands with small replies, in one round trip.
    async fn run_plain(&self, app: &str, commands: &[Command]) -> Result<Vec<Reply>, BackendError> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            let mut packed = Cmd::new();
            packed.arg(command.name());
            for (index, argument) in command.arguments().iter().enumerate() {
                if command.keys().includes(index) {
                    packed.arg(prefixed(app, argument));
                } else {
                    packed.arg(&**argument);
                }
            }
            pipeline.add_command(packed);
        }
        Ok(self.send(&pipeline).await?.into_iter().map(reply).collect())
    }

    /// Commands with replies of any size, in one round trip, within the budget.
    async fn run_bounded(
        &self,
        app: &str,
        commands: &[Command],
        reply_bytes: usize,
    ) -> Result<Vec<Reply>, BackendError> {
        let budget = reply_bytes.to_string();
        let mut keys = Vec::new();
        let mut words: Vec<&[u8]> = vec![budget.as_bytes()];
        let counts: Vec<(String, String)> = commands.iter().map(counts).collect();
        for (command, (key_count, other_count)) in commands.iter().zip(&counts) {
            words.extend([command.name().as_bytes(), key_count.as_bytes(), other_count.as_bytes()]);
            for (index, argument) in command.arguments().iter().enumerate() {
                if command.keys().includes(index) {
                    keys.push(prefixed(app, argument));
                } else {
                    words.push(argument);
                }
            }
        }
        match self.evaluate(&READ_VALUES, &keys, &words).await? {
            Value::Array(replies) if replies.len() == commands.len() => Ok(replies.into_iter().map(reply).collect()),
            Value::SimpleString(text) if text == BUDGET_USED_UP => Err(BackendError::RepliesTooLarge),
            _ => Err(self.odd_answer()),
        }
    }

    /// What the script answers; errors within an array are replies of single commands. It travels as a whole only to a node
    /// that does not have it: `SCRIPT LOAD` would need every node of a cluster.
    async fn evaluate(
        &self,
        script: &KeptScript,
        keys: &[Vec<u8>],
        arguments: &[&[u8]],
    ) -> Result<Value, BackendError> {
        let mut answer = self.ask(script.by_name(keys, arguments)).await?;
        if matches!(&answer, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript)) {
            answer = self.ask(script.whole(keys, arguments)).await?;
        }
        match answer {
            Value::ServerError(error) => Err(self.unavailable(&error.into())),
            answer => Ok(answer),
        }
    }

    async fn ask(&self, command: Cmd) -> Result<Value, BackendError> {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        self.send(&pipeline).await?.into_iter().next().ok_or_else(|| self.odd_answer())
    }

    /// Deletes those of the app's keys that one step through the keys of their node finds; the cursor of the next step.
    async fn clear_step(&self, app: &str, cursor: &[u8]) -> Result<Vec<u8>, BackendError> {
        // The name of a key that there need not be brings the script to the node.
        match self.evaluate(&CLEAR_STEP, &[prefixed(app, b"")], &[cursor, CLEAR_STEP_KEYS]).await? {
            Value::BulkString(cursor) => Ok(cursor),
            _ => Err(self.odd_answer()),
        }
    }
}

#[async_trait]
impl CacheBackend for RedisCache {
    async fn run(&self, app: &str, commands: &[Command], reply_bytes: usize) -> Result<Vec<Reply>, BackendError> {
        let mut left = reply_bytes;
        let mut replies = Vec::with_capacity(commands.len());
        for group in commands.chunk_by(|one, next| one.returns_values() == next.returns_values()) {
            let is_bounded = group.first().is_some_and(Command::returns_values);
            let more = traced(group, async {
                if is_bounded { self.run_bounded(app, group, left).await } else { self.run_plain(app, group).await }
            });
            let more = more.await?;
            let received = more.iter().fold(0_usize, |sum, reply| sum.saturating_add(reply.size_bytes()));
            left = left.checked_sub(received).ok_or(BackendError::RepliesTooLarge)?;
            replies.extend(more);
        }
        Ok(replies)
    }

    async fn clear(&self, app: &str) -> Result<(), BackendError> {
        let mut cursor = b"0".to_vec();
        loop {
            cursor = self.clear_step(app, &cursor).await?;
            if cursor == b"0" {
                return Ok(());
            }
        }
    }
}

/// One round trip, as a part of the call's span. Names commands, never keys or values.
async fn traced<T>(
    commands: &[Command],
    asking: impl Future<Output = Result<T, BackendError>>,
) -> Result<T, BackendError> {
    let Some(call) = trace::of_call() else { return asking.await };
    let name = match commands {
        [one] => one.name(),
        _ => "PIPELINE",
    };
    let attributes = [
        KeyValue::new("db.system.name", "redis"),
        KeyValue::new("db.operation.name", name.to_owned()),
        KeyValue::new("db.operation.batch.size", i64::try_from(commands.len()).unwrap_or(i64::MAX)),
    ];
    let span = HostSpan::begin(&call, format!("redis {name}"), attributes);
    let answer = asking.await;
    if let Some(span) = span {
        span.end(match &answer {
            Ok(_) => Ok(()),
            Err(BackendError::RepliesTooLarge) => Err("limit".to_owned()),
            Err(BackendError::Unavailable { .. }) => Err("unavailable".to_owned()),
        });
    }
    answer
}

fn single(nodes: &[ConnectionInfo]) -> Result<Connection, RedisError> {
    let node = nodes.first().cloned().ok_or((ErrorKind::InvalidClientConfig, "no address"))?;
    let config = ConnectionManagerConfig::new()
        // The next command tries again anyway: no call waits for a server that refuses connections.
        .set_number_of_retries(0)
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        // Every command has the deadline of its call.
        .set_response_timeout(None);
    Ok(Connection::Single(ConnectionManager::new_lazy_with_config(Client::open(node)?, config)?))
}

async fn cluster(address: &RedisAddress) -> Result<Connection, RedisError> {
    let mut builder = ClusterClientBuilder::new(address.nodes.clone()).connection_timeout(CONNECT_TIMEOUT);
    if let Some(certificates) = &address.certificates {
        builder = builder.certs(certificates.clone());
    }
    Ok(Connection::Cluster(builder.build()?.get_async_connection().await?))
}

/// The key as Redis has it. The braces make one hash slot of all keys of an app, so that commands with several keys work in a
/// cluster; they close before the key begins, so braces in the key mean nothing, and app ids contain none. The word before
/// them keeps apps away from everything else that the same Redis may hold.
fn prefixed(app: &str, key: &[u8]) -> Vec<u8> {
    [b"hookd:cache:{", app.as_bytes(), b"}:", key].concat()
}

/// How many keys a command has, which come first, and how many other arguments.
fn counts(command: &Command) -> (String, String) {
    let all = command.arguments().len();
    let keys = match command.keys() {
        Keys::First => 1,
        Keys::FirstTwo => 2,
        // No command with values between its keys has a large reply.
        Keys::All | Keys::EveryOther => all,
    };
    (keys.to_string(), all.saturating_sub(keys).to_string())
}

fn reply(value: Value) -> Reply {
    match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Integer(number),
        Value::BulkString(bytes) => Reply::bulk(bytes),
        Value::SimpleString(text) => Reply::Status(text),
        Value::Okay => Reply::ok(),
        Value::Array(values) | Value::Set(values) => Reply::Array(values.into_iter().map(reply).collect()),
        Value::ServerError(error) => {
            let code = error.code();
            Reply::Error(error.details().map_or_else(|| code.to_owned(), |details| format!("{code} {details}")))
        }
        // Not in the protocol that is spoken here.
        other => Reply::Error(format!("ERR redis gave a reply of a kind that is not known here: {other:?}")),
    }
}
