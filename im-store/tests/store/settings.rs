use hookd_im_core::app::{FailurePolicy, ImSettings};
use hookd_im_core::ids::AppId;

use crate::fixture::Fixture;

pub async fn saved_settings_replace_the_former_ones(fixture: &Fixture) {
    let store = &fixture.store;
    assert_eq!(store.settings(&fixture.app).await.unwrap(), None);
    let mut settings = ImSettings { on_hook_failure: FailurePolicy::Abort, ..ImSettings::default() };
    store.save_settings(&fixture.app, &settings).await.unwrap();
    settings.hook_timeouts_ms.insert("_messageReceived".to_owned(), 500);
    store.save_settings(&fixture.app, &settings).await.unwrap();
    assert_eq!(store.settings(&fixture.app).await.unwrap(), Some(settings));
    assert_eq!(store.settings(&AppId::new("other")).await.unwrap(), None);
}
