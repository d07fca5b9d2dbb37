//! Bodies on their way in, and what they may hold of the server's memory.
//!
//! A caller with the right keys in the headers may send what LeanEngine takes, within what all callers may hold at
//! the same time. Of others a little is kept, for keys may also be in a body; the rest is counted and thrown away, so that the
//! answer is the one that LeanEngine gives.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use hookd_runtime::{App, FairBudget, FairTurns, Holder, Share};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::body::{Body, BodyRefused};

/// EC-12: 20 MiB, any form.
const MAX_BODY_BYTES: usize = 20 << 20;

/// Kept of a body whose sender shows no right keys in the headers.
const UNKNOWN_SENDER_BYTES: usize = 256 << 10;

/// All bodies that are not complete, and those of calls that are not over.
const ALL_BODIES_BYTES: usize = 64 << 20;

/// Read of a body that is refused: a connection that is closed with unread input is reset, and the reset may destroy the answer.
const DISCARDED_BYTES: usize = 4 * MAX_BODY_BYTES;

/// Counted for any body that is not complete: a request costs as much without one.
const UNFINISHED_BYTES: usize = 4 << 10;

/// Of what is kept of a body on its way.
const SEGMENT_BYTES: usize = 64 << 10;

/// A peer that pauses so long waits for the answer.
const PAUSE: Duration = Duration::from_secs(2);

/// Larger ones are taken apart beside the threads that serve.
const LARGE_BODY_BYTES: usize = 64 << 10;

/// The app whose keys the headers show; none for all others together.
type Sender = Option<Arc<str>>;

/// The memory of bodies, and the turns of taking large ones apart.
pub(super) struct IncomingBodies {
    memory: FairBudget<Sender>,
    /// One: the other cores are for smaller requests.
    parsing: FairTurns,
    /// The turns of each sender that has some; all callers without right keys in the headers are one.
    holders: Mutex<HashMap<Option<String>, Weak<Holder>>>,
}

/// A body that has come.
pub(super) enum IncomingBody {
    /// As a whole. A body of more than one piece has a share of the memory, which is to be held while its call goes on.
    Whole(Bytes, Option<Share<Sender>>),
    /// Longer than what is kept of unknown senders, and not longer than the limit.
    Discarded,
}

impl Default for IncomingBodies {
    fn default() -> Self {
        Self { memory: FairBudget::new(ALL_BODIES_BYTES), parsing: FairTurns::new(1), holders: Mutex::default() }
    }
}

impl IncomingBodies {
    /// Reads a body; the caller bounds the time. `announced`: what `Content-Length` says. `sender` is asked for once a body
    /// comes in more than one piece, which few do.
    pub(super) async fn read<B>(
        &self,
        mut body: Pin<&mut B>,
        announced: Option<usize>,
        sender: impl FnOnce() -> Sender,
    ) -> Result<IncomingBody, BodyRefused>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let Some(first) = piece(&mut body).await? else { return Ok(IncomingBody::Whole(Bytes::new(), None)) };
        if body.is_end_stream() && first.len() <= LARGE_BODY_BYTES {
            return Ok(IncomingBody::Whole(first, None));
        }
        let sender = sender();
        let limit = if sender.is_some() { MAX_BODY_BYTES } else { UNKNOWN_SENDER_BYTES };
        if announced.is_some_and(|announced| announced > limit) {
            return refuse_or_count(body, first.len(), sender.is_some()).await;
        }
        let share = self.memory.take(sender.clone(), UNFINISHED_BYTES);
        let mut whole = Segments::default();
        let mut next = Some(first);
        while let Some(bytes) = next {
            let read = whole.bytes + bytes.len();
            if read > limit {
                drop((whole, share));
                return refuse_or_count(body, read, sender.is_some()).await;
            }
            next = if share.grow(bytes.len()).is_ok() {
                whole.append(&bytes);
                tokio::select! {
                    biased;
                    () = share.lost() => None,
                    next = piece(&mut body) => next?,
                }
            } else {
                None
            };
            if share.is_lost() {
                drop((whole, share));
                discard(body, 0).await?;
                return Err(BodyRefused::NoMemory);
            }
        }
        Ok(IncomingBody::Whole(whole.joined(), Some(share)))
    }

    /// Takes a body apart. `sender` is asked for when that takes a turn.
    pub(super) async fn parse(
        &self,
        content_type: &str,
        bytes: Bytes,
        sender: impl FnOnce() -> Option<Arc<App>>,
    ) -> Result<Body, BodyRefused> {
        if bytes.len() <= LARGE_BODY_BYTES {
            return Body::parse(content_type, bytes);
        }
        let holder = self.holder_of(sender().map(|app| app.id.clone()));
        let _turn = self.parsing.take(&holder).await;
        let content_type = content_type.to_owned();
        let parsing = tokio::task::spawn_blocking(move || Body::parse(&content_type, bytes));
        parsing.await.unwrap_or(Err(BodyRefused::NoMemory))
    }
}

impl IncomingBodies {
    fn holder_of(&self, sender: Option<String>) -> Arc<Holder> {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        holders.retain(|_, holder| holder.strong_count() > 0);
        if let Some(holder) = holders.get(&sender).and_then(Weak::upgrade) {
            return holder;
        }
        let holder = Arc::new(Holder::default());
        holders.insert(sender, Arc::downgrade(&holder));
        holder
    }
}

/// A body as far as it came. In segments of one size: what bodies that are given up leave is used again for others, where one
/// large piece of memory for each would stay with the process for a while.
#[derive(Default)]
struct Segments {
    all: Vec<Vec<u8>>,
    bytes: usize,
}

impl Segments {
    fn append(&mut self, mut bytes: &[u8]) {
        self.bytes += bytes.len();
        while !bytes.is_empty() {
            match self.all.last_mut().filter(|last| last.len() < SEGMENT_BYTES) {
                Some(last) => {
                    let (fitting, rest) = bytes.split_at(bytes.len().min(SEGMENT_BYTES - last.len()));
                    last.extend_from_slice(fitting);
                    bytes = rest;
                }
                None => self.all.push(Vec::new()),
            }
        }
    }

    /// Twice the memory for a moment, of complete bodies only.
    fn joined(self) -> Bytes {
        self.all.concat().into()
    }
}

/// The next bytes; `None` at the end.
async fn piece<B>(body: &mut Pin<&mut B>) -> Result<Option<Bytes>, BodyRefused>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyRefused::unreadable(&error))?;
        // Anything else is a trailer, which means nothing here.
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

async fn refuse_or_count<B>(body: Pin<&mut B>, read: usize, is_known: bool) -> Result<IncomingBody, BodyRefused>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let read = discard(body, read).await?;
    if is_known || read > MAX_BODY_BYTES { Err(BodyRefused::TooLarge) } else { Ok(IncomingBody::Discarded) }
}

/// Reads on, and answers how long the body is with what was `read` before.
async fn discard<B>(mut body: Pin<&mut B>, mut read: usize) -> Result<usize, BodyRefused>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    while read <= DISCARDED_BYTES
        && let Ok(next) = timeout(PAUSE, piece(&mut body)).await
        && let Some(bytes) = next?
    {
        read += bytes.len();
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_hold_what_was_appended() {
        let (mut segments, mut expected) = (Segments::default(), Vec::new());
        for bytes in [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, 3 * SEGMENT_BYTES + 7, 5] {
            let piece: Vec<u8> = (0..=255).cycle().take(bytes).collect();
            segments.append(&piece);
            expected.extend(piece);
        }
        assert_eq!(segments.bytes, expected.len());
        assert!(segments.all.iter().all(|segment| segment.len() <= SEGMENT_BYTES));
        assert_eq!(segments.joined(), expected);
    }
}
