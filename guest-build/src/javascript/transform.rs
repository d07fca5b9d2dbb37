//! Makes CommonJS of ES modules and TypeScript, with a source map; and the few changes that CommonJS itself needs.

use std::ops::Range;

use swc_common::source_map::SourceMapGenConfig;
use swc_common::{BytePos, DUMMY_SP, FileName, Mark, SyntaxContext};
use swc_ecma_ast::Ident;
use swc_ecma_codegen::text_writer::JsWriter;
use swc_ecma_codegen::{Config as PrintConfig, Emitter};
use swc_ecma_transforms_base::fixer::fixer;
use swc_ecma_transforms_base::helpers::{HELPERS, inject_helpers};
use swc_ecma_transforms_base::hygiene::hygiene;
use swc_ecma_transforms_base::rename::{RenameMap, rename};
use swc_ecma_transforms_module::common_js::{FeatureFlag, common_js};
use swc_ecma_transforms_module::path::Resolver;
use swc_ecma_transforms_module::util::Config;

use super::parse::{Kind, Parsed, is_module};

/// The CommonJS of a file.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) source: String,
    /// Version 3, as JSON.
    pub(super) map: Option<String>,
}

/// Of an ES module, or of TypeScript; inside of [`super::parse::with_globals`] only.
///
/// # Errors
/// The printer's, which no readable file causes.
pub(super) fn to_commonjs(parsed: Parsed) -> Result<Code, std::io::Error> {
    let Parsed { program, kind, unresolved, top_level, sources, helpers, .. } = parsed;
    let has_module_syntax = is_module(&program);
    let config = Config {
        // A file of TypeScript without import and export is a script, which `tsc` leaves sloppy.
        strict_mode: has_module_syntax || kind == Kind::EsModule,
        allow_top_level_this: !has_module_syntax && kind == Kind::TypeScript,
        ..Config::default()
    };
    let features = FeatureFlag { support_block_scoping: true, support_arrow: true };
    let program = HELPERS.set(&helpers, || {
        program
            .apply(common_js(Resolver::Default, unresolved, config, features))
            .apply(rename(&own_names(top_level)))
            .apply(inject_helpers(unresolved))
            .apply(hygiene())
            .apply(fixer(None))
    });
    let (mut printed, mut mappings) = (Vec::new(), Vec::new());
    let writer = JsWriter::new(sources.clone(), "\n", &mut printed, Some(&mut mappings));
    let mut emitter = Emitter { cfg: PrintConfig::default(), cm: sources.clone(), comments: None, wr: writer };
    emitter.emit_program(&program)?;
    let mut map = Vec::new();
    sources.build_source_map(&mappings, None, Positions).to_writer(&mut map).map_err(std::io::Error::other)?;
    Ok(Code { source: into_text(printed)?, map: Some(into_text(map)?) })
}

/// Names that ES modules may declare, as `__dirname` often is, and that CommonJS has already.
fn own_names(top_level: Mark) -> RenameMap {
    let context = SyntaxContext::empty().apply_mark(top_level);
    let names = ["__dirname", "__filename", "exports", "module", "require"];
    names
        .map(|name| (Ident::new(name.into(), DUMMY_SP, context).to_id(), format!("own_{name}").into()))
        .into_iter()
        .collect()
}

fn into_text(bytes: Vec<u8>) -> Result<String, std::io::Error> {
    String::from_utf8(bytes).map_err(std::io::Error::other)
}

/// Only positions: the text of the source is not read from a map.
struct Positions;

impl SourceMapGenConfig for Positions {
    fn file_name_to_source(&self, name: &FileName) -> String {
        name.to_string().trim_matches(['<', '>']).to_owned()
    }

    fn inline_sources_content(&self, _: &FileName) -> bool {
        false
    }

    fn name_for_bytepos(&self, _: BytePos) -> Option<&str> {
        None
    }
}

/// CommonJS as it was written, but for what no wrapper can hold: a `#!` becomes a comment, and each `import(…)` a promise of what
/// `require` gives. No line moves.
pub(super) fn keep(text: &str, dynamic_imports: &[Range<usize>]) -> Code {
    let mut source = String::with_capacity(text.len() + dynamic_imports.len() * IMPORT.len());
    let mut done = 0;
    if text.starts_with("#!") {
        source.push_str("//");
        done = 2;
    }
    for keyword in dynamic_imports {
        if let Some(before) = text.get(done..keyword.start) {
            source.push_str(before);
            source.push_str(IMPORT);
            done = keyword.end;
        }
    }
    source.push_str(text.get(done..).unwrap_or_default());
    Code { source, map: None }
}

/// Stands for the keyword `import` of an import inside of code. What it gives has the shape of an ES module.
const IMPORT: &str = "((name)=>Promise.resolve().then(()=>((found)=>found&&found.__esModule?found:\
    Object.assign(Object.create(null),Object(found)===found?found:null,{default:found}))(require(name))))";
