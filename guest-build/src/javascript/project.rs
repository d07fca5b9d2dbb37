//! A LeanEngine project in JavaScript or TypeScript: how it is found, its name, and the file that runs first.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::snippets::Snippets;
use crate::ProjectError;

/// Where a project's code begins, in the order in which it is looked for.
const ENTRIES: [&str; 4] = ["server", "cloud", "app", "index"];
const EXTENSIONS: [&str; 6] = ["js", "ts", "cjs", "mjs", "cts", "mts"];
/// Folders into which compilers of TypeScript write.
const COMPILED: [&str; 4] = ["dist", "build", "lib", "out"];
/// A longer manifest is none.
const MOST_MANIFEST_BYTES: u64 = 1 << 20;

/// What is read of a `package.json`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) version: Option<String>,
    #[serde(default)]
    main: Option<String>,
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    scripts: Scripts,
    #[serde(default)]
    pub(super) dependencies: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub(super) gypfile: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Scripts {
    #[serde(default)]
    start: Option<String>,
}

impl Manifest {
    /// Of a folder; `None` where there is none that can be read.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        Self::read(folder).ok().flatten()
    }

    fn read(folder: &Path) -> Result<Option<Self>, String> {
        let path = folder.join("package.json");
        match path.metadata() {
            Ok(file) if file.is_file() && file.len() <= MOST_MANIFEST_BYTES => {}
            Ok(_) => return Err("it is no file, or far too long".to_owned()),
            Err(_) => return Ok(None),
        }
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map(Some).map_err(|error| error.to_string())
    }
}

/// A project.
#[derive(Debug)]
pub(super) struct Project {
    /// With links followed.
    pub(super) folder: PathBuf,
    /// For people and for the name of the bundle.
    pub(super) name: String,
    pub(super) manifest: Manifest,
    /// The file that runs first. Where there are snippets, it is made of them.
    pub(super) entry: PathBuf,
    /// Of a folder that holds nothing else.
    pub(super) snippets: Option<Snippets>,
}

/// The first file of a folder of snippets.
const SNIPPETS_ENTRY: &str = ".snippets.js";

/// True for a folder with a project of Node.
pub(super) fn detect(folder: &Path) -> bool {
    let is_python = ["cloud.py", "wsgi.py"].iter().any(|file| folder.join(file).is_file());
    let begins = |stems: &[&str]| stems.iter().any(|stem| first_file(folder, &[&format!("{stem}.js")]).is_some());
    if is_python {
        return begins(&["server"]) && !folder.join("requirements.txt").is_file();
    }
    folder.join("package.json").is_file()
        || ["server", "cloud"].iter().any(|stem| with_extension(folder, stem).is_some())
        || names_node(folder)
        || Snippets::of(folder).is_some()
}

/// `leanengine.yaml` says that the project is for Node.
fn names_node(folder: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(folder.join("leanengine.yaml")) else { return false };
    text.lines().map(str::trim).any(|line| {
        let is_runtime = line.strip_prefix("runtime:").is_some_and(|runtime| runtime.contains("node"));
        is_runtime || line.starts_with("nodejs:") || line.starts_with("node:")
    })
}

impl Project {
    /// Reads its manifest and finds its first file.
    ///
    /// # Errors
    /// The manifest is broken, or no file is the first one.
    pub(super) fn open(folder: &Path) -> Result<Self, ProjectError> {
        let shown = folder.display();
        let folder =
            folder.canonicalize().map_err(|error| ProjectError::new(format!("cannot open `{shown}`: {error}")))?;
        let manifest = Manifest::read(&folder)
            .map_err(|error| ProjectError::new(format!("`{shown}/package.json` cannot be read: {error}")))?
            .unwrap_or_default();
        let begin = entry(&folder, &manifest);
        let snippets = if begin.is_none() { Snippets::of(&folder) } else { None };
        let of_snippets = snippets.as_ref().map(|_| folder.join(SNIPPETS_ENTRY));
        let entry = begin.or(of_snippets).ok_or_else(|| {
            ProjectError::new(format!("`{shown}` has no file to begin with"))
                .hint("name it server.js or cloud.js, or in package.json:  \"scripts\": { \"start\": \"node FILE\" }")
        })?;
        let last_part = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = file_name(manifest.name.as_deref().or(last_part.as_deref()).unwrap_or_default());
        Ok(Self { folder, name, manifest, entry, snippets })
    }
}

/// Letters, digits, and signs that mean nothing to a shell.
fn file_name(name: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let name: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '-' }).take(100).collect();
    match name.trim_matches(['-', '.']) {
        "" => "hooks".to_owned(),
        name => name.to_owned(),
    }
}

/// `server.js`, else what the script `start` runs, else `main`, else the other names that projects have.
fn entry(folder: &Path, manifest: &Manifest) -> Option<PathBuf> {
    let started = || {
        let words = manifest.scripts.start.as_deref()?.split_whitespace();
        words.filter(|word| has_code_extension(word)).find_map(|word| source_of(folder, word))
    };
    let main = || source_of(folder, manifest.main.as_deref()?);
    let usual = || ENTRIES.iter().find_map(|stem| with_extension(folder, stem));
    let in_src = || ENTRIES.iter().find_map(|stem| with_extension(&folder.join("src"), stem));
    with_extension(folder, "server").or_else(started).or_else(main).or_else(usual).or_else(in_src)
}

fn with_extension(folder: &Path, stem: &str) -> Option<PathBuf> {
    EXTENSIONS.iter().map(|extension| folder.join(format!("{stem}.{extension}"))).find(|path| path.is_file())
}

fn first_file(folder: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

fn has_code_extension(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

/// The file that a manifest names. Of one that is compiled from TypeScript, the source: what was compiled may be old.
fn source_of(folder: &Path, named: &str) -> Option<PathBuf> {
    let named = Path::new(named.trim_start_matches("./"));
    if !named.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
        return None;
    }
    let mut parts = named.iter();
    if parts.next().is_some_and(|first| COMPILED.iter().any(|compiled| first == *compiled)) {
        let rest = parts.as_path().with_extension("ts");
        let sources = [folder.join("src").join(&rest), folder.join(&rest)];
        if let Some(source) = sources.into_iter().find(|source| source.is_file()) {
            return Some(source);
        }
    }
    let path = folder.join(named);
    let with_js = || named.extension().is_none().then(|| with_extension(folder, &named.to_string_lossy())).flatten();
    Some(path).filter(|path| path.is_file()).or_else(with_js)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn entry_of(files: &[(&str, &str)]) -> String {
        let folder = project(files);
        let project = Project::open(folder.path()).unwrap();
        project.entry.strip_prefix(&project.folder).unwrap().display().to_string()
    }

    #[test]
    fn the_first_file_is_what_leanengine_starts() {
        let start = r#"{"scripts": {"start": "node --stack-trace-limit=50 ./main.js"}, "main": "cloud.js"}"#;
        let cases: [(&[(&str, &str)], &str); 8] = [
            (&[("package.json", start), ("server.js", ""), ("main.js", "")], "server.js"),
            (&[("package.json", start), ("main.js", ""), ("cloud.js", "")], "main.js"),
            (&[("package.json", start), ("cloud.js", "")], "cloud.js"),
            (&[("cloud.js", ""), ("app.js", "")], "cloud.js"),
            (&[("index.js", "")], "index.js"),
            (&[("src/server.ts", "")], "src/server.ts"),
            (&[("package.json", r#"{"main": "lib/hooks"}"#), ("lib/hooks.js", "")], "lib/hooks.js"),
            (
                &[
                    ("package.json", r#"{"scripts": {"start": "node dist/server.js"}}"#),
                    ("dist/server.js", ""),
                    ("src/server.ts", ""),
                ],
                "src/server.ts",
            ),
        ];
        for (files, entry) in cases {
            assert_eq!(entry_of(files), entry, "{files:?}");
        }
    }

    #[test]
    fn nothing_to_begin_with_is_an_error_with_what_to_do() {
        for files in [
            [("package.json", "{}"), ("README.md", "")],
            [("package.json", r#"{"main": "../../etc/passwd"}"#), ("README.md", "")],
        ] {
            let folder = project(&files);
            let refused = Project::open(folder.path()).unwrap_err();
            assert!(refused.hint_text().unwrap().contains("server.js"), "{refused}");
        }
        let refused = Project::open(project(&[("package.json", "{"), ("cloud.js", "")]).path()).unwrap_err();
        assert!(refused.to_string().contains("package.json` cannot be read: EOF"), "{refused}");
    }

    #[test]
    fn projects_of_node_are_told_from_others() {
        for files in [
            [("package.json", "{}")],
            [("cloud.js", "")],
            [("server.ts", "")],
            [("leanengine.yaml", "runtime: nodejs")],
        ] {
            assert!(detect(project(&files).path()), "{files:?}");
        }
        for files in [
            vec![("README.md", "")],
            vec![("leanengine.yaml", "runtime: python")],
            vec![("wsgi.py", ""), ("requirements.txt", ""), ("package.json", "{}")],
        ] {
            assert!(!detect(project(&files).path()), "{files:?}");
        }
    }

    #[test]
    fn any_name_becomes_one_of_a_file() {
        assert_eq!(file_name("@scope/My hooks"), "scope-My-hooks");
        assert_eq!(file_name("../.."), "hooks");
    }
}
