//! How wasmtime is set up.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::call_slots::nested_calls;
use crate::config::{EngineConfig, GUEST_STACK_BYTES};

/// Memory that stays in a slot between two calls instead of going back to the kernel: more than a Rust hook's whole
/// initial memory (a 64 KiB stack, data and an arena), so that its slot is reset by copying the pages it dirtied, without a
/// system call that would take the process's memory map lock.
const MEMORY_KEEP_RESIDENT: usize = 1 << 20;
/// The same for tables; a Rust hook's has a few hundred elements of eight bytes.
const TABLE_KEEP_RESIDENT: usize = 64 << 10;
/// Modules inside one component. Ordinary hooks have three; a Python hook links about twenty libraries.
const CORE_INSTANCES_PER_CALL: u32 = 64;
/// Modules that are asked for their definitions at the same time, besides the calls.
pub(crate) const DEPLOYMENTS: u32 = 4;
/// One for the hook; adapters may bring one of their own.
const MEMORIES_PER_CALL: u32 = 2;
/// One per core module that makes indirect calls, and some for adapters.
const TABLES_PER_CALL: u32 = 16;

/// What machine code depends on. The compile child and the running engine share it: the same input must give the same
/// compatibility hash.
fn code_config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // Concurrent component calls (WASI 0.3) are not offered; without them a store needs no task tables.
    config.concurrency_support(false);
    config
}

/// The configuration of the compile child.
pub(crate) fn compile_config() -> Config {
    let mut config = code_config();
    config.max_wasm_stack(GUEST_STACK_BYTES);
    config
}

/// The configuration of the engine that runs guests.
pub(super) fn run_config(engine: &EngineConfig) -> Config {
    let mut config = code_config();
    config.memory_init_cow(true);
    config.max_wasm_stack(engine.guest_stack_bytes);
    config.async_stack_size(engine.guest_stack_bytes * 2);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
        engine
            .concurrent_calls
            .saturating_add(nested_calls(engine.concurrent_calls))
            .saturating_add(DEPLOYMENTS)
            .saturating_add(engine.idle_instances),
    )));
    config
}

/// Every number follows from `calls`, the number of guests that run at the same time and of warm instances that wait;
/// semaphores and bounds that add up to it stand in front, so the pool is never asked for more.
fn pool(calls: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // One component instance and one stack per call.
    pool.total_component_instances(calls);
    pool.total_stacks(calls);
    // What one component may contain is bounded, so that the totals suffice when all calls run the largest one.
    pool.max_core_instances_per_component(CORE_INSTANCES_PER_CALL);
    pool.total_core_instances(calls.saturating_mul(CORE_INSTANCES_PER_CALL));
    pool.max_memories_per_component(MEMORIES_PER_CALL);
    pool.total_memories(calls.saturating_mul(MEMORIES_PER_CALL));
    pool.max_tables_per_component(TABLES_PER_CALL);
    pool.max_tables_per_module(4);
    pool.total_tables(calls.saturating_mul(TABLES_PER_CALL));
    // Bookkeeping of instances lives on the heap: the bounds are for hostile components, the sizes for real ones.
    pool.max_component_instance_size(4 << 20);
    pool.max_core_instance_size(4 << 20);
    pool.linear_memory_keep_resident(MEMORY_KEEP_RESIDENT);
    pool.table_keep_resident(TABLE_KEEP_RESIDENT);
    // Where the kernel can report which pages were written, resetting a slot touches those only.
    pool.pagemap_scan(Enabled::Auto);
    pool
}

/// Names the artifacts that an engine can load.
pub(crate) fn compatibility_hash(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}
