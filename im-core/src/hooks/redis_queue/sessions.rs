//! Sessions that were lost with their process: their `_clientOffline` is queued by the same node after its restart, or by
//! any other one when the node does not come back.

use std::time::Duration;

use hook_types::{ClientOffline, Hook as _};
use redis::pipe;

use super::stored::{StoredCall, from_json, to_json};
use super::{APPS, RedisHookQueue, prefix, script};
use crate::hooks::queue::{Channel, QueueError};
use crate::ids::{AppId, SessionId};

/// A node that has sessions and did not say for so long that it lives is dead. Far longer than the time between two looks
/// at the backlog, which say so: clients of a node that only stood still would be reported offline while they are
/// online.
const SILENCE: Duration = Duration::from_secs(60);

/// Sessions that are ended at once: Redis does nothing else meanwhile.
const BATCH: usize = 250;

impl RedisHookQueue {
    /// The name of a session among those of all processes that this node ever was.
    pub(super) fn session_name(&self, session: SessionId) -> String {
        format!("{}:{}", self.run, session.0)
    }

    /// Ids of the apps that ever queued something.
    pub(super) async fn known_apps(&self) -> Result<Vec<AppId>, QueueError> {
        let (apps,): (Vec<String>,) =
            self.connection.run("list the apps of hook calls", pipe().cmd("SMEMBERS").arg(APPS)).await?;
        Ok(apps.into_iter().map(AppId::new).collect())
    }

    /// Ends what earlier processes of this node left, once for each app, and what dead nodes left.
    pub(super) async fn end_lost_sessions_of(&self, app: &AppId) -> Result<(), QueueError> {
        if !self.is_swept(app) {
            self.end_sessions_of_node(app, &self.consumer).await?;
            self.swept(app);
        }
        let silence = SILENCE.as_secs().to_string();
        let look = script(include_str!("silent_nodes.lua"), app, [self.consumer.as_str(), silence.as_str()]);
        let (silent,): (Vec<String>,) = self.connection.run("look for dead nodes", &look).await?;
        for node in silent.iter().filter(|node| **node != self.consumer) {
            self.end_sessions_of_node(app, node).await?;
        }
        Ok(())
    }

    /// Ends the sessions of a node, except those of this process.
    async fn end_sessions_of_node(&self, app: &AppId, node: &str) -> Result<(), QueueError> {
        let online = format!("{}online:{node}", prefix(app));
        let (mut cursor, mut ended) = ("0".to_owned(), 0_usize);
        loop {
            let mut scan = pipe();
            scan.cmd("HSCAN").arg(&online).arg(&cursor).arg("COUNT").arg(BATCH);
            let ((next, fields),): ((String, Vec<(String, String)>),) =
                self.connection.run("list lost sessions", &scan).await?;
            let own = format!("{}:", self.run);
            let lost: Vec<_> = fields.into_iter().filter(|(session, _)| !session.starts_with(&own)).collect();
            // A small hash comes whole, however much was asked for.
            for lost in lost.chunks(BATCH) {
                ended += self.end_sessions(app, node, lost).await?;
            }
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        self.end_sessions(app, node, &[]).await?;
        if ended > 0 {
            tracing::warn!(%app, node, ended, "sessions were lost with their process: their `_clientOffline` is queued");
        }
        Ok(())
    }

    async fn end_sessions(&self, app: &AppId, node: &str, lost: &[(String, String)]) -> Result<usize, QueueError> {
        let now = self.now();
        let presence = Channel::of(ClientOffline::NAME).name();
        let mut arguments = vec![node.to_owned(), now.0.to_string(), presence.to_owned()];
        for (session, stored) in lost {
            let call = from_json::<StoredCall>(stored).map(|call| call.revived(now));
            let (lane, call) = match call {
                Ok(call) => (call.lane_key().to_owned(), to_json(&call)?),
                Err(problem) => {
                    tracing::error!(%app, session, %problem, "the note of an open session cannot be read: it is dropped");
                    (String::new(), String::new())
                }
            };
            arguments.extend([session.clone(), lane, call]);
        }
        let end = script(include_str!("end_sessions.lua"), app, arguments.iter().map(String::as_str));
        let (ended,): (usize,) = self.connection.run("end lost sessions", &end).await?;
        Ok(ended)
    }
}
