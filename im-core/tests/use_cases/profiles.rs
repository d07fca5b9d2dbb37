//! What the settings of an app begin with (S-154, P-116).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api_types::Profile;
use hookd_im_core::app::{App, AppDirectory, ImSettings};
use hookd_im_core::hooks::AppSettings;
use hookd_im_core::ids::AppId;
use hookd_im_store::sqlite::SqliteStore;

use crate::world::app;

/// Apps that are named by their profiles; one of no profile is older than profiles.
#[derive(Default)]
struct Apps {
    are_away: AtomicBool,
}

impl AppDirectory for Apps {
    fn app(&self, id: &AppId) -> Option<Arc<App>> {
        (!self.are_away.load(Ordering::SeqCst)).then(|| Arc::new(app(id.as_str())))
    }

    fn profile(&self, id: &AppId) -> Option<Profile> {
        self.app(id).and_then(|app| app.id.as_str().parse().ok())
    }
}

#[tokio::test]
async fn settings_that_were_never_saved_are_those_of_the_profile_and_saved_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("im.db");
    let (store, apps) = (Arc::new(SqliteStore::open(&file).unwrap()), Arc::new(Apps::default()));
    let settings = AppSettings::new(store.clone()).of_apps(apps.clone());
    let [older, leancloud, open] = ["older", "leancloud", "open"].map(AppId::new);
    // What an earlier version saved: it knew nothing of limits.
    let document = r#"{"on_hook_failure":"abort","message_edit":true}"#;
    let saved = rusqlite::Connection::open(&file).unwrap();
    saved.execute("INSERT INTO settings (app, document) VALUES ('saved', ?1)", [document]).unwrap();

    assert_eq!(*settings.get(&older).await.unwrap(), ImSettings::default(), "it goes on as before");
    assert_eq!(settings.get(&older).await.unwrap().client_sends_per_minute, 0);
    let of_saved = settings.get(&AppId::new("saved")).await.unwrap();
    assert_eq!((of_saved.client_sends_per_minute, of_saved.message_edit), (0, true));
    let of_leancloud = settings.get(&leancloud).await.unwrap();
    assert_eq!((of_leancloud.client_sends_per_minute, of_leancloud.message_edit), (60, false));
    let of_open = settings.get(&open).await.unwrap();
    assert_eq!((of_open.client_sends_per_minute, of_open.message_edit, of_open.message_recall), (0, true, true));

    let changed = ImSettings { client_sends_per_minute: 0, ..ImSettings::clone(&of_leancloud) };
    settings.update(&leancloud, changed.clone()).await.unwrap();
    let of_next_process = AppSettings::new(store).of_apps(apps);
    assert_eq!(*of_next_process.get(&leancloud).await.unwrap(), changed);
}

/// An engine may be away for a while, or name an app later.
#[tokio::test]
async fn the_profile_of_an_app_that_is_away_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path().join("im.db")).unwrap());
    let apps = Arc::new(Apps { are_away: AtomicBool::new(true) });
    let settings = AppSettings::new(store).of_apps(apps.clone());
    let leancloud = AppId::new("leancloud");
    assert_eq!(settings.get(&leancloud).await.unwrap().client_sends_per_minute, 0);
    apps.are_away.store(false, Ordering::SeqCst);
    assert_eq!(settings.get(&leancloud).await.unwrap().client_sends_per_minute, 60);
}
