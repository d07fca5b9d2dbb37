//! Generated from `wit/0.2.0`: the one contract between a module and the engine.

wasmtime::component::bindgen!({
    path: "../wit/0.2.0",
    // WASI is not generated: the crates that implement it bring their own.
    inline: "
        package hookd:host;
        world module {
            import wasi:logging/logging@0.1.0-draft;
            import hookd:engine/leancache@0.2.0;
            export hookd:engine/functions@0.2.0;
        }
    ",
    world: "hookd:host/module",
    imports: {
        "hookd:engine/leancache.execute": async,
        "hookd:engine/leancache.pipeline": async,
    },
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});

/// What a module exports whose work goes on after its reply.
pub(super) mod background {
    wasmtime::component::bindgen!({
        path: "../wit/0.2.0",
        inline: "
            package hookd:host;
            world works-on {
                export hookd:engine/background@0.2.0;
            }
        ",
        world: "hookd:host/works-on",
        exports: { default: async },
    });
}
