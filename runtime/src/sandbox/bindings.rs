//! Generated from `wit/`: the one contract between a module and the engine.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "module",
    imports: {
        "hookd:engine/leancache.execute": async,
        "hookd:engine/leancache.pipeline": async,
    },
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});
