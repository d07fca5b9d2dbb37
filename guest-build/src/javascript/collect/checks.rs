//! What a build reports of a file.

use super::{Collector, Current, Reach};
use crate::javascript::files::relative;
use crate::javascript::problem::{Place, Problem};
use crate::javascript::requires::{Required, Requires};
use crate::javascript::resolve::{is_path, package_of};
use crate::javascript::unsupported;
use crate::javascript::uses::Uses;
use std::path::Path;

impl Collector<'_> {
    pub(super) fn report_missing(&mut self, current: &Current<'_>, module: &Required, reason: Option<String>) {
        let Required { name, offset, is_optional, .. } = module;
        if !current.is_own {
            return;
        }
        if is_path(name) || name.starts_with('#') {
            let fix = "check the name: upper and lower case count, as on the server";
            self.report(current, *offset, format!("cannot find `{name}`"), Some(fix.to_owned()), *is_optional);
            return;
        }
        let package = package_of(name);
        let is_asked_for = self.project.manifest.dependencies.contains_key(package);
        if is_asked_for && !is_optional && current.reach == Reach::Sure {
            self.not_installed.insert(package.to_owned());
        }
        let fix = if is_asked_for {
            "run `npm install` in the project".to_owned()
        } else {
            format!("run `npm install {package}` in the project")
        };
        let text = match reason {
            Some(reason) => format!("cannot use the package `{name}`: {reason}"),
            None => format!("cannot find the package `{package}`"),
        };
        self.report(current, *offset, text, Some(fix), *is_optional);
    }

    /// A module of Node that the sandbox does not have.
    pub(super) fn check_runtime_module(&mut self, current: &Current<'_>, module: &Required) {
        let Required { name, offset, is_optional, .. } = module;
        let Some(fix) = unsupported::of_module(name).filter(|_| current.is_own) else { return };
        if unsupported::is_refused(name) {
            let text = format!("`{name}` cannot be used in the sandbox");
            self.report(current, *offset, text, Some(fix.to_owned()), *is_optional);
        } else {
            let text = format!("`{name}` is not in the sandbox: what is called of it fails");
            self.report(current, *offset, text, Some(fix.to_owned()), true);
        }
    }

    pub(super) fn check_package(&mut self, current: &Current<'_>, module: &Required, file: &Path) {
        let package = self.places.outermost_package(file);
        if package.is_some_and(|package| package.is_native()) {
            let text = format!("`{}` has machine code in it, which cannot run in the sandbox", module.name);
            let fix = unsupported::native_addon().to_owned();
            self.report(current, module.offset, text, Some(fix), module.is_optional);
        }
    }

    pub(super) fn check_uses(&mut self, current: &Current<'_>, used: &Uses) {
        for (offset, name) in &used.file_changes {
            let text = format!("`{name}` fails when it is called");
            self.report(current, *offset, text, Some(unsupported::file_change().to_owned()), true);
        }
        for (offset, name) in &used.scripts {
            let text = format!("`{name}` fails when it is called: LeanCache runs no scripts");
            self.report(current, *offset, text, Some(unsupported::redis_script().to_owned()), true);
        }
    }

    /// What no CommonJS can be made of.
    pub(super) fn check_shape(&mut self, current: &Current<'_>, found: &Requires) {
        if let Some(offset) = found.top_level_await {
            let text = "`await` outside of functions cannot be used: files are loaded one after the other".to_owned();
            let fix = "put it into an async function, and call that where the value is needed".to_owned();
            self.report(current, offset, text, Some(fix), false);
        }
        if let Some(offset) = found.decorator {
            let text = "decorators cannot be used: the language has none yet".to_owned();
            let fix = "compile the file with `tsc` first, and name its output in `main` of package.json".to_owned();
            self.report(current, offset, text, Some(fix), false);
        }
    }

    pub(super) fn check_json(&mut self, current: &Current<'_>) {
        let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(current.text) else { return };
        let before =
            current.text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
        let offset = before + error.column().saturating_sub(1);
        let whole = error.to_string();
        let text = whole.split(" at line").next().unwrap_or(&whole);
        self.report(current, offset, format!("the JSON cannot be read: {text}"), None, false);
    }

    /// Code of packages is never reported: most of it never runs.
    pub(super) fn report(
        &mut self,
        current: &Current<'_>,
        offset: usize,
        text: String,
        fix: Option<String>,
        is_warning: bool,
    ) {
        if !current.is_own {
            return;
        }
        let place = self.place(current, offset);
        let problem = Problem { fix, ..Problem::at(place, text) };
        if is_warning || current.reach == Reach::Perhaps {
            self.warnings.push(problem);
        } else {
            self.errors.push(problem);
        }
    }

    pub(super) fn place(&self, current: &Current<'_>, offset: usize) -> Place {
        let offset = offset.saturating_sub(current.before);
        Place::of(&relative(&self.project.folder, current.path), current.text, offset)
    }
}
