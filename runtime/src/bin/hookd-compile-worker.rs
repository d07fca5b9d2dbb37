//! The compile child by itself: a component on stdin, machine code on stdout. `hookd compile-module` is the same
//! function; this one is for programs that embed the engine, and for its tests.

fn main() -> Result<(), hookd_runtime::CompileWorkerError> {
    hookd_runtime::compile_worker()
}
