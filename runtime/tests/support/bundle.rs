//! JavaScript projects.

use std::collections::BTreeMap;

use api_types::{BUNDLE_FORMAT, Bundle, BundleLanguage, BundledModule};

/// A project of one file.
pub fn project(source: &str) -> Vec<u8> {
    files(&[("/app/cloud.js", source)])
}

/// A project whose first module is `cloud.js`; what does not end in `.js` is a file.
pub fn files(files: &[(&str, &str)]) -> Vec<u8> {
    let module = |source: &str| BundledModule { source: source.to_owned(), requires: BTreeMap::new(), map: None };
    let (modules, others): (Vec<_>, Vec<_>) = files.iter().partition(|(path, _)| path.ends_with(".js"));
    let bundle = Bundle {
        hookd_bundle: BUNDLE_FORMAT,
        language: BundleLanguage::JavaScript,
        name: "hooks".to_owned(),
        entry: "/app/cloud.js".to_owned(),
        modules: modules.iter().map(|&&(path, source)| (path.to_owned(), module(source))).collect(),
        files: others.iter().map(|&&(path, text)| (path.to_owned(), text.to_owned())).collect(),
        binary_files: BTreeMap::new(),
        http: false,
    };
    serde_json::to_vec(&bundle).unwrap()
}
