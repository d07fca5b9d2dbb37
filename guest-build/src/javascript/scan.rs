//! What has to change before a project runs here, and what it needs: `hookd migrate scan`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::collect::{Collected, PackageUse, ScannedFile};
use super::problem::{Place, Problem};
use super::{collect_in_thread, project};
use crate::{BuildError, ProjectError};

/// The result.
#[derive(Debug, Default, Serialize)]
pub struct Scan {
    /// Nothing has to change.
    pub clean: bool,
    /// Hooks and functions, in the order of the files.
    pub functions: Vec<Function>,
    /// What cannot work as it is.
    pub changes: Vec<Change>,
    /// Packages that the project's own files require.
    pub packages: Vec<Package>,
    /// How Redis is used.
    pub redis: Redis,
    /// Environment variables that are read, with the places.
    pub variables: BTreeMap<String, Vec<String>>,
    /// Hosts that are named, with the places. The operator allows them for the app.
    pub hosts: BTreeMap<String, Vec<String>>,
}

/// A hook or a function.
#[derive(Debug, Serialize)]
pub struct Function {
    /// As callers name it; for hooks of object storage, as the code does.
    pub name: String,
    /// The file that registers it, relative to the project.
    pub file: String,
    /// The line that registers it.
    pub line: usize,
    /// Whether it works.
    pub verdict: Verdict,
}

/// Whether a function works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it is.
    Works,
    /// Not before something in it, or at the top of its file, was changed.
    NeedsChange,
    /// It is registered, and nothing ever calls it: object storage is not offered.
    NeverCalled,
}

/// Something to change.
#[derive(Debug, Serialize)]
pub struct Change {
    /// Relative to the project; empty for what concerns all of it.
    pub file: String,
    /// The line, or 0.
    pub line: usize,
    /// Why.
    pub why: String,
    /// What to do.
    pub how: String,
    /// The project cannot be built as it is. Otherwise that code fails when it is reached.
    pub blocks_build: bool,
}

/// A package of npm.
#[derive(Debug, Serialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The installed version, where it is installed.
    pub version: Option<String>,
    /// hookd brings it, in the shape that hooks know.
    pub built_in: bool,
    /// It has machine code in it, which cannot run here.
    pub native: bool,
    /// Where it is required first.
    pub place: String,
}

/// The use of Redis.
#[derive(Debug, Default, Serialize)]
pub struct Redis {
    /// Where clients are made.
    pub clients: Vec<String>,
    /// Commands that LeanCache has.
    pub commands: BTreeSet<String>,
    /// Calls of what may be a command that it does not have.
    pub unknown: Vec<String>,
}

/// Methods of clients that send no command.
const NOT_COMMANDS: [&str; 26] = [
    "addListener",
    "batch",
    "call",
    "connect",
    "disconnect",
    "duplicate",
    "emit",
    "exec",
    "execAsPipeline",
    "hasOwnProperty",
    "isOpen",
    "isReady",
    "multi",
    "multiExecutor",
    "off",
    "on",
    "once",
    "pipeline",
    "promisify",
    "quit",
    "removeAllListeners",
    "removeListener",
    "sendCommand",
    "send_command",
    "then",
    "unref",
];

/// Looks through the project as a build does. Nothing is written and nothing installed.
///
/// # Errors
/// There is no project, a file cannot be read, or there is too much.
pub async fn scan_javascript(folder: &Path) -> Result<Scan, BuildError> {
    if !project::detect(folder) {
        let problem = format!("`{}` is no project of LeanEngine in JavaScript or TypeScript", folder.display());
        return Err(ProjectError::new(problem)
            .hint("give the folder with package.json and cloud.js or server.js")
            .into());
    }
    let Collected { errors, warnings, scanned, packages, .. } = collect_in_thread(folder).await?;
    let problems = errors.iter().map(|problem| (problem, true));
    let changes: Vec<Change> = problems
        .chain(warnings.iter().map(|problem| (problem, false)))
        .map(|(problem, blocks)| change(problem, blocks))
        .collect();
    let mut scan = Scan { changes, packages: packages.into_iter().map(package).collect(), ..Scan::default() };
    for file in &scanned {
        scan.add(file);
    }
    scan.clean = scan.changes.is_empty() && scan.redis.unknown.is_empty();
    Ok(scan)
}

fn change(problem: &Problem, blocks_build: bool) -> Change {
    let (file, line) = problem.place.as_ref().map_or((String::new(), 0), |place| (place.file.clone(), place.line));
    Change { file, line, why: problem.text.clone(), how: problem.fix.clone().unwrap_or_default(), blocks_build }
}

fn package(PackageUse { name, version, built_in, native, place }: PackageUse) -> Package {
    Package { name, version, built_in, native, place: short(&place) }
}

fn short(place: &Place) -> String {
    format!("{}:{}", place.file, place.line)
}

impl Scan {
    fn add(&mut self, file: &ScannedFile) {
        for function in &file.functions {
            let verdict = if !function.is_called {
                Verdict::NeverCalled
            } else if self.is_broken(file, function.first.line, function.last.line) {
                Verdict::NeedsChange
            } else {
                Verdict::Works
            };
            self.functions.push(Function {
                name: function.name.clone(),
                file: function.first.file.clone(),
                line: function.first.line,
                verdict,
            });
        }
        for (name, place) in &file.variables {
            self.variables.entry(name.clone()).or_default().push(short(place));
        }
        for (host, place) in &file.hosts {
            self.hosts.entry(host.clone()).or_default().push(short(place));
        }
        self.redis.clients.extend(file.redis_clients.iter().map(short));
        let known = hookd_leancache::names();
        for (method, place) in &file.redis_methods {
            let command = method.to_ascii_lowercase();
            let command = command.strip_suffix("async").unwrap_or(&command);
            if NOT_COMMANDS.contains(&method.as_str()) {
                continue;
            }
            if known.iter().any(|name| name.eq_ignore_ascii_case(command)) {
                self.redis.commands.insert(command.to_ascii_uppercase());
            } else {
                self.redis.unknown.push(format!("{}: {method}", short(place)));
            }
        }
    }

    /// A change is inside of the function's lines, or outside of all functions of the file: then the file does not load, or not
    /// as it should.
    fn is_broken(&self, file: &ScannedFile, first: usize, last: usize) -> bool {
        let in_file = |change: &&Change| change.file.is_empty() || change.file == file.name;
        self.changes.iter().filter(in_file).any(|change| {
            let is_inside = |first: usize, last: usize| (first..=last).contains(&change.line);
            let of_another = || file.functions.iter().any(|other| is_inside(other.first.line, other.last.line));
            is_inside(first, last) || !of_another()
        })
    }
}
