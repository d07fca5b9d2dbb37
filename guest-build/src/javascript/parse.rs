//! Reads JavaScript and TypeScript.

use swc_common::sync::Lrc;
use swc_common::{BytePos, FileName, GLOBALS, Globals, Mark, SourceMap, Span};
use swc_ecma_ast::{EsVersion, Module, ModuleItem, Program};
use swc_ecma_parser::error::Error;
use swc_ecma_parser::{EsSyntax, Syntax, TsSyntax, parse_file_as_commonjs, parse_file_as_module};
use swc_ecma_transforms_base::helpers::{HELPERS, Helpers};
use swc_ecma_transforms_base::resolver;
use swc_ecma_transforms_typescript::strip;

/// Far more than any program has, and far less than what ends a thread for want of stack.
const MOST_NESTED: usize = 100_000;

/// What the name of a file, and the package that it belongs to, say about its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `.js` of a package without `"type": "module"`: an ES module if it imports or exports.
    JavaScript,
    /// `.cjs`.
    CommonJs,
    /// `.mjs`, or `.js` of a package with `"type": "module"`.
    EsModule,
    /// `.ts`, `.cts` and `.mts`.
    TypeScript,
}

/// A file as a tree, with the names resolved that it declares itself, and without types.
pub(super) struct Parsed {
    pub(super) program: Program,
    pub(super) kind: Kind,
    /// Of names that the file does not declare.
    pub(super) unresolved: Mark,
    /// Of names that it declares outside of functions.
    pub(super) top_level: Mark,
    pub(super) sources: Lrc<SourceMap>,
    /// Code that transforms need in the file.
    pub(super) helpers: Helpers,
    start: BytePos,
}

impl Parsed {
    /// The file's language is changed by the build: it is an ES module or TypeScript.
    pub(super) fn needs_transform(&self) -> bool {
        matches!(self.kind, Kind::EsModule | Kind::TypeScript)
    }

    /// The byte of the text at which something begins.
    pub(super) fn offset(&self, position: BytePos) -> usize {
        position.0.saturating_sub(self.start.0) as usize
    }
}

/// A place that cannot be read.
#[derive(Debug)]
pub(super) struct SyntaxProblem {
    pub(super) offset: usize,
    pub(super) text: String,
}

/// Calls `work` with what the parser and the transforms of a thread need.
pub(super) fn with_globals<R>(work: impl FnOnce() -> R) -> R {
    GLOBALS.set(&Globals::new(), work)
}

/// Reads a file; inside of [`with_globals`] only. `text` has no byte order mark.
///
/// # Errors
/// The places that are wrong, at least one.
pub(super) fn parse(path: &str, text: &str, kind: Kind) -> Result<Parsed, Vec<SyntaxProblem>> {
    if let Some(offset) = too_deep(text) {
        return Err(vec![SyntaxProblem { offset, text: "the code is nested too deeply".to_owned() }]);
    }
    let sources: Lrc<SourceMap> = Lrc::default();
    let file = sources.new_source_file(FileName::Custom(path.to_owned()).into(), text.to_owned());
    let start = file.start_pos;
    let as_module = |syntax| {
        let mut recovered = Vec::new();
        let parsed = parse_file_as_module(&file, syntax, EsVersion::EsNext, None, &mut recovered);
        collect(parsed.map(Program::Module), recovered, start)
    };
    let as_commonjs = || {
        let mut recovered = Vec::new();
        let parsed = parse_file_as_commonjs(&file, javascript(), EsVersion::EsNext, None, &mut recovered);
        collect(parsed.map(Program::Script), recovered, start)
    };
    let (program, kind) = match kind {
        Kind::TypeScript => (as_module(typescript())?, kind),
        Kind::EsModule => (as_module(javascript())?, kind),
        Kind::CommonJs => (as_commonjs()?, kind),
        Kind::JavaScript => match as_commonjs() {
            Ok(program) => (program, Kind::CommonJs),
            Err(problems) => match as_module(javascript()) {
                Ok(program) if is_module(&program) => (program, Kind::EsModule),
                // `import` where no module is expected is not what is wrong with a broken module.
                Err(others) if begins_like_a_module(text) => return Err(others),
                _ => return Err(problems),
            },
        },
    };
    let (unresolved, top_level) = (Mark::new(), Mark::new());
    let program = program.apply(resolver(unresolved, top_level, kind == Kind::TypeScript));
    let helpers = Helpers::new(false);
    let program = match kind {
        // First of all: an import of which only types are used is none.
        Kind::TypeScript => HELPERS.set(&helpers, || program.apply(strip(unresolved, top_level))),
        _ => program,
    };
    Ok(Parsed { program, kind, unresolved, top_level, sources, helpers, start })
}

/// Where more brackets are open than can be followed. Those in texts count too: they are closed again, or few.
fn too_deep(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    text.bytes().position(|byte| {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > MOST_NESTED
    })
}

fn collect(
    parsed: Result<Program, Error>,
    recovered: Vec<Error>,
    start: BytePos,
) -> Result<Program, Vec<SyntaxProblem>> {
    let problem = |error: &Error| SyntaxProblem {
        offset: swc_common::Spanned::span(error).lo.0.saturating_sub(start.0) as usize,
        text: error.kind().msg().into_owned(),
    };
    match parsed {
        Ok(program) if recovered.is_empty() => Ok(program),
        Ok(_) => Err(recovered.iter().map(problem).collect()),
        Err(error) => Err(vec![problem(&error)]),
    }
}

/// What the engine can run: nothing that is not in the standard yet.
fn javascript() -> Syntax {
    Syntax::Es(EsSyntax { import_attributes: true, allow_return_outside_function: true, ..EsSyntax::default() })
}

fn typescript() -> Syntax {
    Syntax::Typescript(TsSyntax { decorators: true, ..TsSyntax::default() })
}

/// True for a file that imports or exports.
pub(super) fn is_module(program: &Program) -> bool {
    let Program::Module(Module { body, .. }) = program else { return false };
    body.iter().any(|item| matches!(item, ModuleItem::ModuleDecl(_)))
}

fn begins_like_a_module(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("import ") || line.starts_with("export ") || line.starts_with("import{"))
}

/// The bytes of a piece of code.
pub(super) fn range(parsed: &Parsed, span: Span) -> std::ops::Range<usize> {
    parsed.offset(span.lo)..parsed.offset(span.hi)
}
