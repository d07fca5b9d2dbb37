//! An allocator for short lives, inside the initial memory.
//!
//! What a call allocates is free again when it ends, so a pointer that only moves on does for an ordinary message, and costs
//! a fraction of a general allocator: [`Bump`]. What does not fit goes to one, in memory that it asks the engine for; the
//! first `memory.grow` of a fresh instance costs as much as an ordinary call.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;

use talc::base::{Talc, binning::Binning};
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// Several times what the hooks of a message of the largest size (5 KB) allocate in all.
const ARENA_BYTES: usize = 64 * 1024;

/// The unit of `memory.grow`.
const PAGE_BYTES: usize = 64 * 1024;

/// What the general allocator's own bookkeeping may add to an allocation.
const OVERHEAD_BYTES: usize = 256;

static mut ARENA: [u64; ARENA_BYTES / size_of::<u64>()] = [0; _];

#[global_allocator]
static ALLOCATOR: Bump = Bump { used: Cell::new(0), live: Cell::new(0), general: TalcSyncCell::new_wasm(Growth) };

/// Hands out one arena from its start to its end, and begins again whenever nothing of it is in use.
struct Bump {
    /// Bytes of the arena that are behind the pointer.
    used: Cell<usize>,
    /// Allocations in the arena that are in use.
    live: Cell<usize>,
    general: TalcSyncCell<Growth, WasmBinning>,
}

// SAFETY: a module has one thread.
unsafe impl Sync for Bump {}

impl Bump {
    fn start() -> usize {
        (&raw const ARENA).addr()
    }

    /// Where in the arena the memory lies, if it lies there.
    fn offset(memory: *mut u8) -> Option<usize> {
        memory.addr().checked_sub(Self::start()).filter(|offset| *offset < ARENA_BYTES)
    }

    /// Takes `size` bytes of the arena from `offset` on.
    fn take(&self, offset: usize, size: usize) -> bool {
        match offset.checked_add(size) {
            Some(end) if end <= ARENA_BYTES => {
                self.used.set(end);
                true
            }
            _ => false,
        }
    }
}

// SAFETY: pieces of the arena do not overlap while they are in use: the pointer moves back only over the last piece, or when
// there is none. All else is the general allocator's.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = Self::start();
        let offset = (start + self.used.get()).next_multiple_of(layout.align()) - start;
        if self.take(offset, layout.size()) {
            self.live.set(self.live.get() + 1);
            return (&raw mut ARENA).cast::<u8>().wrapping_add(offset);
        }
        // SAFETY: the caller's promises.
        unsafe { self.general.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let Some(offset) = Self::offset(memory) else {
            // SAFETY: it is not of the arena, so the general allocator gave it.
            return unsafe { self.general.dealloc(memory, layout) };
        };
        let live = self.live.get() - 1;
        self.live.set(live);
        if live == 0 {
            self.used.set(0);
        } else if offset + layout.size() == self.used.get() {
            self.used.set(offset);
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(offset) = Self::offset(memory) else {
            // SAFETY: it is not of the arena, so the general allocator gave it.
            return unsafe { self.general.realloc(memory, layout, size) };
        };
        let is_last = offset + layout.size() == self.used.get();
        if is_last && self.take(offset, size) || !is_last && size <= layout.size() {
            return memory;
        }
        // SAFETY: the caller promises that the size is valid for this alignment.
        let other = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !other.is_null() {
            // SAFETY: both are as long as what is copied, and the new piece does not overlap the old one, which is in use.
            unsafe {
                ptr::copy_nonoverlapping(memory, other, layout.size().min(size));
                self.dealloc(memory, layout);
            }
        }
        other
    }
}

/// Memory for the general allocator.
#[derive(Debug)]
struct Growth;

// SAFETY: it does not allocate, and hands each piece of memory out once.
unsafe impl Source for Growth {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
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
