//! Whose request is passed on, as far as its headers show it.

use crate::remote_engine::Holder;
use axum::http::HeaderMap;
use hookd_im_core::app::{App, AppDirectory};
use hookd_im_core::ids::AppId;
use hookd_runtime::keys_equal;

use crate::control::is_admin;

/// Each may hold one of the app's three keys (EC-5).
const KEYS: [&str; 6] = [
    "x-lc-key",
    "x-avoscloud-application-key",
    "x-uluru-application-key",
    "x-avoscloud-master-key",
    "x-uluru-master-key",
    "x-lc-hook-key",
];

/// The caller counts as the app that it names only with a key of that app: other callers would take its permits otherwise. Keys
/// in a body and signatures are the engine's to check, and count as unknown here.
pub(super) fn holder(headers: &HeaderMap, id: Option<&str>, apps: &dyn AppDirectory, admin_key: &str) -> Holder {
    if is_admin(headers, admin_key) {
        return Holder::Operator;
    }
    let app = id.and_then(|id| apps.app(&AppId::new(id))).filter(|app| shows_a_key(headers, app));
    app.map_or(Holder::Unknown, |app| Holder::App(app.id.clone()))
}

fn shows_a_key(headers: &HeaderMap, app: &App) -> bool {
    let shown = KEYS.iter().filter_map(|name| headers.get(*name)?.to_str().ok());
    let keys = [&app.app_key, &app.master_key, &app.hook_key];
    shown
        .map(|key| key.strip_suffix(",master").unwrap_or(key))
        .any(|key| keys.iter().any(|known| keys_equal(known, key)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    struct OneApp;

    impl AppDirectory for OneApp {
        fn app(&self, id: &AppId) -> Option<Arc<App>> {
            (id.as_str() == "shop").then(|| {
                Arc::new(App {
                    id: AppId::new("shop"),
                    app_key: "the-app-key".to_owned(),
                    master_key: "the-master-key".to_owned(),
                    hook_key: "the-hook-key".to_owned(),
                })
            })
        }
    }

    #[test]
    fn a_caller_counts_as_the_app_only_with_a_key_of_it() {
        let shop = Holder::App(AppId::new("shop"));
        for (name, value, id, expected) in [
            ("x-lc-key", "the-app-key", Some("shop"), shop.clone()),
            ("x-lc-key", "the-master-key,master", Some("shop"), shop.clone()),
            ("x-avoscloud-master-key", "the-master-key", Some("shop"), shop.clone()),
            ("x-lc-hook-key", "the-hook-key", Some("shop"), shop),
            ("x-lc-key", "another-key", Some("shop"), Holder::Unknown),
            ("x-lc-key", "", Some("shop"), Holder::Unknown),
            ("x-lc-key", "the-app-key", Some("other"), Holder::Unknown),
            ("x-lc-key", "the-app-key", None, Holder::Unknown),
            ("x-hookd-admin-key", "the-admin-key", None, Holder::Operator),
            ("x-hookd-admin-key", "another-key", Some("shop"), Holder::Unknown),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(holder(&headers, id, &OneApp, "the-admin-key"), expected, "{name}: {value}");
        }
    }
}
