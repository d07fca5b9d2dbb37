//! Setting and delivering will messages (S-51).

use std::time::Duration;

use tokio::time::timeout;

use super::commit::commit_and_deliver;
use super::held_wills::{Author, NotHeld, Will};
use super::other_members::{OtherMembers, other_members};
use super::review::review;
use super::reviewed::Reviewed;
use super::send::check_size;
use super::will_metrics::{self, Outcome};
use super::{SendMessage, SentMessage};
use crate::actor::{Actor, Identity};
use crate::core::ImCore;
use crate::error::{Code, RequestError};

/// A will that has not had its turn by then is not delivered: news of a loss is of no use long after it, and a node that stops
/// waits for it.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// Holds a message as the will of its client, in place of an earlier one (S-100, step 6). The acknowledged id and time are those
/// that it is delivered with.
///
/// # Errors
/// Those of [`super::send()`] before its hook, 4105 when the session ends meanwhile, 4200 when the app has no room for more wills.
pub async fn set_will(core: &ImCore, actor: &Actor, message: SendMessage) -> Result<SentMessage, RequestError> {
    check_size(&message.body)?;
    other_members(core, actor, &message.conversation, None).await?;
    core.check_app(actor)?;
    let ended = || RequestError::code(Code::SessionRequired);
    let (app, client, session) = (&actor.app.id, actor.client()?, actor.session().ok_or_else(ended)?);
    let author = Author { app: app.clone(), client: client.clone(), session, address: actor.address };
    // Nobody stores it when it is delivered.
    let message = SendMessage { transient: true, ..message };
    let is_online = || core.online.sessions(app, client).iter().any(|online| online.id == session);
    core.wills.hold(author, message, is_online).map_err(|error| match error {
        NotHeld::Ended => ended(),
        NotHeld::NoRoom => RequestError::detailed(Code::InternalError, error.to_string()),
    })
}

/// Delivers the will of a client that is lost, if its turn comes in time, and it is still allowed. It takes as long as a message
/// takes: run it apart from the end of the connection, and to its end.
pub async fn deliver_will(core: &ImCore, will: Will) {
    let (app, client) = (&will.author.app, &will.author.client);
    let Ok(Ok(_turn)) = timeout(TURN_TIMEOUT, core.wills.turns(app).acquire_owned()).await else {
        will_metrics::ended(Outcome::Late);
        tracing::warn!(%app, %client, "a will message is not delivered: too many wait before it");
        return;
    };
    match deliver(core, &will).await {
        Ok(()) => will_metrics::ended(Outcome::Delivered),
        Err(RequestError::Refused { code, .. }) => {
            will_metrics::ended(Outcome::Refused);
            tracing::debug!(%app, %client, code = code.name(), "a will message is not delivered");
        }
        Err(RequestError::Store(error)) => {
            will_metrics::ended(Outcome::Failed);
            let error = &error as &dyn std::error::Error;
            tracing::error!(%app, %client, error, "a will message is not delivered");
        }
    }
}

/// The rest of S-100, from its checks on: what was allowed when the will was set may not be now.
async fn deliver(core: &ImCore, Will { author, message, sent, .. }: &Will) -> Result<(), RequestError> {
    let gone = || RequestError::code(Code::AppNotAvailable);
    let app = core.apps.app(&author.app).ok_or_else(gone)?;
    let identity = Identity::Client(author.client.clone());
    let actor = Actor { app, identity, address: author.address, origin: None };
    let OtherMembers { members, kind, .. } = other_members(core, &actor, &message.conversation, None).await?;
    let reviewed = review(core, &actor, message, (members, kind)).await?;
    let reviewed = Reviewed { acknowledged: Some(sent.clone()), ..reviewed };
    commit_and_deliver(core, &actor, message, (&reviewed, None)).await.map(drop)
}
