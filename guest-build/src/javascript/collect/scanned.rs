//! What the files of a project do, for those who want to know what it needs.

use super::{Collector, Current};
use crate::javascript::facts::{Facts, Registered};
use crate::javascript::files::relative;
use crate::javascript::places;
use crate::javascript::problem::Place;
use crate::javascript::requires::Required;
use crate::javascript::resolve::{Target, is_of_node, is_of_runtime, is_path, package_of};

/// What one file does, with places.
#[derive(Debug, Default)]
pub(in crate::javascript) struct ScannedFile {
    pub(in crate::javascript) name: String,
    pub(in crate::javascript) functions: Vec<ScannedFunction>,
    pub(in crate::javascript) variables: Vec<(String, Place)>,
    pub(in crate::javascript) hosts: Vec<(String, Place)>,
    pub(in crate::javascript) redis_clients: Vec<Place>,
    pub(in crate::javascript) redis_methods: Vec<(String, Place)>,
}

/// A function that a file registers.
#[derive(Debug)]
pub(in crate::javascript) struct ScannedFunction {
    pub(in crate::javascript) name: String,
    pub(in crate::javascript) is_called: bool,
    pub(in crate::javascript) first: Place,
    pub(in crate::javascript) last: Place,
}

/// A package that the project requires.
#[derive(Debug)]
pub(in crate::javascript) struct PackageUse {
    pub(in crate::javascript) name: String,
    pub(in crate::javascript) version: Option<String>,
    pub(in crate::javascript) built_in: bool,
    pub(in crate::javascript) native: bool,
    pub(in crate::javascript) place: Place,
}

impl Collector<'_> {
    /// For those who want to know what the project needs.
    pub(super) fn note_package(&mut self, current: &Current<'_>, module: &Required, target: &Target) {
        let name = package_of(&module.name);
        if !current.is_own || is_path(name) || name.starts_with('#') || self.packages.contains_key(name) {
            return;
        }
        let built_in = is_of_runtime(name);
        let package = match target {
            Target::Runtime if is_of_node(name.strip_prefix("node:").unwrap_or(name)) => return,
            // A name that `tsconfig.json` gives to a folder of the project.
            Target::File(file) if self.places.is_own(file) => return,
            Target::File(file) => self.places.outermost_package(file),
            Target::Runtime | Target::Missing(_) => None,
        };
        let native = package.as_ref().is_some_and(places::Package::is_native);
        let version = package.and_then(|package| package.manifest.version.clone());
        let place = self.place(current, module.offset);
        self.packages.insert(name.to_owned(), PackageUse { name: name.to_owned(), version, built_in, native, place });
    }

    pub(super) fn scanned_file(&self, current: &Current<'_>, facts: Facts) -> ScannedFile {
        let at = |offset| self.place(current, offset);
        let named = |found: Vec<(usize, String)>| found.into_iter().map(|(offset, name)| (name, at(offset))).collect();
        let function = |Registered { name, is_called, code }| ScannedFunction {
            name,
            is_called,
            first: at(code.start),
            last: at(code.end),
        };
        ScannedFile {
            name: relative(&self.project.folder, current.path),
            functions: facts.functions.into_iter().map(function).collect(),
            variables: named(facts.variables),
            hosts: named(facts.hosts),
            redis_clients: facts.redis_clients.into_iter().map(at).collect(),
            redis_methods: named(facts.redis_methods),
        }
    }
}
