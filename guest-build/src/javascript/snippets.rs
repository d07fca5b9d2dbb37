//! Folders of snippets, as the vendor's online editor keeps them (EC-37): each file is the body of one handler, and is named like
//! its hook or function. What lies in `global` is shared by all.

use std::path::{Path, PathBuf};

use api_types::IM_HOOKS;

/// Holds code that runs before all snippets, at the top level.
const SHARED: &str = "global";

/// The snippets of a folder.
#[derive(Debug)]
pub(super) struct Snippets {
    handlers: Vec<PathBuf>,
    shared: Vec<PathBuf>,
}

/// What stands around a snippet, on its first and behind its last line: no line moves.
pub(super) struct Frame {
    pub(super) before: String,
    pub(super) after: &'static str,
}

impl Snippets {
    /// Of a folder with the snippet of at least one hook.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let handlers = scripts(folder);
        let is_hook = |path: &PathBuf| IM_HOOKS.iter().any(|(hook, _)| stem(path) == *hook);
        handlers.iter().any(is_hook).then(|| Self { handlers, shared: scripts(&folder.join(SHARED)) })
    }

    /// All of them, the shared ones first.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.shared.iter().chain(&self.handlers)
    }

    /// `None` for files that are no snippets of a handler.
    pub(super) fn frame(&self, path: &Path) -> Option<Frame> {
        if !self.handlers.iter().any(|handler| handler == path) {
            return None;
        }
        let name = serde_json::Value::from(stem(path));
        // The body may declare `AV` itself, and wait: the editor's functions are asynchronous.
        let before = format!("const AV = require('leanengine'); AV.Cloud.define({name}, async function (request) {{ ");
        Some(Frame { before, after: "\n})" })
    }

    /// True for code that runs at the top level of all.
    pub(super) fn is_shared(&self, path: &Path) -> bool {
        self.shared.iter().any(|shared| shared == path)
    }
}

/// The source of a shared snippet: what it declares is there for all others.
pub(super) fn shared_source(text: &str) -> String {
    format!("(0, eval)({})", serde_json::Value::from(text))
}

/// The module that runs first. Code at the top level has no `require` of its own.
pub(super) fn entry_source(names: &[String]) -> String {
    let loads = names.iter().map(|name| format!("require({})\n", serde_json::Value::from(name.as_str())));
    let begin = "globalThis.AV = require('leanengine')\nglobalThis.require = require\n".to_owned();
    std::iter::once(begin).chain(loads).collect()
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let is_script = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "js") && path.is_file();
    let mut paths: Vec<PathBuf> = entries.filter(is_script).collect();
    paths.sort();
    paths
}
