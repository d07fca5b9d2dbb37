//! What a file uses of the system: whether it sends requests, and what the sandbox does not have.

use swc_ecma_ast::{
    BindingIdent, CallExpr, Callee, Expr, Ident, ImportDecl, ImportSpecifier, KeyValueProp, MemberExpr, ObjectPatProp,
    Pat, PropName, VarDeclarator,
};
use swc_ecma_visit::{Visit, VisitWith};

use super::names::{Names, Origin, property_name};
use super::parse::Parsed;

/// Parts of `http` and `https` that send nothing: web frameworks use them.
const SERVER_PARTS: [&str; 8] = [
    "IncomingMessage",
    "METHODS",
    "OutgoingMessage",
    "STATUS_CODES",
    "Server",
    "ServerResponse",
    "createServer",
    "maxHeaderSize",
];

/// Names of the web that send.
const WEB_SENDERS: [&str; 3] = ["EventSource", "XMLHttpRequest", "fetch"];

const GLOBAL_OBJECTS: [&str; 4] = ["global", "globalThis", "self", "window"];

/// Functions of `fs` that change files; each with `Sync` at its end too.
const FILE_CHANGES: [&str; 22] = [
    "appendFile",
    "chmod",
    "chown",
    "copyFile",
    "cp",
    "createWriteStream",
    "emptyDir",
    "ensureDir",
    "ensureFile",
    "link",
    "mkdir",
    "mkdirp",
    "mkdtemp",
    "outputFile",
    "outputJson",
    "rename",
    "rm",
    "rmdir",
    "symlink",
    "truncate",
    "unlink",
    "writeFile",
];

/// Methods of a Redis client that take scripts.
const SCRIPT_METHODS: [&str; 4] = ["defineCommand", "eval", "evalsha", "script"];

/// The result.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// It may send HTTP requests.
    pub(super) sends_requests: bool,
    /// Calls that change files: place and name of the function.
    pub(super) file_changes: Vec<(usize, String)>,
    /// Calls that give Redis a script.
    pub(super) scripts: Vec<(usize, String)>,
}

/// Looks through a file.
pub(super) fn uses(parsed: &Parsed, names: &Names) -> Uses {
    let mut search = Search { parsed, names, found: Uses::default() };
    parsed.program.visit_with(&mut search);
    search.found
}

struct Search<'a> {
    parsed: &'a Parsed,
    names: &'a Names,
    found: Uses,
}

fn is_http(origin: &Origin) -> bool {
    matches!(origin.module.as_str(), "http" | "https")
}

fn sends(export: &str) -> bool {
    !SERVER_PARTS.contains(&export)
}

impl Search<'_> {
    /// A value that goes its own way from here.
    fn note_value(&mut self, origin: &Origin) {
        let sends = match &origin.export {
            None => is_http(origin) || origin.module == "sync-request",
            Some(export) => is_http(origin) && sends(export),
        };
        self.found.sends_requests |= sends;
    }

    fn note_call(&mut self, call: &CallExpr, callee: &Expr) {
        let offset = self.parsed.offset(call.span.lo);
        if let Some(Origin { module, export: Some(name) }) = self.names.origin(callee)
            && matches!(module.as_str(), "fs" | "fs/promises" | "fs-extra" | "graceful-fs")
            && FILE_CHANGES.contains(&name.strip_suffix("Sync").unwrap_or(&name))
        {
            self.found.file_changes.push((offset, name));
        } else if let Expr::Member(member) = callee
            && let Some(name) = property_name(member).filter(|name| SCRIPT_METHODS.contains(&name.as_str()))
            && (name == "defineCommand" || is_client(&member.obj))
        {
            self.found.scripts.push((offset, name));
        }
    }
}

/// A name such as `redis` or `redisClient`: `eval` and `script` mean other things elsewhere.
fn is_client(expression: &Expr) -> bool {
    match expression {
        Expr::Ident(name) => name.sym.to_lowercase().contains("redis"),
        Expr::Member(member) => property_name(member).is_some_and(|name| name.to_lowercase().contains("redis")),
        _ => false,
    }
}

impl Visit for Search<'_> {
    fn visit_var_declarator(&mut self, declarator: &VarDeclarator) {
        let origin = declarator.init.as_ref().and_then(|value| self.names.origin(value)).filter(is_http);
        match (&declarator.name, origin) {
            // What the name is used for decides.
            (Pat::Ident(_), Some(Origin { export: None, .. })) => {}
            (Pat::Object(pattern), Some(Origin { export: None, .. })) => {
                self.found.sends_requests |= pattern.props.iter().any(|property| match property {
                    ObjectPatProp::Assign(short) => sends(&short.key.sym),
                    ObjectPatProp::KeyValue(pair) => match &pair.key {
                        PropName::Ident(key) => sends(&key.sym),
                        _ => true,
                    },
                    ObjectPatProp::Rest(_) => true,
                });
            }
            _ => declarator.visit_children_with(self),
        }
    }

    fn visit_member_expr(&mut self, member: &MemberExpr) {
        let property = property_name(member);
        if let Expr::Ident(object) = &*member.obj
            && GLOBAL_OBJECTS.iter().any(|global| self.names.is_global(object, global))
        {
            self.found.sends_requests |= property.as_deref().is_some_and(|name| WEB_SENDERS.contains(&name));
        }
        if property.as_deref() == Some("httpRequest") {
            self.found.sends_requests = true;
        }
        match self.names.origin(&member.obj).filter(is_http) {
            Some(Origin { export: None, .. }) => self.found.sends_requests |= property.is_none_or(|name| sends(&name)),
            _ => member.visit_children_with(self),
        }
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        match &call.callee {
            Callee::Expr(callee) => {
                self.note_call(call, callee);
                if let Some(module) = self.names.required(call) {
                    self.note_value(&Origin { module: module.trim_start_matches("node:").to_owned(), export: None });
                }
            }
            Callee::Import(_) => {
                let module = call.args.first().and_then(|argument| self.names.text(&argument.expr));
                let module = module.map_or_else(String::new, |module| module.begin);
                self.note_value(&Origin { module: module.trim_start_matches("node:").to_owned(), export: None });
            }
            Callee::Super(_) => {}
        }
        call.visit_children_with(self);
    }

    fn visit_key_value_prop(&mut self, property: &KeyValueProp) {
        // `AV.Cloud.run(name, params, { remote: true })`.
        if matches!(&property.key, PropName::Ident(key) if key.sym == "remote") {
            self.found.sends_requests = true;
        }
        property.visit_children_with(self);
    }

    fn visit_ident(&mut self, name: &Ident) {
        if WEB_SENDERS.iter().any(|sender| self.names.is_global(name, sender)) {
            self.found.sends_requests = true;
        } else if let Some(origin) = self.names.origin_of_name(name) {
            self.note_value(&origin);
        }
    }

    fn visit_import_decl(&mut self, import: &ImportDecl) {
        for specifier in &import.specifiers {
            let ImportSpecifier::Named(named) = specifier else { continue };
            if let Some(origin) = self.names.origin_of_name(&named.local) {
                self.note_value(&origin);
            }
        }
    }

    fn visit_binding_ident(&mut self, _: &BindingIdent) {}
}
