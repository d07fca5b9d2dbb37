//! Memory for QuickJS and Rust, made so that a call of a fresh instance writes to few pages.
//!
//! Each page of the snapshot that a call writes to has to be copied for it, and reset after it. So what was allocated before
//! the snapshot is never handed out again: the holes that were freed there lie all over the memory. Allocations of calls
//! follow each other in memory of their own, which is part of the initial memory, and what was freed last is handed out first.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;

use rquickjs::allocator::Allocator;
use talc::base::{Talc, binning::Binning};
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// Small blocks have multiples of it as sizes and addresses.
const UNIT: usize = 8;
/// The largest small block. A larger one is a general allocator's.
const SMALL_BYTES: usize = 1024;
/// In front of each larger block of QuickJS, which frees without telling the size, stands the size.
const HEADER_BYTES: usize = UNIT;
/// Memory for small blocks that is taken at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Memory that instances begin with, for small and for larger blocks: several times what an ordinary call takes. The first
/// `memory.grow` of an instance costs as much as a call.
const FIRST_SMALL_BYTES: usize = 128 * 1024;
const FIRST_LARGE_BYTES: usize = 128 * 1024;
/// The unit of `memory.grow`.
const WASM_PAGE_BYTES: usize = 64 * 1024;
/// What a general allocator's own bookkeeping may add to an allocation.
const OVERHEAD_BYTES: usize = 256;

#[global_allocator]
static MEMORY: Memory = Memory {
    freed: [const { Cell::new(ptr::null_mut()) }; SMALL_BYTES / UNIT + 1],
    next: Cell::new(0),
    end: Cell::new(0),
    snapshot_end: Cell::new(0),
    large_before: TalcSyncCell::new_wasm(Growth),
    large: TalcSyncCell::new_wasm(Growth),
};

struct Memory {
    /// Freed small blocks by their size in units. Each holds the address of the one that was freed before it.
    freed: [Cell<*mut u8>; SMALL_BYTES / UNIT + 1],
    /// Where the memory for small blocks goes on that was never used, and where it ends.
    next: Cell<usize>,
    end: Cell<usize>,
    /// Blocks below it are of the time before the snapshot; zero in that time.
    snapshot_end: Cell<usize>,
    /// Larger blocks of the time before the snapshot.
    large_before: TalcSyncCell<Growth, WasmBinning>,
    /// Larger blocks of calls.
    large: TalcSyncCell<Growth, WasmBinning>,
}

// SAFETY: a module has one thread.
unsafe impl Sync for Memory {}

/// What exists from now on stays where it is: the snapshot is taken next. Answers where it ends, or none without memory.
pub(crate) fn begin_snapshot() -> Option<usize> {
    let start = grow(FIRST_SMALL_BYTES)?;
    for freed in &MEMORY.freed {
        freed.set(ptr::null_mut());
    }
    MEMORY.next.set(start);
    MEMORY.end.set(start + FIRST_SMALL_BYTES);
    MEMORY.snapshot_end.set(start);
    // The allocator keeps what it grew by.
    let first = Layout::from_size_align(FIRST_LARGE_BYTES - OVERHEAD_BYTES, UNIT).ok()?;
    // SAFETY: the layout is not empty, and the block is freed as it was allocated.
    unsafe {
        let block = MEMORY.large.alloc(first);
        if !block.is_null() {
            MEMORY.large.dealloc(block, first);
        }
        (!block.is_null()).then_some(start)
    }
}

/// New memory from the engine; at least as much as is asked for.
fn grow(bytes: usize) -> Option<usize> {
    let first_page = core::arch::wasm32::memory_grow::<0>(bytes.div_ceil(WASM_PAGE_BYTES));
    (first_page != usize::MAX).then(|| first_page * WASM_PAGE_BYTES)
}

/// How many units a block takes if it is a small one.
fn units(layout: &Layout) -> Option<usize> {
    (layout.size() <= SMALL_BYTES && layout.align() <= UNIT).then(|| layout.size().div_ceil(UNIT))
}

impl Memory {
    fn large(&self) -> &TalcSyncCell<Growth, WasmBinning> {
        if self.snapshot_end.get() == 0 { &self.large_before } else { &self.large }
    }

    /// True when the block is of the time before the snapshot and is not to be handed out again.
    fn is_kept(&self, block: *mut u8) -> bool {
        block.addr() < self.snapshot_end.get()
    }

    fn small(&self, units: usize) -> *mut u8 {
        let Some(freed) = self.freed.get(units) else { return ptr::null_mut() };
        let block = freed.get();
        if !block.is_null() {
            // SAFETY: it was freed, and holds the address of another freed one or null.
            freed.set(unsafe { block.cast::<*mut u8>().read() });
            return block;
        }
        let bytes = units * UNIT;
        if self.end.get() - self.next.get() < bytes {
            let Some(start) = grow(CHUNK_BYTES) else { return ptr::null_mut() };
            if start != self.end.get() {
                self.next.set(start);
            }
            self.end.set(start + CHUNK_BYTES);
        }
        let block = self.next.get();
        self.next.set(block + bytes);
        block as *mut u8
    }
}

// SAFETY: blocks do not overlap while they are in use: a small one is handed out again only after it was freed, and large
// ones are the general allocators'.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match units(&layout) {
            Some(units) => self.small(units),
            // SAFETY: the caller's promises.
            None => unsafe { self.large().alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.is_kept(block) {
            return;
        }
        if self.snapshot_end.get() == 0 {
            // What is freed before the snapshot takes no room in it.
            // SAFETY: the block is that long, and no longer in use.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        match units(&layout).and_then(|units| self.freed.get(units)) {
            Some(freed) => {
                // SAFETY: the block is at least one unit long, and no longer in use.
                unsafe { block.cast::<*mut u8>().write(freed.get()) };
                freed.set(block);
            }
            // SAFETY: a large block that is not kept is of the allocator in use.
            None => unsafe { self.large().dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size is valid for this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (units(&layout), units(&wanted)) {
            (Some(have), Some(want)) if have == want => return block,
            // Before the snapshot a block moves by `dealloc`, which leaves zeros.
            (None, None) if self.snapshot_end.get() != 0 && !self.is_kept(block) => {
                // SAFETY: as for `dealloc`.
                return unsafe { self.large().realloc(block, layout, size) };
            }
            _ => {}
        }
        // SAFETY: the caller's promises; both blocks are as long as what is copied, and do not overlap.
        unsafe {
            let other = self.alloc(wanted);
            if !other.is_null() {
                ptr::copy_nonoverlapping(block, other, layout.size().min(size));
                self.dealloc(block, layout);
            }
            other
        }
    }
}

/// A small block for QuickJS, which keeps its size; see `quickjs.patch`.
#[unsafe(no_mangle)]
extern "C" fn hookd_small_alloc(units: usize) -> *mut u8 {
    MEMORY.small(units)
}

/// # Safety
///
/// The block is one of [`hookd_small_alloc`] with as many units, and no longer in use.
#[unsafe(no_mangle)]
unsafe extern "C" fn hookd_small_free(block: *mut u8, units: usize) {
    // SAFETY: the caller's promise; a small block has such a layout.
    unsafe { MEMORY.dealloc(block, Layout::from_size_align_unchecked(units * UNIT, UNIT)) };
}

/// The same memory for the larger blocks of QuickJS.
pub(crate) struct QuickJsMemory;

/// A block with its header. None where there cannot be such a block.
fn with_header(size: usize) -> Option<Layout> {
    let size = size.checked_add(HEADER_BYTES + UNIT - 1)? / UNIT * UNIT;
    Layout::from_size_align(size, UNIT).ok()
}

/// The block behind a pointer of QuickJS.
///
/// # Safety
///
/// The pointer is of [`QuickJsMemory`], and in use.
unsafe fn block_of(pointer: *mut u8) -> (*mut u8, Layout) {
    // SAFETY: the header is in front of what QuickJS got.
    unsafe {
        let block = pointer.sub(HEADER_BYTES);
        (block, Layout::from_size_align_unchecked(block.cast::<usize>().read(), UNIT))
    }
}

/// Writes the header; the pointer for QuickJS.
///
/// # Safety
///
/// The block is null, or has that many bytes.
unsafe fn begin(block: *mut u8, bytes: usize) -> *mut u8 {
    if block.is_null() {
        return block;
    }
    // SAFETY: a block has its header at least.
    unsafe {
        block.cast::<usize>().write(bytes);
        block.add(HEADER_BYTES)
    }
}

// SAFETY: blocks are those of the global allocator, with their sizes in front.
unsafe impl Allocator for QuickJsMemory {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        let Some(layout) = with_header(size) else { return ptr::null_mut() };
        // SAFETY: the layout is not empty.
        unsafe { begin(MEMORY.alloc(layout), layout.size()) }
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(bytes) = count.checked_mul(size) else { return ptr::null_mut() };
        let block = self.alloc(bytes);
        if !block.is_null() {
            // SAFETY: it is that long.
            unsafe { block.write_bytes(0, bytes) };
        }
        block
    }

    unsafe fn dealloc(&mut self, pointer: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            let (block, layout) = block_of(pointer);
            MEMORY.dealloc(block, layout);
        }
    }

    unsafe fn realloc(&mut self, pointer: *mut u8, size: usize) -> *mut u8 {
        if pointer.is_null() {
            return self.alloc(size);
        }
        let Some(wanted) = with_header(size) else { return ptr::null_mut() };
        // SAFETY: the caller's promise.
        unsafe {
            let (block, layout) = block_of(pointer);
            begin(MEMORY.realloc(block, layout, wanted.size()), wanted.size())
        }
    }

    unsafe fn usable_size(pointer: *mut u8) -> usize {
        // SAFETY: the caller's promise.
        unsafe { block_of(pointer).1.size() - HEADER_BYTES }
    }
}

/// Memory for the general allocators.
#[derive(Debug)]
struct Growth;

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
