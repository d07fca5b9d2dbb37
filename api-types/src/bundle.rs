//! What is uploaded of a JavaScript project: its code and its files. The engine makes a module of it for each release, because
//! what runs at the top level of a file may read the variables of that release.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The version of the format.
pub const BUNDLE_FORMAT: u32 = 1;

/// The longest bundle, as JSON text.
pub const MAX_BUNDLE_BYTES: usize = 32 << 20;

/// The most modules and files of a bundle, counted together.
pub const MAX_BUNDLE_FILES: usize = 20_000;

/// The folder of the project, as its code sees it.
pub const BUNDLE_ROOT: &str = "/app";

/// How a bundle begins. A module begins with other bytes.
const BEGIN: &[u8] = b"{\"hookdBundle\":";

/// The code and the files of a project. Each path is absolute, below [`BUNDLE_ROOT`], and has no `.` or `..` in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// [`BUNDLE_FORMAT`]. The first key, so that a bundle is known by its first bytes.
    pub hookd_bundle: u32,
    /// What the modules are written in.
    pub language: BundleLanguage,
    /// The project's name, for people.
    pub name: String,
    /// The module that runs first.
    pub entry: String,
    /// Code that can be required, by path.
    pub modules: BTreeMap<String, BundledModule>,
    /// Other files that are UTF-8 text, by path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Other files, in base64, by path.
    #[serde(default)]
    pub binary_files: BTreeMap<String, String>,
    /// Some module may send HTTP requests.
    pub http: bool,
}

/// A language whose projects are uploaded as bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BundleLanguage {
    /// TypeScript too: its types are gone from the modules.
    #[serde(rename = "javascript")]
    JavaScript,
}

/// A file of code: the body of a CommonJS module, in sloppy mode unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledModule {
    /// The file as the developer wrote it, unless `map` is there.
    pub source: String,
    /// The path behind each name that the source requires, as far as the build knows it. Modules of the runtime are not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requires: BTreeMap<String, String>,
    /// The source map (version 3, JSON text) of a source that was made from another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
}

/// Why bytes are no bundle that can be used.
#[derive(Debug, Error)]
pub enum InvalidBundle {
    /// See [`MAX_BUNDLE_BYTES`].
    #[error("the bundle has {bytes} bytes; at most {MAX_BUNDLE_BYTES} are possible")]
    TooLong {
        /// The length of the text.
        bytes: usize,
    },
    /// See [`MAX_BUNDLE_FILES`].
    #[error("the bundle has {files} files; at most {MAX_BUNDLE_FILES} are possible")]
    TooManyFiles {
        /// Modules and files.
        files: usize,
    },
    /// No JSON, or not of this shape.
    #[error("the bundle cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// A newer command line made it.
    #[error("the bundle has format {format}, and this version knows format {BUNDLE_FORMAT} only")]
    UnknownFormat {
        /// What the bundle says.
        format: u32,
    },
    /// A path outside of the project, or written in a way that could mean another file.
    #[error("`{path}` is no path of a file below `{BUNDLE_ROOT}`")]
    InvalidPath {
        /// As in the bundle.
        path: String,
    },
    /// The first module is not there.
    #[error("the bundle has no module `{entry}`, which shall run first")]
    NoEntry {
        /// As in the bundle.
        entry: String,
    },
}

impl Bundle {
    /// True for bytes that can only be meant as a bundle.
    pub fn is_meant_by(bytes: &[u8]) -> bool {
        bytes.starts_with(BEGIN)
    }

    /// Reads a bundle from anywhere.
    ///
    /// # Errors
    /// It is too long, has another format, or names impossible paths.
    pub fn read(bytes: &[u8]) -> Result<Self, InvalidBundle> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(InvalidBundle::TooLong { bytes: bytes.len() });
        }
        let Format { hookd_bundle: format } = serde_json::from_slice(bytes).map_err(InvalidBundle::Unreadable)?;
        if format != BUNDLE_FORMAT {
            return Err(InvalidBundle::UnknownFormat { format });
        }
        let bundle: Self = serde_json::from_slice(bytes).map_err(InvalidBundle::Unreadable)?;
        bundle.check()?;
        Ok(bundle)
    }

    fn check(&self) -> Result<(), InvalidBundle> {
        let files = self.modules.len() + self.files.len() + self.binary_files.len();
        if files > MAX_BUNDLE_FILES {
            return Err(InvalidBundle::TooManyFiles { files });
        }
        let required = self.modules.values().flat_map(|module| module.requires.values());
        let mut paths = self.modules.keys().chain(self.files.keys()).chain(self.binary_files.keys()).chain(required);
        if let Some(path) = paths.find(|path| !is_inside(path)) {
            return Err(InvalidBundle::InvalidPath { path: path.clone() });
        }
        if !self.modules.contains_key(&self.entry) {
            return Err(InvalidBundle::NoEntry { entry: self.entry.clone() });
        }
        Ok(())
    }
}

/// What is read before anything else: other formats may have other keys.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Format {
    hookd_bundle: u32,
}

fn is_inside(path: &str) -> bool {
    let below = path.strip_prefix(BUNDLE_ROOT).and_then(|path| path.strip_prefix('/'));
    below.is_some_and(|below| below.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let requires = BTreeMap::from([("./words".to_owned(), "/app/words.json".to_owned())]);
        let source = "require('./words')".to_owned();
        let module = BundledModule { source, requires, map: None };
        Bundle {
            hookd_bundle: BUNDLE_FORMAT,
            language: BundleLanguage::JavaScript,
            name: "hooks".to_owned(),
            entry: "/app/cloud.js".to_owned(),
            modules: BTreeMap::from([("/app/cloud.js".to_owned(), module)]),
            files: BTreeMap::from([("/app/words.json".to_owned(), "[]".to_owned())]),
            binary_files: BTreeMap::new(),
            http: false,
        }
    }

    fn read_again(bundle: &Bundle) -> Result<Bundle, InvalidBundle> {
        Bundle::read(&serde_json::to_vec(bundle).unwrap())
    }

    #[test]
    fn a_bundle_is_known_by_its_first_bytes_and_read_as_it_was_written() {
        let text = serde_json::to_vec(&bundle()).unwrap();
        assert!(Bundle::is_meant_by(&text));
        assert!(!Bundle::is_meant_by(b"\0asm\x0d\0\x01\0"));
        assert_eq!(Bundle::read(&text).unwrap(), bundle());
    }

    #[test]
    fn a_newer_format_is_named_even_where_its_keys_are_other_ones() {
        let refused = Bundle::read(br#"{"hookdBundle":2,"parts":[]}"#).unwrap_err();
        assert!(matches!(refused, InvalidBundle::UnknownFormat { format: 2 }), "{refused}");
    }

    #[test]
    fn paths_outside_of_the_project_are_refused() {
        for path in ["/etc/passwd", "/app/../x", "/app/./x", "/app//x", "/app/", "/apples/x", "x", "", "/app/a\0b"] {
            let mut named = bundle();
            named.files.insert(path.to_owned(), String::new());
            assert!(matches!(read_again(&named), Err(InvalidBundle::InvalidPath { .. })), "{path}");
            let mut required = bundle();
            let module = required.modules.get_mut("/app/cloud.js").unwrap();
            module.requires.insert("x".to_owned(), path.to_owned());
            assert!(matches!(read_again(&required), Err(InvalidBundle::InvalidPath { .. })), "{path}");
        }
    }

    #[test]
    fn a_bundle_needs_its_first_module() {
        let refused = read_again(&Bundle { entry: "/app/words.json".to_owned(), ..bundle() }).unwrap_err();
        assert!(matches!(refused, InvalidBundle::NoEntry { .. }), "{refused}");
    }

    #[test]
    fn too_much_is_refused() {
        let mut long = bundle();
        long.files.insert("/app/long.txt".to_owned(), "x".repeat(MAX_BUNDLE_BYTES));
        assert!(matches!(read_again(&long), Err(InvalidBundle::TooLong { .. })));
        let mut many = bundle();
        many.files.extend((0..MAX_BUNDLE_FILES).map(|number| (format!("/app/{number}"), String::new())));
        assert!(matches!(read_again(&many), Err(InvalidBundle::TooManyFiles { .. })));
    }
}
