//! What a file requires, and what else in it concerns the build.

use std::ops::Range;

use swc_common::Spanned as _;
use swc_ecma_ast::{
    ArrowExpr, AwaitExpr, CallExpr, Callee, Decorator, ExportAll, Expr, ForOfStmt, Function, ImportDecl, NamedExport,
    Str, TryStmt, TsExternalModuleRef,
};
use swc_ecma_visit::{Visit, VisitWith};

use super::names::{Folder, Names, property_name};
use super::parse::{Parsed, range};

/// A module that a file names.
#[derive(Debug)]
pub(super) struct Required {
    pub(super) name: String,
    /// Where, in bytes.
    pub(super) offset: usize,
    /// The code goes on where the module is missing: it is inside of `try`.
    pub(super) is_optional: bool,
    /// Named by `import … from`.
    pub(super) is_import: bool,
}

/// The result.
#[derive(Debug, Default)]
pub(super) struct Requires {
    pub(super) modules: Vec<Required>,
    /// The keyword of each `import(…)`.
    pub(super) dynamic_imports: Vec<Range<usize>>,
    /// The name of some module is computed.
    pub(super) has_computed: bool,
    /// Folders and files in which such modules lie, as their names begin.
    pub(super) required_folders: Vec<Folder>,
    /// Folders and files that are named otherwise, where such modules may lie.
    pub(super) named_folders: Vec<Folder>,
    /// The first `await` outside of functions.
    pub(super) top_level_await: Option<usize>,
    /// The first decorator.
    pub(super) decorator: Option<usize>,
}

/// Looks through a file.
pub(super) fn requires(parsed: &Parsed, names: &Names) -> Requires {
    let mut search = Search { parsed, names, found: Requires::default(), functions: 0, tries: 0 };
    parsed.program.visit_with(&mut search);
    search.found
}

struct Search<'a> {
    parsed: &'a Parsed,
    names: &'a Names,
    found: Requires,
    /// How many functions the place is inside of.
    functions: usize,
    /// How many `try` the place is inside of.
    tries: usize,
}

impl Search<'_> {
    fn add(&mut self, name: String, at: swc_common::BytePos, is_import: bool, is_optional: bool) {
        let is_optional = is_optional || self.tries > 0;
        let offset = self.parsed.offset(at);
        self.found.modules.push(Required { name, offset, is_optional, is_import });
    }

    fn import(&mut self, source: &Str) {
        self.add(source.value.to_string_lossy().into_owned(), source.span.lo, true, false);
    }

    /// `require(…)`, `module.require(…)`, `require.resolve(…)`: `Some(true)` where the file is only looked for.
    fn requires(&self, callee: &Expr) -> Option<bool> {
        match callee {
            _ if self.names.is_require(callee) => Some(false),
            Expr::Member(member) => match (&*member.obj, property_name(member)?.as_str()) {
                (Expr::Ident(name), "require") if self.names.is_global(name, "module") => Some(false),
                (Expr::Ident(name), "resolve") if self.names.is_global(name, "require") => Some(true),
                _ => None,
            },
            _ => None,
        }
    }

    fn named(&mut self, call: &CallExpr, is_optional: bool) {
        let Some(argument) = call.args.first().filter(|argument| argument.spread.is_none()) else { return };
        let at = argument.expr.span().lo;
        let text = self.names.text(&argument.expr);
        match text.as_ref().map(|text| (text, text.folder())) {
            Some((text, folder)) if text.is_whole && (folder.is_none() || text.begin.starts_with('.')) => {
                self.add(text.begin.clone(), at, false, is_optional);
            }
            folder => {
                self.found.has_computed = true;
                self.found.required_folders.extend(folder.and_then(|(_, folder)| folder));
            }
        }
    }

    fn inside_function(&mut self, walk: impl FnOnce(&mut Self)) {
        self.functions += 1;
        // A function that is written inside of `try` may be called outside of it.
        let tries = std::mem::take(&mut self.tries);
        walk(self);
        self.tries = tries;
        self.functions -= 1;
    }
}

impl Visit for Search<'_> {
    fn visit_call_expr(&mut self, call: &CallExpr) {
        match &call.callee {
            Callee::Import(import) => {
                self.found.dynamic_imports.push(range(self.parsed, import.span));
                self.named(call, false);
            }
            Callee::Expr(callee) => {
                if let Some(is_only_looked_for) = self.requires(callee) {
                    self.named(call, is_only_looked_for);
                } else {
                    self.found.named_folders.extend(self.names.folder_of_call(call));
                }
            }
            Callee::Super(_) => {}
        }
        call.visit_children_with(self);
    }

    fn visit_import_decl(&mut self, import: &ImportDecl) {
        if !import.type_only {
            self.import(&import.src);
        }
    }

    fn visit_export_all(&mut self, export: &ExportAll) {
        if !export.type_only {
            self.import(&export.src);
        }
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        if let Some(source) = export.src.as_ref().filter(|_| !export.type_only) {
            self.import(source);
        }
    }

    fn visit_ts_external_module_ref(&mut self, module: &TsExternalModuleRef) {
        self.add(module.expr.value.to_string_lossy().into_owned(), module.expr.span.lo, false, false);
    }

    fn visit_try_stmt(&mut self, statement: &TryStmt) {
        let catches = usize::from(statement.handler.is_some());
        self.tries += catches;
        statement.block.visit_with(self);
        self.tries -= catches;
        statement.handler.visit_with(self);
        statement.finalizer.visit_with(self);
    }

    fn visit_function(&mut self, function: &Function) {
        self.inside_function(|search| function.visit_children_with(search));
    }

    fn visit_arrow_expr(&mut self, arrow: &ArrowExpr) {
        self.inside_function(|search| arrow.visit_children_with(search));
    }

    fn visit_await_expr(&mut self, wait: &AwaitExpr) {
        if self.functions == 0 {
            self.found.top_level_await.get_or_insert(self.parsed.offset(wait.span.lo));
        }
        wait.visit_children_with(self);
    }

    fn visit_for_of_stmt(&mut self, statement: &ForOfStmt) {
        if statement.is_await && self.functions == 0 {
            self.found.top_level_await.get_or_insert(self.parsed.offset(statement.span.lo));
        }
        statement.visit_children_with(self);
    }

    fn visit_decorator(&mut self, decorator: &Decorator) {
        self.found.decorator.get_or_insert(self.parsed.offset(decorator.span.lo));
    }
}
