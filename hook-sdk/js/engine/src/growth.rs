//! Memory that the allocator grows by.

use std::alloc::Layout;
use std::cell::Cell;

use talc::base::{Talc, binning::Binning};
use talc::source::Source;

/// The unit of `memory.grow`.
const WASM_PAGE_BYTES: usize = 64 * 1024;
/// What a general allocator's own bookkeeping may add to an allocation.
pub(crate) const OVERHEAD_BYTES: usize = 256;

static UNUSED: Unused = Unused { start: Cell::new(0), end: Cell::new(0) };

/// Memory of the engine that nothing uses, and that is zero.
struct Unused {
    start: Cell<usize>,
    end: Cell<usize>,
}

// SAFETY: a module has one thread.
unsafe impl Sync for Unused {}

/// At least as much memory as is asked for, in whole pages; zero.
pub(crate) fn grow(bytes: usize) -> Option<usize> {
    let bytes = bytes.checked_next_multiple_of(WASM_PAGE_BYTES)?;
    let start = UNUSED.start.get();
    if UNUSED.end.get() - start >= bytes {
        UNUSED.start.set(start + bytes);
        return Some(start);
    }
    let first_page = core::arch::wasm32::memory_grow::<0>(bytes / WASM_PAGE_BYTES);
    (first_page != usize::MAX).then(|| first_page * WASM_PAGE_BYTES)
}

/// Clears all memory from `start` on. [`grow`] hands it out again.
///
/// # Safety
///
/// Nothing in it is in use.
pub(crate) unsafe fn clear_from(start: usize) {
    let end = memory_bytes();
    // SAFETY: the caller's promise.
    unsafe { (start as *mut u8).write_bytes(0, end - start) };
    UNUSED.start.set(start.next_multiple_of(WASM_PAGE_BYTES));
    UNUSED.end.set(end);
}

/// Gives up what is unused; how much memory there is without it, in bytes.
pub(crate) fn shrink() -> usize {
    let unused = UNUSED.end.take() - UNUSED.start.take();
    memory_bytes() - unused
}

fn memory_bytes() -> usize {
    core::arch::wasm32::memory_size::<0>() * WASM_PAGE_BYTES
}

/// Memory for the general allocators.
#[derive(Debug)]
pub(crate) struct Growth;

// SAFETY: it does not allocate, and hands each piece of memory out once.
unsafe impl Source for Growth {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let needed = layout.size().checked_add(layout.align() + OVERHEAD_BYTES).ok_or(())?;
        let bytes = needed.next_multiple_of(WASM_PAGE_BYTES);
        let start = grow(bytes).ok_or(())?;
        // SAFETY: the memory is new.
        unsafe { talc.claim(start as *mut u8, bytes) }.map(|_| ()).ok_or(())
    }
}
