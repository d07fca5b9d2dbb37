//! The facts that an IM core must know of the engine: the apps, their keys, the functions that are live. In one process it asks the
//! engine itself, and keeps a copy only to know the apps again.
//!
//! The engine serves it to callers with the admin key ([`Feed`]); the IM core keeps a copy that it follows by long
//! polling ([`Follower`]). A poll names the state that the follower has applied, and so acknowledges it. A change
//! through the control API is answered once every present follower has acknowledged it.
//!
//! Only an explicit deletion deletes. An app that the engine does not name, because it runs on another folder or on an older
//! backup, is not served meanwhile, and goes on when it is named again. An app is known by its id and the time of its creation:
//! neither another installation's app of the same id nor its deletion concern what is kept here.

mod copy;
mod deletion;
mod deletions;
mod feed;
mod follower;
mod followers;
mod kept;
mod poll;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::copy::{Directory, EngineProcess};
use self::deletion::Deletion;
pub use self::deletions::Deletions;
pub use self::feed::Feed;
pub use self::follower::Follower;
pub(crate) use self::poll::Poll;

/// Where the feed is served.
pub const PATH: &str = "/hookd/v1/directory";

/// Where functions reach the follower, which passes calls on to the engine; a header of a poll, once for each URL.
pub const REACHED_AT: &str = "x-hookd-reached-at";

/// How long a poll waits for news.
const POLL_TIME: Duration = Duration::from_secs(20);

/// Everything, as of one moment. All of it each time: a thousand apps are a third of a megabyte, and changes are rare.
#[derive(Clone, Serialize, Deserialize)]
pub struct Snapshot {
    /// The name of this state. A restarted engine uses new names, so that no two states share a name.
    revision: String,
    apps: Vec<Entry>,
    /// All deletions ever. Engines of earlier versions send none.
    #[serde(default)]
    deleted: Vec<Deletion>,
}

/// One app.
#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    id: String,
    app_key: String,
    master_key: String,
    hook_key: String,
    /// Engines of earlier versions do not send it.
    #[serde(default)]
    created_at_ms: Option<i64>,
    /// The name of its profile. Engines of earlier versions do not send it, nor do later ones for apps that are older than
    /// profiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    /// The functions that production defines.
    functions: Vec<String>,
}
