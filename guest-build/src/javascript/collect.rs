//! Puts the bundle together: the files that are required, one after the other, and then the rest of the project.

mod checks;
mod computed;
mod scanned;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use api_types::{BUNDLE_FORMAT, Bundle, BundleLanguage, BundledModule, MAX_BUNDLE_BYTES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) use self::scanned::{PackageUse, ScannedFile, ScannedFunction};
use super::facts::facts;
use super::files::{ProjectFile, project_files, relative, too_large};
use super::names::Names;
use super::parse::{Kind, Parsed, parse};
use super::places::{Places, is_code};
use super::problem::Problem;
use super::project::Project;
use super::requires::{Required, Requires, requires};
use super::resolve::{Finder, Target, is_path};
use super::snippets::{Frame, Snippets, entry_source, shared_source};
use super::transform::{Code, keep, to_commonjs};
use super::unsupported;
use super::uses::uses;
use crate::BuildError;

/// A bundle, and what was found on the way to it.
pub(super) struct Collected {
    pub(super) bundle: Bundle,
    /// With any of them the bundle is of no use.
    pub(super) errors: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
    /// Packages that the manifest asks for and the code requires, and that are not there.
    pub(super) not_installed: BTreeSet<String>,
    /// The project's own files that run.
    pub(super) scanned: Vec<ScannedFile>,
    /// What they require, each package once.
    pub(super) packages: Vec<PackageUse>,
}

/// How sure it is that a file of the project runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Sure,
    /// Some file loads others by names of which nothing is known.
    Perhaps,
}

/// Reads the project and what it requires; inside of [`super::parse::with_globals`] only.
///
/// # Errors
/// A file cannot be read, or there is too much.
pub(super) fn collect(project: &Project) -> Result<Collected, BuildError> {
    let own_files = project_files(&project.folder)?;
    let mut collector = Collector {
        project,
        finder: Finder::new(&project.folder),
        places: Places::new(&project.folder),
        own_files: &own_files,
        modules: BTreeMap::new(),
        files: BTreeMap::new(),
        binary_files: BTreeMap::new(),
        sure: match &project.snippets {
            Some(snippets) => snippets.files().cloned().collect(),
            None => VecDeque::from([project.entry.clone()]),
        },
        perhaps: VecDeque::new(),
        seen: HashSet::new(),
        bytes: 0,
        sends_requests: false,
        errors: Vec::new(),
        warnings: Vec::new(),
        not_installed: BTreeSet::new(),
        scanned: Vec::new(),
        packages: BTreeMap::new(),
        shared_requires: BTreeMap::new(),
    };
    loop {
        if let Some(file) = collector.sure.pop_front() {
            collector.add(&file, Reach::Sure)?;
        } else if let Some(file) = collector.perhaps.pop_front() {
            collector.add(&file, Reach::Perhaps)?;
        } else {
            break;
        }
    }
    for ProjectFile { path, .. } in &own_files {
        collector.add_unused(path)?;
    }
    collector.finish()
}

struct Collector<'a> {
    project: &'a Project,
    finder: Finder,
    places: Places,
    own_files: &'a [ProjectFile],
    modules: BTreeMap<String, BundledModule>,
    files: BTreeMap<String, String>,
    binary_files: BTreeMap<String, String>,
    sure: VecDeque<PathBuf>,
    perhaps: VecDeque<PathBuf>,
    seen: HashSet<PathBuf>,
    bytes: u64,
    sends_requests: bool,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    not_installed: BTreeSet<String>,
    scanned: Vec<ScannedFile>,
    packages: BTreeMap<String, PackageUse>,
    /// Of the snippets that all others share.
    shared_requires: BTreeMap<String, String>,
}

/// A file that is being looked at.
struct Current<'a> {
    path: &'a Path,
    text: &'a str,
    /// What is put before the text when it is read and run.
    before: usize,
    reach: Reach,
    is_own: bool,
}

impl Collector<'_> {
    /// A file that is required.
    fn add(&mut self, path: &Path, reach: Reach) -> Result<(), BuildError> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        let bytes = self.read(path)?;
        let is_own = self.places.is_own(path);
        let place = match self.places.of(path) {
            Ok(place) => place,
            Err(problem) => {
                self.errors.push(Problem { place: None, text: problem, fix: None });
                return Ok(());
            }
        };
        if !is_own {
            self.add_manifests(path)?;
        }
        let Ok(text) = String::from_utf8(bytes) else {
            let problem = format!("`{}` is required and is no text in UTF-8", relative(&self.project.folder, path));
            self.errors.push(Problem { place: None, text: problem, fix: None });
            return Ok(());
        };
        let text = without_byte_order_mark(&text);
        let frame = self.project.snippets.as_ref().and_then(|snippets| snippets.frame(path));
        let before = frame.as_ref().map_or(0, |frame| frame.before.len());
        let framed = frame.map(|Frame { before, after }| format!("{before}{text}{after}"));
        let current = Current { path, text, before, reach, is_own };
        if path.extension().is_some_and(|extension| extension == "json") {
            self.check_json(&current);
            self.files.insert(place, text.to_owned());
            return Ok(());
        }
        let code = framed.as_deref().unwrap_or(text);
        let kind = if self.project.snippets.is_some() { Kind::CommonJs } else { self.places.kind(path) };
        match parse(&place, code, kind) {
            Ok(parsed) => self.add_module(&current, place, code, parsed)?,
            Err(problems) => {
                for problem in problems {
                    self.report(&current, problem.offset, problem.text, None, false);
                }
                // The engine may understand more than this parser.
                self.modules.insert(place, BundledModule { source: text.to_owned(), ..BundledModule::default() });
            }
        }
        Ok(())
    }

    fn add_module(
        &mut self,
        current: &Current<'_>,
        place: String,
        text: &str,
        parsed: Parsed,
    ) -> Result<(), BuildError> {
        let names = Names::of(&parsed.program, parsed.unresolved);
        let found = requires(&parsed, &names);
        let used = uses(&parsed, &names);
        self.sends_requests |= used.sends_requests;
        if current.is_own {
            self.check_uses(current, &used);
            self.scanned.push(self.scanned_file(current, facts(&parsed, &names)));
        }
        self.check_shape(current, &found);
        let mut required = BTreeMap::new();
        for module in &found.modules {
            self.follow(current, &parsed, module, &mut required);
        }
        self.follow_computed(current, &found);
        let Code { mut source, map } = code(current.path, text, parsed, &found)?;
        if self.project.snippets.as_ref().is_some_and(|snippets| snippets.is_shared(current.path)) {
            source = shared_source(&source);
            self.shared_requires.extend(required.clone());
        }
        self.modules.insert(place, BundledModule { source, requires: required, map });
        Ok(())
    }

    /// What one `require` leads to.
    fn follow(
        &mut self,
        current: &Current<'_>,
        parsed: &Parsed,
        module: &Required,
        required: &mut BTreeMap<String, String>,
    ) {
        let Required { name, offset, is_optional, is_import } = module;
        let in_modules = self.places.is_in_modules(current.path);
        let target = self.finder.find(name, current.path, parsed.kind, in_modules, *is_import);
        self.note_package(current, module, &target);
        match target {
            Target::Runtime => self.check_runtime_module(current, module),
            Target::File(path) if path.extension().is_some_and(|extension| extension == "node") => {
                let text = format!("`{name}` is a native addon, which cannot run in the sandbox");
                self.report(current, *offset, text, Some(unsupported::native_addon().to_owned()), *is_optional);
            }
            Target::File(path) => {
                if current.is_own && !is_path(name) && !self.places.is_own(&path) {
                    self.check_package(current, module, &path);
                }
                match self.places.of(&path) {
                    Ok(place) => {
                        required.insert(name.clone(), place);
                        match current.reach {
                            Reach::Sure => self.sure.push_back(path),
                            Reach::Perhaps => self.perhaps.push_back(path),
                        }
                    }
                    Err(problem) => {
                        let fix = "move the file into the project, or make a package of it";
                        self.report(current, *offset, problem, Some(fix.to_owned()), *is_optional);
                    }
                }
            }
            Target::Missing(reason) => self.report_missing(current, module, reason),
        }
    }

    /// Packages read their own manifests, and Node finds files by them.
    fn add_manifests(&mut self, file: &Path) -> Result<(), BuildError> {
        let packages = [self.places.package(file), self.places.outermost_package(file)];
        for manifest in packages.into_iter().flatten().map(|package| package.folder.join("package.json")) {
            if !self.seen.insert(manifest.clone()) {
                continue;
            }
            if let (Ok(place), Ok(text)) = (self.places.of(&manifest), String::from_utf8(self.read(&manifest)?)) {
                self.files.insert(place, without_byte_order_mark(&text).to_owned());
            }
        }
        Ok(())
    }

    /// A file that nothing requires, as far as is known: code may still find it by a computed name, or read it.
    fn add_unused(&mut self, path: &Path) -> Result<(), BuildError> {
        if self.seen.contains(path) {
            return Ok(());
        }
        let Ok(place) = self.places.of(path) else { return Ok(()) };
        let text = match String::from_utf8(self.read(path)?) {
            Ok(text) => text,
            Err(binary) => {
                self.binary_files.insert(place, STANDARD.encode(binary.as_bytes()));
                return Ok(());
            }
        };
        let module =
            if is_code(path) { self.unused_module(path, &place, without_byte_order_mark(&text))? } else { None };
        match module {
            Some(module) => drop(self.modules.insert(place, module)),
            None => drop(self.files.insert(place, text)),
        }
        Ok(())
    }

    /// `None` for code that cannot be read.
    fn unused_module(&mut self, path: &Path, place: &str, text: &str) -> Result<Option<BundledModule>, BuildError> {
        let Ok(parsed) = parse(place, text, self.places.kind(path)) else { return Ok(None) };
        let names = Names::of(&parsed.program, parsed.unresolved);
        let found = requires(&parsed, &names);
        if found.top_level_await.is_some() || found.decorator.is_some() {
            return Ok(None);
        }
        let in_modules = self.places.is_in_modules(path);
        let mut required = BTreeMap::new();
        for Required { name, is_import, .. } in &found.modules {
            if let Target::File(target) = self.finder.find(name, path, parsed.kind, in_modules, *is_import)
                && (self.seen.contains(&target) || self.places.is_own(&target))
                && let Ok(target) = self.places.of(&target)
            {
                required.insert(name.clone(), target);
            }
        }
        let Code { source, map } = code(path, text, parsed, &found)?;
        Ok(Some(BundledModule { source, requires: required, map }))
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, BuildError> {
        let length = path.metadata().map_err(BuildError::file("read", path))?.len();
        self.bytes = self.bytes.saturating_add(length);
        if self.bytes > MAX_BUNDLE_BYTES as u64 {
            let mut sizes = self.sizes();
            sizes.push((relative(&self.project.folder, path), length));
            return Err(too_large(self.bytes, sizes).into());
        }
        std::fs::read(path).map_err(BuildError::file("read", path))
    }

    fn sizes(&self) -> Vec<(String, u64)> {
        let modules = self.modules.iter().map(|(path, module)| (path, module.source.len()));
        let texts = self.files.iter().chain(&self.binary_files).map(|(path, text)| (path, text.len()));
        let name = |path: &str| path.trim_start_matches(api_types::BUNDLE_ROOT).trim_start_matches('/').to_owned();
        modules.chain(texts).map(|(path, bytes)| (name(path), bytes as u64)).collect()
    }

    /// The module that loads all snippets.
    fn add_entry(&mut self, entry: &str, snippets: &Snippets) -> Result<(), BuildError> {
        let mut requires = std::mem::take(&mut self.shared_requires);
        let mut names = Vec::new();
        for path in snippets.files() {
            let name = format!("./{}", relative(&self.project.folder, path));
            requires.insert(name.clone(), self.places.of(path).map_err(crate::ProjectError::new)?);
            names.push(name);
        }
        let module = BundledModule { source: entry_source(&names), requires, map: None };
        self.modules.insert(entry.to_owned(), module);
        Ok(())
    }

    fn finish(mut self) -> Result<Collected, BuildError> {
        let entry = self.places.of(&self.project.entry).map_err(crate::ProjectError::new)?;
        if let Some(snippets) = &self.project.snippets {
            self.add_entry(&entry, snippets)?;
        }
        let bundle = Bundle {
            hookd_bundle: BUNDLE_FORMAT,
            language: BundleLanguage::JavaScript,
            name: self.project.name.clone(),
            entry,
            modules: self.modules,
            files: self.files,
            binary_files: self.binary_files,
            http: self.sends_requests,
        };
        let Self { errors, warnings, not_installed, scanned, packages, .. } = self;
        let packages = packages.into_values().collect();
        Ok(Collected { bundle, errors, warnings, not_installed, scanned, packages })
    }
}

fn code(path: &Path, text: &str, parsed: Parsed, found: &Requires) -> Result<Code, BuildError> {
    if !parsed.needs_transform() {
        return Ok(keep(text, &found.dynamic_imports));
    }
    to_commonjs(parsed).map_err(BuildError::file("translate", path))
}

fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
