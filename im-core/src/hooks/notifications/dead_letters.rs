//! Dead letters, for people.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::Notifications;
use crate::app::App;
use crate::hooks::channels;
use crate::store::{DeadLetter, DeadLetterFilter, StoreError};
use crate::timestamp::Timestamp;

/// Why a call of a hook was given up, and everything needed to make it again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadLetterReport {
    /// The call's number.
    pub id: u64,
    /// The hook.
    pub hook: String,
    /// The word of [`crate::hooks::FailureCause::name`] for the last failure, or `unreadable`.
    pub cause: String,
    /// What the engine or the function said.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was queued.
    #[serde(serialize_with = "as_iso")]
    pub queued_at: Timestamp,
    /// When it was given up.
    #[serde(serialize_with = "as_iso")]
    pub died_at: Timestamp,
    /// The parameter object as JSON text, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_json")]
    pub params: Option<String>,
}

impl From<DeadLetter> for DeadLetterReport {
    fn from(letter: DeadLetter) -> Self {
        let DeadLetter { number, channel: _, target, cause, reason, attempts, queued_at, died_at, payload } = letter;
        let params = payload.map(|payload| String::from_utf8_lossy(&payload).into_owned());
        Self { id: number, hook: target, cause, reason, attempts, queued_at, died_at, params }
    }
}

fn as_iso<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_iso())
}

/// Invalid JSON is shown as text.
fn as_json<S: Serializer>(params: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match params.as_deref().map(serde_json::from_str::<&RawValue>) {
        Some(Ok(json)) => json.serialize(serializer),
        Some(Err(_)) | None => params.serialize(serializer),
    }
}

impl Notifications {
    /// The newest dead letters of an app, newest first, at most `limit`; with their params, which hold what users wrote,
    /// only where they are asked for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn dead_letters(
        &self,
        app: &App,
        filter: &DeadLetterFilter,
        limit: usize,
        with_params: bool,
    ) -> Result<Vec<DeadLetterReport>, StoreError> {
        let letters = self.shared.store.dead_letters(&app.id, filter, limit, with_params).await?;
        Ok(letters.into_iter().map(DeadLetterReport::from).collect())
    }

    /// Queues dead letters again; answers their number.
    ///
    /// # Errors
    /// When the store cannot be used; what was queued again until then stays so.
    pub async fn retry_dead_letters(&self, app: &App, filter: &DeadLetterFilter) -> Result<usize, StoreError> {
        let limits = self.shared.limits(&app.id).await;
        let retried = self.shared.store.retry_dead_letters(&app.id, filter, limits).await?;
        if retried > 0 {
            channels::channels().for_each(|channel| self.shared.dispatcher.wake(&app.id, channel));
        }
        Ok(retried)
    }

    /// Deletes dead letters; answers their number.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn drop_dead_letters(&self, app: &App, filter: &DeadLetterFilter) -> Result<usize, StoreError> {
        self.shared.store.discard_dead_letters(&app.id, filter).await
    }
}
