//! The types of hooks for other languages, as `hook-types/generator` makes them.

/// A file of types: where it belongs in a folder, and its text.
pub type TypeFile = (&'static str, &'static str);

/// For TypeScript, and for JavaScript that an editor checks: modules by name, which count wherever in the project they are.
pub const TYPESCRIPT: [TypeFile; 2] = [
    ("leanengine/hooks.d.ts", include_str!("../../hook-sdk/js/types/hooks.d.ts")),
    ("leanengine/index.d.ts", include_str!("../../hook-sdk/js/types/index.d.ts")),
];

/// For type checkers of Python: the stub of a module that is there when the hook runs.
pub const PYTHON: [TypeFile; 2] =
    [("hookd/__init__.pyi", ""), ("hookd/hooks.pyi", include_str!("../../hook-sdk/python/src/hookd/hooks.py"))];
