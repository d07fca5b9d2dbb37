//! The JavaScript engine of hookd's JavaScript hooks: QuickJS-ng behind hookd's contract.
//!
//! Not for hook authors: `hookd` holds it, built and compressed (`dist/`). At a release it evaluates the app's bundle in it
//! ([`prepare`]) and takes a snapshot of its memory; every instance of the app begins with that snapshot.

#[cfg(not(target_family = "wasm"))]
compile_error!("the engine is built for wasm32-unknown-unknown only: scripts/build-js-engine.sh");

mod allocator;
mod bytes;
mod call;
mod clock;
mod deadline;
mod encoding;
mod engine;
mod entry;
mod environment;
mod event_loop;
mod growth;
mod hashes;
mod host;
#[cfg(feature = "http")]
mod http;
mod jobs;
mod leancache;
mod log;
mod placement;
mod preparation;
mod prepare;
mod quickjs_memory;
mod random;
mod rejections;
mod shim;
mod text;
mod thrown;
mod timers;

#[allow(missing_docs, reason = "generated from the contract")]
mod bindings {
    #[cfg(not(feature = "http"))]
    wit_bindgen::generate!({
        path: ["../../../wit/0.2.0", "wit"],
        world: "hookd:js-engine/engine",
        generate_all,
    });
    #[cfg(feature = "http")]
    wit_bindgen::generate!({
        path: ["../../../wit/0.2.0", "wit"],
        world: "hookd:js-engine/engine-http",
        generate_all,
    });

    export!(Exports with_types_in self);

    use super::call;
    use exports::hookd::engine::background;
    use exports::hookd::engine::functions::{self, Context, Definition, Failure};

    struct Exports;

    impl functions::Guest for Exports {
        fn definitions() -> Vec<Definition> {
            call::definitions()
        }

        fn call(name: String, params: String, context: Context) -> Result<String, Failure> {
            call::call(&name, &params, &context)
        }
    }

    impl background::Guest for Exports {
        fn finish() {
            call::finish();
        }
    }
}
