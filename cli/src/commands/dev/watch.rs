//! Changes of a project's sources, put together to one when many come at once.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
#[cfg(not(unix))]
use std::time::SystemTime;

use arc_swap::ArcSwap;
use hookd_guest_build::Sources;
use notify::event::EventKind;
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::scope::Scope;
use crate::exit::InputError;

/// An editor that saves makes several events, and a checkout many.
const QUIET: Duration = Duration::from_millis(150);
/// After this time a build starts even if changes go on.
const MOST: Duration = Duration::from_secs(2);

/// The changes of one project.
pub struct Changes {
    /// The files of the server; they may be inside the project.
    data: PathBuf,
    watcher: RecommendedWatcher,
    /// Watched folders with their inodes: what comes back under an old name is another folder.
    watched: HashMap<PathBuf, u64>,
    /// The state that an event is compared with.
    scope: Arc<ArcSwap<Scope>>,
    counts: watch::Receiver<Counts>,
    begun_with: Counts,
    lock_file: Option<PathBuf>,
    locked: Option<Vec<u8>>,
}

/// How often something changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    sources: u64,
    /// Cargo writes its lock file while it builds, so only its content tells whether another program changed it.
    lock_file: u64,
}

impl Changes {
    /// Watches nothing yet. Changes in `data` do not count.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new(data: &Path) -> anyhow::Result<Self> {
        let scope = Arc::new(ArcSwap::from_pointee(Scope::default()));
        let (tell, counts) = watch::channel(Counts::default());
        let compared = scope.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let scope = compared.load();
            tell.send_if_modified(|counts| note(counts, &event, &scope));
        });
        Ok(Self {
            data: data.canonicalize().unwrap_or_else(|_| data.to_owned()),
            watcher: watcher.map_err(refused)?,
            watched: HashMap::new(),
            scope,
            counts,
            begun_with: Counts::default(),
            lock_file: None,
            locked: None,
        })
    }

    /// What changed before this is being dealt with, with `sources` as they are now.
    ///
    /// # Errors
    /// Some folders cannot be watched; the others are.
    pub fn begin(&mut self, sources: &Sources) -> anyhow::Result<()> {
        self.begun_with = *self.counts.borrow_and_update();
        self.extend(sources)
    }

    /// The same for sources that are known better by now; changes since [`Changes::begin`] stay changes.
    ///
    /// # Errors
    /// As [`Changes::begin`].
    pub fn extend(&mut self, sources: &Sources) -> anyhow::Result<()> {
        self.lock_file.clone_from(&sources.lock_file);
        self.note_lock_file();
        let scope = Scope::of(sources, &self.data);
        let covered = self.cover(&scope);
        let is_whole = scope.is_whole;
        self.scope.store(Arc::new(scope));
        covered?;
        if is_whole {
            return Ok(());
        }
        Err(InputError::new("the project has too many folders; changes in some of them will not be noticed").into())
    }

    /// A build has ended, and may have written the lock file.
    pub fn note_lock_file(&mut self) {
        self.locked = self.lock_file_now();
    }

    fn lock_file_now(&self) -> Option<Vec<u8>> {
        std::fs::read(self.lock_file.as_ref()?).ok()
    }

    /// Waits for a change since [`Changes::begin`], and until changes end.
    pub async fn next(&mut self) {
        loop {
            let mut counts = self.counts.clone();
            let begun_with = self.begun_with;
            if counts.wait_for(|counts| *counts != begun_with).await.is_err() {
                // The watcher lives as long as this does; were it gone, nothing would ever change.
                return std::future::pending().await;
            }
            let most = Instant::now() + MOST;
            while timeout_at(most, timeout(QUIET, counts.changed())).await.is_ok_and(|more| more.is_ok()) {}
            let now = *counts.borrow();
            if now.sources != begun_with.sources || self.lock_file_now() != self.locked {
                return;
            }
            self.begun_with = now;
        }
    }

    /// Each folder by itself: a whole tree would include `target`, which has thousands, and each costs the system a watch.
    fn cover(&mut self, scope: &Scope) -> anyhow::Result<()> {
        let wanted = scope.watched_folders();
        let present: HashMap<PathBuf, u64> =
            wanted.filter_map(|folder| Some((folder.to_owned(), identity(&folder.metadata().ok()?)))).collect();
        let gone: Vec<PathBuf> = self.watched.keys().filter(|folder| !present.contains_key(*folder)).cloned().collect();
        for folder in gone {
            self.watched.remove(&folder);
            // Of a folder that is gone the system has forgotten the watch already.
            let _ = self.watcher.unwatch(&folder);
        }
        let mut first_problem = Ok(());
        for (folder, inode) in present {
            if self.watched.get(&folder) == Some(&inode) {
                continue;
            }
            if self.watched.remove(&folder).is_some() {
                let _ = self.watcher.unwatch(&folder);
            }
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.watched.insert(folder, inode)),
                // Deleted since.
                Err(_) if !folder.exists() => {}
                Err(error) => first_problem = first_problem.and(Err(refused(error))),
            }
        }
        first_problem
    }
}

/// A folder that was deleted and created again is another one, and is watched anew.
#[cfg(unix)]
fn identity(folder: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(folder)
}

#[cfg(not(unix))]
fn identity(folder: &Metadata) -> u64 {
    let created = folder.created().ok().and_then(|created| created.duration_since(SystemTime::UNIX_EPOCH).ok());
    created.map_or(0, |created| u64::try_from(created.as_nanos()).unwrap_or(u64::MAX))
}

/// Too many watchers of this user. The number is the same on Linux and macOS.
const EMFILE: i32 = 24;

/// Counts an event; false when it does not matter.
fn note(counts: &mut Counts, event: &notify::Result<Event>, scope: &Scope) -> bool {
    let before = *counts;
    match event {
        Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
        Ok(event) if !event.need_rescan() => {
            counts.sources += u64::from(event.paths.iter().any(|path| scope.has_source(path)));
            counts.lock_file += u64::from(event.paths.iter().any(|path| scope.is_lock_file(path)));
        }
        // Events were lost; what they were about may matter.
        Ok(_) | Err(_) => counts.sources += 1,
    }
    *counts != before
}

fn refused(error: notify::Error) -> anyhow::Error {
    let problem = format!("cannot watch files: {error}");
    let is_at_a_limit = match &error.kind {
        ErrorKind::MaxFilesWatch => true,
        ErrorKind::Io(error) => error.raw_os_error() == Some(EMFILE),
        _ => false,
    };
    if !is_at_a_limit {
        return anyhow::Error::new(error).context("cannot watch files");
    }
    let hint = "raise the system's limits, e.g. `sysctl fs.inotify.max_user_watches=524288 \
                fs.inotify.max_user_instances=512`, or close programs that watch files";
    InputError::new(problem).hint(hint).into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use notify::event::{CreateKind, Flag};

    use super::*;

    fn sources(folder: &Path) -> Sources {
        Sources {
            packages: vec![folder.join("project")],
            lock_file: Some(folder.join("project/Cargo.lock")),
            target: Some(folder.join("project/target")),
            ..Sources::default()
        }
    }

    /// A project with a source, watched.
    fn watched() -> (tempfile::TempDir, PathBuf, Changes) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("project/src")).unwrap();
        fs::write(root.join("project/src/lib.rs"), "0").unwrap();
        let mut changes = Changes::new(&root.join("project/data")).unwrap();
        changes.begin(&sources(&root)).unwrap();
        (folder, root, changes)
    }

    async fn is_noticed(changes: &mut Changes) -> bool {
        timeout(Duration::from_secs(20), changes.next()).await.is_ok()
    }

    async fn is_ignored(changes: &mut Changes) -> bool {
        timeout(Duration::from_millis(400), changes.next()).await.is_err()
    }

    #[tokio::test]
    async fn a_change_is_noticed_also_in_a_new_folder() {
        let (_folder, root, mut changes) = watched();
        fs::write(root.join("project/src/lib.rs"), "1").unwrap();
        assert!(is_noticed(&mut changes).await);
        changes.begin(&sources(&root)).unwrap();
        fs::create_dir(root.join("project/more")).unwrap();
        assert!(is_noticed(&mut changes).await);
        changes.begin(&sources(&root)).unwrap();
        fs::write(root.join("project/more/lib.rs"), "1").unwrap();
        assert!(is_noticed(&mut changes).await);
        changes.begin(&sources(&root)).unwrap();
        for folder in ["target", "data", "node_modules"] {
            fs::create_dir(root.join("project").join(folder)).unwrap();
            fs::write(root.join("project").join(folder).join("x"), "1").unwrap();
        }
        assert!(is_ignored(&mut changes).await, "files that builds and servers write do not count as a change");
    }

    #[tokio::test]
    async fn a_folder_that_was_replaced_is_watched_anew() {
        let (_folder, root, mut changes) = watched();
        fs::rename(root.join("project/src"), root.join("project/old")).unwrap();
        fs::create_dir(root.join("project/src")).unwrap();
        assert!(is_noticed(&mut changes).await);
        changes.begin(&sources(&root)).unwrap();
        fs::write(root.join("project/src/lib.rs"), "1").unwrap();
        assert!(is_noticed(&mut changes).await);
    }

    #[tokio::test]
    async fn a_source_behind_a_link_is_watched_where_it_lies() {
        let (_folder, root, mut changes) = watched();
        fs::create_dir_all(root.join("elsewhere/deep")).unwrap();
        fs::write(root.join("elsewhere/file.rs"), "0").unwrap();
        std::os::unix::fs::symlink("../../elsewhere/file.rs", root.join("project/src/file.rs")).unwrap();
        std::os::unix::fs::symlink("../../elsewhere/deep", root.join("project/src/deep")).unwrap();
        std::os::unix::fs::symlink("..", root.join("project/src/round")).unwrap();
        assert!(is_noticed(&mut changes).await);
        for changed in ["elsewhere/file.rs", "elsewhere/deep/mod.rs"] {
            changes.begin(&sources(&root)).unwrap();
            // As editors save: another file takes the place of the old one.
            fs::write(root.join("elsewhere/new"), "1").unwrap();
            assert!(is_ignored(&mut changes).await, "a neighbour of a source");
            fs::rename(root.join("elsewhere/new"), root.join(changed)).unwrap();
            assert!(is_noticed(&mut changes).await, "{changed}");
        }
    }

    #[tokio::test]
    async fn a_lock_file_counts_when_a_program_other_than_the_build_wrote_it() {
        let (_folder, root, mut changes) = watched();
        fs::write(root.join("project/Cargo.lock"), "by the build").unwrap();
        changes.note_lock_file();
        assert!(is_ignored(&mut changes).await);
        fs::write(root.join("project/Cargo.lock"), "by a person").unwrap();
        assert!(is_noticed(&mut changes).await);
    }

    #[test]
    fn lost_events_may_matter_and_mere_reading_does_not() {
        let scope = Scope::default();
        let counts = |event| note(&mut Counts::default(), &event, &scope);
        assert!(counts(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan))));
        assert!(counts(Err(notify::Error::generic("lost"))));
        assert!(!counts(Ok(Event::new(EventKind::Access(notify::event::AccessKind::Read)))));
        assert!(!counts(Ok(Event::new(EventKind::Create(CreateKind::File)).add_path("/elsewhere".into()))));
    }
}
