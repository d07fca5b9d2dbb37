//! The room on disk for the modules of an app.

use std::collections::HashSet;

use super::Engine;
use crate::apps::App;
use crate::modules::{ModuleHash, Prepared, Refusal};
use crate::releases::{DeployError, KeptVersion};
use api_types::Environment;

impl Engine {
    /// The versions that are deleted for a new one in `environment`: the oldest ones, never what is live in the other
    /// environment. To be asked under the app's lock.
    ///
    /// # Errors
    /// There is not room enough even without them.
    pub(super) async fn versions_in_the_way(
        &self,
        app: &App,
        environment: Environment,
        new: &Prepared,
    ) -> Result<Vec<u64>, DeployError> {
        let limit_bytes = app.settings().limits.of_app().disk_bytes;
        let kept = self.0.metadata.kept_versions(app.id.clone()).await?;
        let stays = match environment {
            Environment::Production => app.live(Environment::Staging),
            Environment::Staging => app.live(Environment::Production),
        };
        let stays = stays.load().as_ref().map(|live| live.number());
        let mut room = Room { bytes: new.bytes_on_disk(), modules: HashSet::from([&new.hash]) };
        for version in kept.iter().filter(|version| Some(version.number) == stays) {
            room.take(version, self.0.modules.code_bytes_on_disk(&version.module));
        }
        if room.bytes > limit_bytes {
            let needed_bytes = room.bytes;
            return Err(DeployError::Refused(Refusal::NoRoomOnDisk { needed_bytes, limit_bytes }));
        }
        let mut others = kept.iter().filter(|version| Some(version.number) != stays);
        // Those before the first one that does not fit are older, and go too.
        let first = others.by_ref().find(|version| {
            room.take(version, self.0.modules.code_bytes_on_disk(&version.module));
            room.bytes > limit_bytes
        });
        Ok(first.into_iter().chain(others).map(|version| version.number).collect())
    }
}

/// The bytes that are used so far; versions share modules.
struct Room<'a> {
    bytes: u64,
    modules: HashSet<&'a ModuleHash>,
}

impl<'a> Room<'a> {
    fn take(&mut self, version: &'a KeptVersion, code_bytes: u64) {
        if self.modules.insert(&version.module) {
            self.bytes = self.bytes.saturating_add(version.size_bytes).saturating_add(code_bytes);
        }
    }
}
