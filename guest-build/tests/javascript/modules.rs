//! What becomes of the code.

use crate::{Project, module, requires};

#[tokio::test]
async fn commonjs_stays_as_it_was_written() {
    let cloud = "// sloppy\nconst AV = require('leanengine')\nundeclared = 010\nwith (AV) { Cloud }\nreturn\n";
    let bundle = Project::new(&[("cloud.js", cloud)]).bundle().await;
    assert_eq!(bundle.entry, "/app/cloud.js");
    let cloud_module = module(&bundle, "/app/cloud.js");
    assert_eq!(cloud_module.source, cloud);
    assert_eq!(cloud_module.map, None);
    assert!(cloud_module.requires.is_empty(), "leanengine is the runtime's own: {:?}", cloud_module.requires);
    assert!(!bundle.http);
}

#[tokio::test]
async fn what_no_wrapper_can_hold_is_changed_without_moving_a_line() {
    let cloud = "#!/usr/bin/env node\nexports.late = async name => (await import('./words')).default\n";
    let project = Project::new(&[("cloud.js", cloud), ("words.js", "module.exports = 1")]);
    let bundle = project.bundle().await;
    let source = &module(&bundle, "/app/cloud.js").source;
    assert!(source.starts_with("///usr/bin/env node\nexports.late = async name => (await (("), "{source}");
    assert!(source.ends_with("('./words')).default\n") && !source.contains("import("), "{source}");
    assert_eq!(source.lines().count(), 2);
    assert_eq!(requires(&bundle, "/app/cloud.js"), [("./words".into(), "/app/words.js".into())]);
}

#[tokio::test]
async fn es_modules_become_commonjs_with_a_source_map() {
    let server = "import AV from 'leanengine'\nimport { words } from './words.mjs'\n\nexport default function () {\n  \
                  throw new Error(words)\n}\n";
    let project = Project::new(&[
        ("package.json", r#"{"type": "module"}"#),
        ("server.js", server),
        ("words.mjs", "export let words = 1\nexport * from './more.js'"),
        ("more.js", "export const more = import.meta.url"),
        ("old.cjs", "module.exports = 1"),
    ]);
    let bundle = project.bundle().await;
    let code = module(&bundle, "/app/server.js");
    assert!(code.source.starts_with("\"use strict\";"), "{}", code.source);
    assert!(code.source.contains("require(\"./words.mjs\")") && !code.source.contains("import "), "{}", code.source);
    let map: serde_json::Value = serde_json::from_str(code.map.as_ref().unwrap()).unwrap();
    assert_eq!(map["version"], 3);
    assert_eq!(map["sources"], serde_json::json!(["/app/server.js"]));
    assert_eq!(requires(&bundle, "/app/words.mjs"), [("./more.js".into(), "/app/more.js".into())]);
    assert!(!module(&bundle, "/app/more.js").source.contains("import.meta"));
    assert_eq!(module(&bundle, "/app/old.cjs").map, None, "`.cjs` is CommonJS in any package");
}

#[tokio::test]
async fn es_modules_may_declare_what_commonjs_has() {
    let server = "import { createRequire } from 'module'\nimport { dirname } from 'path'\nimport { fileURLToPath } from 'url'\n\
                  export const __filename = fileURLToPath(import.meta.url)\nconst __dirname = dirname(__filename)\n\
                  const require = createRequire(import.meta.url)\nexport const all = { __dirname, words: require('./words') }\n";
    let project = Project::new(&[("server.mjs", server), ("words.js", "module.exports = 1")]);
    let bundle = project.bundle().await;
    let source = &module(&bundle, "/app/server.mjs").source;
    for declared in ["const __filename", "const __dirname", "const require"] {
        assert!(!source.contains(declared), "{source}");
    }
    assert!(source.contains("__dirname: own___dirname") && source.contains("get __filename"), "{source}");
    assert_eq!(requires(&bundle, "/app/server.mjs"), [("./words".into(), "/app/words.js".into())]);
}

#[tokio::test]
async fn a_file_that_imports_is_a_module_without_being_called_one() {
    let bundle = Project::new(&[("cloud.js", "import AV from 'leanengine'\nAV.init()")]).bundle().await;
    assert!(module(&bundle, "/app/cloud.js").source.contains("require(\"leanengine\")"));
}

#[tokio::test]
async fn typescript_loses_its_types() {
    let server = "import * as AV from 'leanengine'\nimport { Request } from 'only-types'\nimport { check } from './lib/check.js'\n\
                  enum Kind { Text = -1 }\nconst kind = (request: Request): Kind => check(request) as Kind\n\
                  AV.Cloud.define('kind', kind)\n";
    let project = Project::new(&[
        ("package.json", r#"{"scripts": {"start": "node dist/server.js"}}"#),
        ("tsconfig.json", r#"{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["src/lib/*"]}}, /* a comment */}"#),
        ("src/server.ts", server),
        (
            "src/lib/check.ts",
            "import text from '@/text'\nexport class Check { constructor(private text: string) {} }\nexport const check = (of: any) => new Check(text)",
        ),
        ("src/lib/text.ts", "const text: string = 'x'; export = text"),
        ("src/types.d.ts", "declare module 'x'"),
    ]);
    let bundle = project.bundle().await;
    assert_eq!(bundle.entry, "/app/src/server.ts");
    let source = &module(&bundle, "/app/src/server.ts").source;
    assert!(!source.contains("only-types") && !source.contains(": Request"), "{source}");
    assert_eq!(requires(&bundle, "/app/src/server.ts"), [("./lib/check.js".into(), "/app/src/lib/check.ts".into())]);
    assert_eq!(requires(&bundle, "/app/src/lib/check.ts"), [("@/text".into(), "/app/src/lib/text.ts".into())]);
    assert!(module(&bundle, "/app/src/lib/check.ts").source.contains("this.text = text"));
    assert!(module(&bundle, "/app/src/lib/text.ts").source.contains("module.exports = text"));
    assert!(bundle.files.contains_key("/app/src/types.d.ts"));
}

#[tokio::test]
async fn a_broken_tsconfig_is_for_editors() {
    let project = Project::new(&[
        ("tsconfig.json", r#"{"extends": "@tsconfig/not-installed"}"#),
        ("server.ts", "import './a'"),
        ("a.ts", "const a: number = 1"),
    ]);
    assert_eq!(requires(&project.bundle().await, "/app/server.ts"), [("./a".into(), "/app/a.ts".into())]);
}

#[tokio::test]
async fn names_are_found_by_the_rules_of_node() {
    let cloud = "require('./a'); require('./folder'); require('plain'); require('@scope/both'); require('@scope/both/deep');\n\
                 require('modern'); require('./data'); require('../app/a.js'); require(`./template`); require('./a' + '.js')";
    let project = Project::new(&[
        ("app/cloud.js", cloud),
        ("app/a.js", ""),
        ("app/template.js", ""),
        ("app/folder/index.js", ""),
        ("app/data.json", "{}"),
        ("app/node_modules/plain/package.json", r#"{"name": "plain", "main": "./lib"}"#),
        ("app/node_modules/plain/lib/index.js", "require('../package.json')"),
        (
            "app/node_modules/@scope/both/package.json",
            r#"{"exports": {".": {"import": "./esm.mjs", "require": "./cjs.js"}, "./deep": "./far/deep.js"}}"#,
        ),
        ("app/node_modules/@scope/both/esm.mjs", "export {}"),
        ("app/node_modules/@scope/both/cjs.js", ""),
        ("app/node_modules/@scope/both/far/deep.js", ""),
        ("app/node_modules/modern/package.json", r#"{"type": "module", "exports": {"import": "./index.js"}}"#),
        ("app/node_modules/modern/index.js", "export default 1"),
        ("app/node_modules/unused/index.js", ""),
    ]);
    let built = hookd_guest_build::builder_of(&project.path().join("app")).unwrap();
    let built = built.build(&project.path().join("app"), &mut |_| {}).await.unwrap();
    let bundle = api_types::Bundle::read(&built.bytes).unwrap();
    let expected = [
        ("../app/a.js", "/app/a.js"),
        ("./a", "/app/a.js"),
        ("./a.js", "/app/a.js"),
        ("./data", "/app/data.json"),
        ("./folder", "/app/folder/index.js"),
        ("./template", "/app/template.js"),
        ("@scope/both", "/app/node_modules/@scope/both/cjs.js"),
        ("@scope/both/deep", "/app/node_modules/@scope/both/far/deep.js"),
        ("modern", "/app/node_modules/modern/index.js"),
        ("plain", "/app/node_modules/plain/lib/index.js"),
    ];
    assert_eq!(requires(&bundle, "/app/cloud.js"), expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
    assert!(module(&bundle, "/app/node_modules/modern/index.js").source.contains("exports"));
    let files: Vec<&String> = bundle.files.keys().collect();
    assert!(bundle.files.contains_key("/app/node_modules/plain/package.json"), "{files:?}");
    assert!(!bundle.modules.keys().any(|path| path.contains("unused") || path.contains("esm.mjs")));
}

#[tokio::test]
async fn files_that_are_loaded_by_computed_names_bring_their_packages() {
    let cloud = "const fs = require('fs'), path = require('path'), folder = path.join(__dirname, 'functions')\n\
                 fs.readdirSync(folder).forEach(file => require(path.join(folder, file)))\n";
    let project = Project::new(&[
        ("cloud.js", cloud),
        ("functions/hooks.js", "require('words')"),
        ("node_modules/words/index.js", "var load; load = require; load('./lists/' + process.env.LIST)"),
        ("node_modules/words/package.json", "{}"),
        ("node_modules/words/lists/zh.js", "module.exports = []"),
        ("node_modules/words/unused.js", ""),
        ("gulpfile.js", "require('gulp')"),
        ("notes.txt", "for fs"),
    ]);
    project.write("logo.png", [0x89, b'P', 0xff]);
    let bundle = project.bundle().await;
    let modules: Vec<&str> = bundle.modules.keys().map(String::as_str).collect();
    let expected = [
        "/app/cloud.js",
        "/app/functions/hooks.js",
        "/app/gulpfile.js",
        "/app/node_modules/words/index.js",
        "/app/node_modules/words/lists/zh.js",
    ];
    assert_eq!(modules, expected);
    assert_eq!(bundle.files["/app/notes.txt"], "for fs");
    assert_eq!(bundle.binary_files["/app/logo.png"], "iVD/");
}

#[tokio::test]
async fn cyclic_requires_are_one_module_each() {
    let project =
        Project::new(&[("cloud.js", "require('./a')"), ("a.js", "require('./b')"), ("b.js", "require('./a')")]);
    assert_eq!(project.bundle().await.modules.len(), 3);
}

#[cfg(unix)]
#[tokio::test]
async fn packages_outside_of_the_project_become_its_own() {
    let project = Project::new(&[
        ("app/cloud.js", "require('hoisted'); require('linked')"),
        ("node_modules/hoisted/index.js", "require('./more')"),
        ("node_modules/hoisted/more.js", ""),
        ("elsewhere/package.json", r#"{"name": "linked", "main": "lib/main.js"}"#),
        ("elsewhere/lib/main.js", ""),
    ]);
    let app = project.path().join("app");
    std::fs::create_dir(app.join("node_modules")).unwrap();
    std::os::unix::fs::symlink("../../elsewhere", app.join("node_modules/linked")).unwrap();
    let built = hookd_guest_build::builder_of(&app).unwrap().build(&app, &mut |_| {}).await.unwrap();
    let bundle = api_types::Bundle::read(&built.bytes).unwrap();
    let expected =
        [("hoisted", "/app/node_modules/hoisted/index.js"), ("linked", "/app/node_modules/linked/lib/main.js")];
    assert_eq!(requires(&bundle, "/app/cloud.js"), expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
    assert!(bundle.modules.contains_key("/app/node_modules/hoisted/more.js"));
}

#[tokio::test]
async fn http_is_asked_for_only_where_requests_are_sent() {
    let sending = [
        "require('https').request({})",
        "const { get } = require('node:http')",
        "const http = require('http'); http.get('http://x')",
        "const http = require('http'); exports.agents = { http }",
        "import { request } from 'https'",
        "import https from 'https'\nhttps.get('https://x')",
        "exports.now = () => fetch('https://x')",
        "new globalThis.XMLHttpRequest()",
        "require('sync-request')('GET', 'https://x')",
        "AV.Cloud.run('x', {}, { remote: true })",
        "import('https')",
    ];
    for source in sending {
        assert!(Project::new(&[("cloud.js", source)]).bundle().await.http, "{source}");
    }
    let not_sending = [
        "const http = require('http'); http.createServer(app).listen(3000); http.METHODS.map(String)",
        "const { createServer } = require('http')",
        "require('leanengine'); const fetch = () => 1; fetch()",
        "var proto = Object.create(require('http').IncomingMessage.prototype)",
    ];
    for source in not_sending {
        assert!(!Project::new(&[("cloud.js", source)]).bundle().await.http, "{source}");
    }
    let in_package = Project::new(&[("cloud.js", "require('request')"), ("node_modules/request/index.js", sending[2])]);
    assert!(in_package.bundle().await.http);
}
