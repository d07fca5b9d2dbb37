//! Modules on their way in: on disk until their turn comes, so that uploads take no memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use hookd_runtime::{FairBudget, Share};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::input::did_not_arrive;
use super::{ApiError, internal};
use crate::error::BoxError;

/// Modules of all apps that are not deployed yet, on disk.
const ALL_UPLOADS_BYTES: usize = 1 << 30;

/// Counted for any upload: each holds a descriptor.
const SMALLEST_UPLOAD_BYTES: usize = 4 << 20;

/// Modules of all apps that are being deployed, in memory; one of each app at a time.
const DEPLOYING_BYTES: usize = 192 << 20;

/// An upload takes no longer.
const UPLOAD_TIME: Duration = Duration::from_secs(600);

/// The next piece of an upload takes no longer.
const PIECE_TIME: Duration = Duration::from_secs(20);

/// Held back in memory before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// The text for a caller whose upload loses its memory.
pub(super) const NO_ROOM: &str = "the server holds too many modules of this app; deploy again when they are done";

/// The room that modules have before they are deployed.
#[derive(Clone)]
pub(super) struct Uploads(Arc<Room>);

struct Room {
    folder: PathBuf,
    disk: FairBudget<String>,
    memory: Arc<Semaphore>,
    /// One turn for each app with an upload.
    turns: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// A module on disk, in a file without a name.
pub(super) struct Upload {
    app: String,
    file: File,
    bytes: usize,
    disk: Share<String>,
}

/// A module in memory, whose turn it is.
pub(super) struct Turn {
    pub(super) module: Bytes,
    _turn: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

impl Uploads {
    /// Files lie in `folder` until they are read.
    pub(super) fn new(folder: PathBuf) -> Self {
        let disk = FairBudget::new(ALL_UPLOADS_BYTES);
        let memory = Arc::new(Semaphore::new(DEPLOYING_BYTES));
        Self(Arc::new(Room { folder, disk, memory, turns: Mutex::default() }))
    }

    /// Takes a module of an app whose master key was shown.
    pub(super) async fn receive(&self, app: &str, body: Body, limit: usize) -> Result<Upload, ApiError> {
        let disk = self.0.disk.take(app.to_owned(), SMALLEST_UPLOAD_BYTES);
        let folder = self.0.folder.clone();
        let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder)).await.map_err(internal)?;
        let mut file = tokio::fs::File::from_std(file.map_err(internal)?);
        file.set_max_buf_size(BUFFER_BYTES);
        let (mut pieces, mut bytes) = (body.into_data_stream(), 0);
        let end = Instant::now() + UPLOAD_TIME;
        let late = |_| ApiError::BodyTimedOut;
        while let Some(piece) =
            timeout_at(end, timeout(PIECE_TIME, pieces.next())).await.map_err(late)?.map_err(late)?
        {
            let piece = piece.map_err(|error| did_not_arrive(&error))?;
            bytes += piece.len();
            if bytes > limit {
                return Err(ApiError::TooLarge(limit));
            }
            let more = piece.len().min(bytes.saturating_sub(SMALLEST_UPLOAD_BYTES));
            disk.grow(more).map_err(|_| ApiError::Unavailable(NO_ROOM.to_owned()))?;
            file.write_all(&piece).await.map_err(internal)?;
        }
        file.flush().await.map_err(internal)?;
        Ok(Upload { app: app.to_owned(), file: file.into_std().await, bytes, disk })
    }

    /// Waits for the turn of a module, and reads it; `None` when its room was given to the uploads of other apps meanwhile.
    /// Deployments end with their own limits, so turns come.
    pub(super) async fn turn(&self, upload: Upload) -> Result<Option<Turn>, BoxError> {
        let waiting = async {
            let turn = self.turn_of(&upload.app).acquire_owned().await?;
            let needed = u32::try_from(upload.bytes.min(DEPLOYING_BYTES))?;
            Ok::<_, BoxError>((turn, self.0.memory.clone().acquire_many_owned(needed).await?))
        };
        let (turn, memory) = tokio::select! {
            biased;
            () = upload.disk.lost() => return Ok(None),
            turn = waiting => turn?,
        };
        let reading = tokio::task::spawn_blocking(move || {
            let (mut file, mut module) = (upload.file, Vec::with_capacity(upload.bytes));
            file.rewind()?;
            file.read_to_end(&mut module)?;
            Ok::<_, std::io::Error>(Bytes::from(module))
        });
        Ok(Some(Turn { module: reading.await??, _turn: turn, _memory: memory }))
    }

    fn turn_of(&self, app: &str) -> Arc<Semaphore> {
        let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(app).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Semaphore::new(1));
        turns.insert(app.to_owned(), Arc::downgrade(&turn));
        turn
    }
}
