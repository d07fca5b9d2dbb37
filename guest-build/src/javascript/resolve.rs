//! Finds the file behind a name that is required, as Node does.

use std::path::{Path, PathBuf};

use oxc_resolver::{ResolveOptions, Resolver, TsconfigDiscovery, TsconfigOptions, TsconfigReferences};

use super::parse::Kind;

/// Modules of Node. They are the runtime's, also where a package has the same name.
const OF_NODE: [&str; 51] = [
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "module",
    "net",
    "os",
    "path",
    "path/posix",
    "path/win32",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "readline/promises",
    "repl",
    "stream",
    "stream/consumers",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "sys",
    "timers",
    "timers/promises",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "util/types",
    "v8",
    "vm",
];

/// Further ones of Node.
const OF_NODE_TOO: [&str; 3] = ["wasi", "worker_threads", "zlib"];

/// Packages that the runtime brings itself: what is installed under these names is not used.
const OURS: [&str; 5] = ["ioredis", "leancloud-storage", "leanengine", "redis", "sync-request"];

/// Where a name leads.
#[derive(Debug)]
pub(super) enum Target {
    /// The runtime has it.
    Runtime,
    /// A file, with links followed.
    File(PathBuf),
    /// There is none. With what kept it from being found, where it is not that nothing is there.
    Missing(Option<String>),
}

/// Finds files; keeps what it has read of folders and packages.
pub(super) struct Finder {
    from_commonjs: [Resolver; 2],
    from_modules: [Resolver; 2],
    from_typescript: [Resolver; 2],
    from_typescript_modules: [Resolver; 2],
}

impl Finder {
    pub(super) fn new(project: &Path) -> Self {
        let base = Resolver::new(options(&["require", "node", "default"], false, None));
        let tsconfig = usable_tsconfig(&base, project);
        let like = |conditions: &[&str], is_typescript: bool| {
            let tsconfig = tsconfig.clone().filter(|_| is_typescript);
            base.clone_with_options(options(conditions, is_typescript, tsconfig))
        };
        let both = |is_typescript| {
            let [require, import] = [["require", "node", "default"], ["import", "node", "default"]];
            // A package that is meant for the other way of importing is better than none.
            let as_commonjs = [like(&require, is_typescript), like(&import, is_typescript)];
            let as_module = [like(&import, is_typescript), like(&require, is_typescript)];
            (as_commonjs, as_module)
        };
        let ((from_commonjs, from_modules), (from_typescript, from_typescript_modules)) = (both(false), both(true));
        Self { from_commonjs, from_modules, from_typescript, from_typescript_modules }
    }

    /// Of a name in a file of this kind. `in_modules`: the package of the file has `"type": "module"`.
    pub(super) fn find(&self, name: &str, file: &Path, kind: Kind, in_modules: bool, is_import: bool) -> Target {
        if is_of_runtime(name) {
            return Target::Runtime;
        }
        let resolvers = match (kind, is_import && in_modules) {
            (Kind::TypeScript, false) => &self.from_typescript,
            (Kind::TypeScript, true) => &self.from_typescript_modules,
            (Kind::EsModule, _) if is_import => &self.from_modules,
            _ => &self.from_commonjs,
        };
        let folder = file.parent().unwrap_or(file);
        let mut reason = None;
        for resolver in resolvers {
            match resolver.resolve(folder, name) {
                Ok(found) => return Target::File(found.into_path_buf()),
                Err(oxc_resolver::ResolveError::NotFound(_)) => {}
                Err(error) => drop(reason.get_or_insert(error.to_string())),
            }
        }
        Target::Missing(reason)
    }
}

/// The names that it gives to folders are used. One that is broken, or extends a package that is not there, is for editors.
fn usable_tsconfig(base: &Resolver, project: &Path) -> Option<PathBuf> {
    let file = project.join("tsconfig.json");
    let probe = base.clone_with_options(options(&["require"], true, Some(file.clone())));
    (file.is_file() && probe.resolve(project, "./tsconfig.json").is_ok()).then_some(file)
}

/// True for what no package is needed for.
pub(super) fn is_of_runtime(name: &str) -> bool {
    let plain = name.strip_prefix("node:");
    plain.is_some() || is_of_node(name) || OURS.contains(&package_of(name))
}

/// True for modules of Node, without `node:`.
pub(super) fn is_of_node(name: &str) -> bool {
    OF_NODE.contains(&name) || OF_NODE_TOO.contains(&name)
}

/// `lodash` of `lodash/fp`, `@scope/name` of `@scope/name/file`.
pub(super) fn package_of(name: &str) -> &str {
    let parts = if name.starts_with('@') { 2 } else { 1 };
    let end = name.match_indices('/').nth(parts - 1).map_or(name.len(), |(end, _)| end);
    name.get(..end).unwrap_or(name)
}

/// True for a path, false for a package.
pub(super) fn is_path(name: &str) -> bool {
    matches!(name, "." | "..") || ["./", "../", "/"].iter().any(|begin| name.starts_with(begin))
}

fn options(conditions: &[&str], is_typescript: bool, tsconfig: Option<PathBuf>) -> ResolveOptions {
    let strings = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let javascript = [".js", ".json", ".node", ".cjs", ".mjs"];
    let typescript = [".ts", ".mts", ".cts"];
    let extensions = if is_typescript {
        [typescript.as_slice(), &javascript].concat()
    } else {
        [javascript.as_slice(), &typescript].concat()
    };
    let alias = |from: &str, to: &[&str]| (from.to_owned(), strings(to));
    ResolveOptions {
        condition_names: strings(conditions),
        extensions: strings(&extensions),
        // TypeScript names the files that it will have made.
        extension_alias: if is_typescript {
            vec![alias(".js", &[".ts", ".js"]), alias(".mjs", &[".mts", ".mjs"]), alias(".cjs", &[".cts", ".cjs"])]
        } else {
            Vec::new()
        },
        tsconfig: tsconfig.map(|config_file| {
            TsconfigDiscovery::Manual(TsconfigOptions { config_file, references: TsconfigReferences::Disabled })
        }),
        ..ResolveOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_from_paths_and_from_the_runtimes_own() {
        assert_eq!(package_of("lodash/fp"), "lodash");
        assert_eq!(package_of("@scope/name/deep/file"), "@scope/name");
        assert_eq!(package_of("@scope/name"), "@scope/name");
        assert!(is_path(".") && is_path("../redis") && is_path("./a") && !is_path(".a/b") && !is_path("redis"));
        for own in ["fs", "node:fs", "node:test", "leanengine", "leancloud-storage/live-query", "ioredis"] {
            assert!(is_of_runtime(own), "{own}");
        }
        for package in ["lodash", "leancloud-realtime", "redis-parser", "buffer/", "./fs"] {
            assert!(!is_of_runtime(package), "{package}");
        }
    }
}
