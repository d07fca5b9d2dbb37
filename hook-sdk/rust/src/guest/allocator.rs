//! An allocator that begins inside the initial memory.
//!
//! The first `memory.grow` of a fresh instance costs as much as an ordinary call, so ordinary messages must fit into an
//! arena that the module brings along; only what does not fit grows the memory.

use std::alloc::Layout;

use talc::base::{Talc, binning::Binning};
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// Many times what a message of the largest size (5 KB) needs.
const ARENA_BYTES: usize = 128 * 1024;

/// The unit of `memory.grow`.
const PAGE_BYTES: usize = 64 * 1024;

/// What the allocator's own bookkeeping may add to an allocation.
const OVERHEAD_BYTES: usize = 256;

static mut ARENA: [u64; ARENA_BYTES / size_of::<u64>()] = [0; ARENA_BYTES / size_of::<u64>()];

#[global_allocator]
static ALLOCATOR: TalcSyncCell<ArenaThenGrowth, WasmBinning> =
    TalcSyncCell::new_wasm(ArenaThenGrowth { arena_is_free: true });

#[derive(Debug)]
struct ArenaThenGrowth {
    arena_is_free: bool,
}

// SAFETY: it does not allocate, and hands each piece of memory out once.
unsafe impl Source for ArenaThenGrowth {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        if talc.source.arena_is_free {
            talc.source.arena_is_free = false;
            let start = (&raw mut ARENA).cast::<u8>();
            // SAFETY: nothing else names the arena, and this happens once.
            return unsafe { talc.claim(start, ARENA_BYTES) }.map(|_| ()).ok_or(());
        }
        let needed = layout.size().checked_add(layout.align() + OVERHEAD_BYTES).ok_or(())?;
        let pages = needed.div_ceil(PAGE_BYTES);
        let first_page = core::arch::wasm32::memory_grow::<0>(pages);
        if first_page == usize::MAX {
            return Err(());
        }
        let start = (first_page * PAGE_BYTES) as *mut u8;
        // SAFETY: the pages are new.
        unsafe { talc.claim(start, pages * PAGE_BYTES) }.map(|_| ()).ok_or(())
    }
}
