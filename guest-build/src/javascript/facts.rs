//! What a file of hooks does, for a developer who moves an app: functions, variables, hosts, Redis.

use std::ops::Range;

use swc_ecma_ast::{
    CallExpr, Callee, Expr, ImportDecl, KeyValueProp, Lit, MemberExpr, NewExpr, ObjectPatProp, Pat, PropName, Str, Tpl,
    VarDeclarator,
};
use swc_ecma_visit::{Visit, VisitWith};

use super::names::{Names, property_name};
use super::new_project::hook_of_helper;
use super::parse::{Parsed, range};

/// Hooks of LeanEngine that belong to object storage. They are taken, and never called.
const NEVER_CALLED: [&str; 9] = [
    "afterDelete",
    "afterSave",
    "afterUpdate",
    "beforeDelete",
    "beforeSave",
    "beforeUpdate",
    "onAuthData",
    "onLogin",
    "onVerified",
];

/// The result. Places are bytes of the file.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) functions: Vec<Registered>,
    pub(super) variables: Vec<(usize, String)>,
    pub(super) hosts: Vec<(usize, String)>,
    /// Where clients of Redis are made.
    pub(super) redis_clients: Vec<usize>,
    /// Methods that are called on them.
    pub(super) redis_methods: Vec<(usize, String)>,
}

/// A function or hook that the file registers.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) name: String,
    /// The engine calls it, or offers it to callers.
    pub(super) is_called: bool,
    /// The whole call that registers it, with its handler.
    pub(super) code: Range<usize>,
}

/// Looks through a file.
pub(super) fn facts(parsed: &Parsed, names: &Names) -> Facts {
    let mut search = Search { parsed, names, found: Facts::default() };
    parsed.program.visit_with(&mut search);
    search.found
}

struct Search<'a> {
    parsed: &'a Parsed,
    names: &'a Names,
    found: Facts,
}

impl Search<'_> {
    fn note_call(&mut self, call: &CallExpr, member: &MemberExpr) {
        let Some(method) = property_name(member) else { return };
        let code = range(self.parsed, call.span);
        let first = call.args.first().and_then(|argument| self.names.text(&argument.expr));
        let first = first.filter(|text| text.is_whole).map(|text| text.begin);
        let named = match &*member.obj {
            Expr::Member(object) => property_name(object),
            Expr::Ident(object) => Some(object.sym.to_string()),
            _ => None,
        };
        let registered = match named.as_deref() {
            Some("Cloud") if method == "define" => first.map(|name| (name, true)),
            Some("Cloud") if NEVER_CALLED.contains(&method.as_str()) => {
                Some((format!("{method}({})", first.unwrap_or_default()), false))
            }
            Some("Cloud") => hook_of_helper(&method).map(|hook| (hook.to_owned(), true)),
            Some("Insight") if method == "on" => Some((format!("Insight.on({})", first.unwrap_or_default()), false)),
            _ => None,
        };
        match registered {
            Some((name, is_called)) => self.found.functions.push(Registered { name, is_called, code }),
            None if self.is_redis_client(&member.obj) => self.found.redis_methods.push((code.start, method)),
            None => {}
        }
    }

    /// An object that a client of Redis was made as in this file, or that is named like one.
    fn is_redis_client(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Ident(name) => {
                let is_made_here = self.names.value(name).is_some_and(|value| match value {
                    Expr::New(new) => self.is_redis(&new.callee),
                    Expr::Call(call) => matches!(&call.callee, Callee::Expr(callee) if self.is_redis(callee)),
                    _ => false,
                });
                let is_module = self.names.origin_of_name(name).is_some();
                is_made_here || !is_module && name.sym.to_lowercase().contains("redis")
            }
            Expr::Member(member) => property_name(member).is_some_and(|name| name.to_lowercase().contains("redis")),
            _ => false,
        }
    }

    fn is_redis(&self, callee: &Expr) -> bool {
        self.names.origin(callee).is_some_and(|origin| match origin.export.as_deref() {
            None | Some("Redis" | "default" | "Cluster") => origin.module == "ioredis",
            Some(export) => origin.module == "redis" && matches!(export, "createClient" | "createCluster"),
        })
    }

    fn is_environment(&self, expression: &Expr) -> bool {
        let Expr::Member(member) = expression else { return false };
        matches!(&*member.obj, Expr::Ident(name) if self.names.is_global(name, "process"))
            && property_name(member).as_deref() == Some("env")
    }

    fn note_host(&mut self, offset: usize, text: &str) {
        let address = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = address.map(|address| address.split(['/', '?', '#', ':']).next().unwrap_or_default());
        if let Some(host) = host.filter(|host| is_host(host)) {
            self.found.hosts.push((offset, host.to_ascii_lowercase()));
        }
    }
}

fn is_host(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    text.contains(|letter: char| letter.is_ascii_alphanumeric()) && text.chars().all(is_plain)
}

impl Visit for Search<'_> {
    fn visit_call_expr(&mut self, call: &CallExpr) {
        if let Callee::Expr(callee) = &call.callee {
            if let Expr::Member(member) = &**callee {
                self.note_call(call, member);
            }
            if self.is_redis(callee) && !self.names.is_require(callee) {
                self.found.redis_clients.push(self.parsed.offset(call.span.lo));
            }
        }
        call.visit_children_with(self);
    }

    fn visit_new_expr(&mut self, new: &NewExpr) {
        if self.is_redis(&new.callee) {
            self.found.redis_clients.push(self.parsed.offset(new.span.lo));
        }
        new.visit_children_with(self);
    }

    fn visit_member_expr(&mut self, member: &MemberExpr) {
        if self.is_environment(&member.obj)
            && let Some(name) = property_name(member)
        {
            self.found.variables.push((self.parsed.offset(member.span.lo), name));
        }
        member.visit_children_with(self);
    }

    fn visit_var_declarator(&mut self, declarator: &VarDeclarator) {
        if let (Some(value), Pat::Object(pattern)) = (&declarator.init, &declarator.name)
            && self.is_environment(value)
        {
            let offset = self.parsed.offset(declarator.span.lo);
            self.found.variables.extend(pattern.props.iter().filter_map(|property| match property {
                ObjectPatProp::Assign(short) => Some((offset, short.key.sym.to_string())),
                ObjectPatProp::KeyValue(pair) => match &pair.key {
                    PropName::Ident(key) => Some((offset, key.sym.to_string())),
                    _ => None,
                },
                ObjectPatProp::Rest(_) => None,
            }));
        }
        declarator.visit_children_with(self);
    }

    fn visit_key_value_prop(&mut self, property: &KeyValueProp) {
        if let PropName::Ident(key) = &property.key
            && matches!(key.sym.as_str(), "host" | "hostname")
            && let Expr::Lit(Lit::Str(host)) = &*property.value
            && is_host(&host.value.to_string_lossy())
        {
            let offset = self.parsed.offset(host.span.lo);
            self.found.hosts.push((offset, host.value.to_string_lossy().to_ascii_lowercase()));
        }
        property.visit_children_with(self);
    }

    fn visit_str(&mut self, text: &Str) {
        self.note_host(self.parsed.offset(text.span.lo), &text.value.to_string_lossy());
    }

    fn visit_tpl(&mut self, template: &Tpl) {
        if let Some(begin) = template.quasis.first().and_then(|first| first.cooked.as_ref()) {
            self.note_host(self.parsed.offset(template.span.lo), &begin.to_string_lossy());
        }
        template.visit_children_with(self);
    }

    fn visit_import_decl(&mut self, _: &ImportDecl) {}
}
