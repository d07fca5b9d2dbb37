//! What names and expressions of a file stand for, as far as its text tells.

use std::collections::{HashMap, HashSet};

use swc_common::{Mark, Spanned as _};
use swc_ecma_ast::{
    AssignExpr, AssignTarget, BinaryOp, CallExpr, Callee, Expr, Id, Ident, ImportSpecifier, Lit, MemberExpr,
    MemberProp, ModuleDecl, ModuleExportName, ModuleItem, ObjectPatProp, Pat, Program, PropName, SimpleAssignTarget,
    Tpl, TsModuleRef, VarDeclarator,
};
use swc_ecma_visit::{Visit, VisitWith};

/// Begin of a path that is relative to the file.
const HERE: &str = "\u{0}here";
/// Begin of a path that is relative to the project.
const PROJECT: &str = "\u{0}project";
/// Longer chains of names that stand for names are not followed.
const MOST_STEPS: u32 = 16;
/// What a variable begins with is kept up to this length: a path is not longer, and a library in one function is.
const MOST_VALUE_BYTES: u32 = 1_000;

/// The text that an expression gives, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) begin: String,
    /// Nothing comes after `begin`.
    pub(super) is_whole: bool,
}

impl Text {
    fn whole(text: impl Into<String>) -> Self {
        Self { begin: text.into(), is_whole: true }
    }

    fn followed_by(mut self, next: Option<Self>) -> Self {
        if self.is_whole {
            self.is_whole = next.as_ref().is_some_and(|next| next.is_whole);
            self.begin.push_str(next.as_ref().map_or("", |next| &next.begin));
        }
        self
    }

    /// The folder that a path lies in, or is, when it is relative to the file or the project: its name, and whether it begins
    /// at the project.
    pub(super) fn folder(&self) -> Option<Folder> {
        let (path, of_project) = match (self.begin.strip_prefix(HERE), self.begin.strip_prefix(PROJECT)) {
            (Some(path), _) => (format!(".{path}"), false),
            (None, Some(path)) => (format!(".{path}"), true),
            (None, None) if self.begin.starts_with("./") || self.begin.starts_with("../") => {
                (self.begin.clone(), false)
            }
            (None, None) => return None,
        };
        let path = if self.is_whole { &path } else { path.rsplit_once('/').map_or(".", |(folder, _)| folder) };
        Some(Folder { path: path.to_owned(), of_project })
    }
}

/// A folder that code names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// With `./` or `../` at its begin, or `.`.
    pub(super) path: String,
    /// Relative to the project, not to the file.
    pub(super) of_project: bool,
}

/// The declarations of a file.
#[derive(Default)]
pub(super) struct Names {
    unresolved: Mark,
    /// What variables begin with.
    values: HashMap<Id, Expr>,
    /// Names that stand for a module, or for something of it.
    modules: HashMap<Id, Origin>,
    /// Names that stand for `require`: packages hide it from bundlers so.
    requires: HashSet<Id>,
}

/// Where a name comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// As the code names it, without `node:`.
    pub(super) module: String,
    /// `None` for all of the module.
    pub(super) export: Option<String>,
}

impl Names {
    pub(super) fn of(program: &Program, unresolved: Mark) -> Self {
        let mut names = Self { unresolved, ..Self::default() };
        if let Program::Module(module) = program {
            for item in &module.body {
                names.add_imports(item);
            }
        }
        program.visit_with(&mut names);
        names
    }

    fn add_imports(&mut self, item: &ModuleItem) {
        match item {
            ModuleItem::ModuleDecl(ModuleDecl::Import(import)) => {
                for specifier in &import.specifiers {
                    let (local, export) = match specifier {
                        ImportSpecifier::Namespace(all) => (&all.local, None),
                        ImportSpecifier::Default(default) => (&default.local, None),
                        ImportSpecifier::Named(named) => {
                            let name = named.imported.as_ref().map_or_else(
                                || named.local.sym.to_string(),
                                |name| match name {
                                    ModuleExportName::Ident(name) => name.sym.to_string(),
                                    ModuleExportName::Str(name) => name.value.to_string_lossy().into_owned(),
                                },
                            );
                            (&named.local, Some(name).filter(|name| name != "default"))
                        }
                    };
                    self.add_module(local, &import.src.value.to_string_lossy(), export);
                }
            }
            ModuleItem::ModuleDecl(ModuleDecl::TsImportEquals(import)) => {
                if let TsModuleRef::TsExternalModuleRef(module) = &import.module_ref {
                    self.add_module(&import.id, &module.expr.value.to_string_lossy(), None);
                }
            }
            _ => {}
        }
    }

    fn add_module(&mut self, name: &Ident, module: &str, export: Option<String>) {
        let module = module.strip_prefix("node:").unwrap_or(module).to_owned();
        self.modules.insert(name.to_id(), Origin { module, export });
    }

    /// True for a name that is the system's, such as `require`.
    pub(super) fn is_global(&self, name: &Ident, global: &str) -> bool {
        name.sym == global && name.ctxt.outer() == self.unresolved
    }

    /// True for `require`, and for another name of it.
    pub(super) fn is_require(&self, expression: &Expr) -> bool {
        matches!(expression, Expr::Ident(name) if self.is_global(name, "require") || self.requires.contains(&name.to_id()))
    }

    /// `createRequire(import.meta.url)`, which gives ES modules what CommonJS has.
    fn makes_require(&self, value: &Expr) -> bool {
        let Expr::Call(CallExpr { callee: Callee::Expr(callee), .. }) = value else { return false };
        let origin = self.origin(callee);
        origin.is_some_and(|origin| origin.module == "module" && origin.export.as_deref() == Some("createRequire"))
    }

    /// The module that a call of `require` names.
    pub(super) fn required(&self, call: &CallExpr) -> Option<String> {
        let Callee::Expr(callee) = &call.callee else { return None };
        let is_require = self.is_require(callee);
        let text = self.text(&call.args.first().filter(|_| is_require)?.expr)?;
        (text.is_whole && !text.begin.starts_with('\0')).then_some(text.begin)
    }

    /// What a variable begins with.
    pub(super) fn value(&self, name: &Ident) -> Option<&Expr> {
        self.values.get(&name.to_id())
    }

    /// The module, or the part of one, that an expression stands for.
    pub(super) fn origin(&self, expression: &Expr) -> Option<Origin> {
        self.origin_within(expression, MOST_STEPS)
    }

    /// The same for a name.
    pub(super) fn origin_of_name(&self, name: &Ident) -> Option<Origin> {
        match self.modules.get(&name.to_id()) {
            Some(origin) => Some(origin.clone()),
            None => self.origin_within(self.values.get(&name.to_id())?, MOST_STEPS),
        }
    }

    fn origin_within(&self, expression: &Expr, steps: u32) -> Option<Origin> {
        let steps = steps.checked_sub(1)?;
        match expression {
            Expr::Ident(name) => match self.modules.get(&name.to_id()) {
                Some(origin) => Some(origin.clone()),
                None => self.origin_within(self.values.get(&name.to_id())?, steps),
            },
            Expr::Paren(inner) => self.origin_within(&inner.expr, steps),
            Expr::Await(inner) => self.origin_within(&inner.arg, steps),
            Expr::Call(call) => {
                let module = self.required(call)?;
                let module = module.strip_prefix("node:").unwrap_or(&module).to_owned();
                Some(Origin { module, export: None })
            }
            Expr::Member(member) => {
                let property = property_name(member)?;
                let Origin { module, export } = self.origin_within(&member.obj, steps)?;
                let export = export.filter(|export| export != "promises" && export != "default");
                // Deeper than one level nothing is told apart, but for `fs.promises.writeFile` and the like.
                Some(Origin { module, export: export.or(Some(property)).filter(|property| property != "default") })
            }
            _ => None,
        }
    }

    /// The text of an expression.
    pub(super) fn text(&self, expression: &Expr) -> Option<Text> {
        self.text_within(expression, MOST_STEPS)
    }

    fn text_within(&self, expression: &Expr, steps: u32) -> Option<Text> {
        let steps = steps.checked_sub(1)?;
        match expression {
            Expr::Lit(Lit::Str(text)) => Some(Text::whole(text.value.to_string_lossy())),
            Expr::Tpl(template) => self.template(template, steps),
            Expr::Paren(inner) => self.text_within(&inner.expr, steps),
            Expr::Bin(binary) if binary.op == BinaryOp::Add => {
                Some(self.text_within(&binary.left, steps)?.followed_by(self.text_within(&binary.right, steps)))
            }
            Expr::Ident(name) if self.is_global(name, "__dirname") => Some(Text::whole(HERE)),
            Expr::Ident(name) => self.text_within(self.values.get(&name.to_id())?, steps),
            Expr::Call(call) => self.joined(call, steps),
            _ => None,
        }
    }

    fn template(&self, template: &Tpl, steps: u32) -> Option<Text> {
        let part = |index: usize| {
            let part = template.quasis.get(index)?;
            Some(Text::whole(part.cooked.as_ref()?.to_string_lossy()))
        };
        let mut text = part(0)?;
        for (index, inserted) in template.exprs.iter().enumerate() {
            text = text.followed_by(self.text_within(inserted, steps)).followed_by(part(index + 1));
        }
        Some(text)
    }

    /// The folder that a call of `path.join` or the like gives.
    pub(super) fn folder_of_call(&self, call: &CallExpr) -> Option<Folder> {
        self.joined(call, MOST_STEPS)?.folder()
    }

    /// `path.join`, `path.resolve` and `process.cwd`.
    fn joined(&self, call: &CallExpr, steps: u32) -> Option<Text> {
        let Callee::Expr(callee) = &call.callee else { return None };
        if let Expr::Member(member) = &**callee
            && matches!(&*member.obj, Expr::Ident(name) if self.is_global(name, "process"))
            && property_name(member)? == "cwd"
        {
            return Some(Text::whole(PROJECT));
        }
        let Origin { module, export } = self.origin_within(callee, steps)?;
        if module != "path" || !matches!(export.as_deref(), Some("join" | "resolve")) {
            return None;
        }
        let mut parts = call.args.iter().map(|argument| match argument.spread {
            Some(_) => None,
            None => self.text_within(&argument.expr, steps),
        });
        let first = parts.next()??;
        Some(parts.fold(first, |text, part| match part {
            Some(part) if part.begin.starts_with('\0') => part,
            part => text.followed_by(Some(Text::whole("/"))).followed_by(part),
        }))
    }
}

impl Visit for Names {
    fn visit_assign_expr(&mut self, assignment: &AssignExpr) {
        assignment.visit_children_with(self);
        if let AssignTarget::Simple(SimpleAssignTarget::Ident(name)) = &assignment.left
            && self.is_require(&assignment.right)
        {
            self.requires.insert(name.id.to_id());
        }
    }

    fn visit_var_declarator(&mut self, declarator: &VarDeclarator) {
        declarator.visit_children_with(self);
        let Some(value) = &declarator.init else { return };
        match &declarator.name {
            Pat::Ident(name) if self.is_require(value) || self.makes_require(value) => {
                self.requires.insert(name.id.to_id());
            }
            Pat::Ident(name) if value.span().hi.0 - value.span().lo.0 <= MOST_VALUE_BYTES => {
                self.values.insert(name.id.to_id(), (**value).clone());
            }
            Pat::Object(pattern) => {
                let Some(Origin { module, .. }) = self.origin(value) else { return };
                for property in &pattern.props {
                    let (export, local) = match property {
                        ObjectPatProp::Assign(short) => (short.key.sym.to_string(), &short.key.id),
                        ObjectPatProp::KeyValue(pair) => match (&pair.key, &*pair.value) {
                            (PropName::Ident(key), Pat::Ident(local)) => (key.sym.to_string(), &local.id),
                            _ => continue,
                        },
                        ObjectPatProp::Rest(_) => continue,
                    };
                    self.modules.insert(local.to_id(), Origin { module: module.clone(), export: Some(export) });
                }
            }
            _ => {}
        }
    }
}

/// The name after the dot, or the text in the brackets.
pub(super) fn property_name(member: &MemberExpr) -> Option<String> {
    match &member.prop {
        MemberProp::Ident(name) => Some(name.sym.to_string()),
        MemberProp::Computed(computed) => match &*computed.expr {
            Expr::Lit(Lit::Str(text)) => Some(text.value.to_string_lossy().into_owned()),
            _ => None,
        },
        MemberProp::PrivateName(_) => None,
    }
}
