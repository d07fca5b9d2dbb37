//! Memory for QuickJS and Rust, made so that a call of a fresh instance writes to few pages.
//!
//! Each page of the snapshot that a call writes to has to be copied for it, and reset after it. So blocks of the snapshot stay
//! where they are, and their memory is never handed out again. Blocks of calls follow each other in memory of their own, which
//! is part of the initial memory, and what was freed last is handed out first.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ptr;

use talc::cell::TalcSyncCell;
use talc::wasm::WasmBinning;

use crate::growth::{self, Growth, OVERHEAD_BYTES, grow};
use crate::placement::{self, Place, Placement};

/// Small blocks have multiples of it as sizes and addresses.
pub(crate) const UNIT: usize = 8;
/// The largest small block. A larger one is a general allocator's.
const SMALL_BYTES: usize = 1024;
/// Memory for small blocks that is taken at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Memory that instances begin with, for small and for larger blocks: several times what an ordinary call takes. The first
/// `memory.grow` of an instance costs as much as a call.
const FIRST_SMALL_BYTES: usize = 128 * 1024;
const FIRST_LARGE_BYTES: usize = 128 * 1024;

#[global_allocator]
pub(crate) static MEMORY: Memory = Memory {
    placement: Placement::new(),
    freed: [const { Cell::new(ptr::null_mut()) }; SMALL_BYTES / UNIT + 1],
    next: Cell::new(0),
    end: Cell::new(0),
    snapshot_end: Cell::new(0),
    snapshot_bytes: Cell::new(0),
    large_before: TalcSyncCell::new_wasm(Growth),
    large: TalcSyncCell::new_wasm(Growth),
};

pub(crate) struct Memory {
    /// Where blocks of the time before the snapshot lie.
    pub(crate) placement: Placement,
    /// Freed small blocks by their size in units. Each holds the address of the one that was freed before it.
    freed: [Cell<*mut u8>; SMALL_BYTES / UNIT + 1],
    /// Where the memory for small blocks goes on that was never used, and where it ends.
    next: Cell<usize>,
    end: Cell<usize>,
    /// Blocks below it are of the time before the snapshot; zero in that time.
    snapshot_end: Cell<usize>,
    /// What instances begin with; zero before the snapshot.
    snapshot_bytes: Cell<usize>,
    /// Larger blocks of the time before the snapshot.
    large_before: TalcSyncCell<Growth, WasmBinning>,
    /// Larger blocks of calls.
    large: TalcSyncCell<Growth, WasmBinning>,
}

// SAFETY: a module has one thread.
unsafe impl Sync for Memory {}

/// What exists from now on stays where it is: the snapshot is taken next. Answers where it ends, or none without memory.
pub(crate) fn begin_snapshot() -> Option<usize> {
    for freed in &MEMORY.freed {
        freed.set(ptr::null_mut());
    }
    if let Some(end) = MEMORY.placement.end_of_kept() {
        // SAFETY: what is behind was freed, and no allocator uses it any more.
        unsafe { growth::clear_from(end) };
    }
    let start = grow(FIRST_SMALL_BYTES)?;
    MEMORY.next.set(start);
    MEMORY.end.set(start + FIRST_SMALL_BYTES);
    MEMORY.snapshot_end.set(start);
    // The allocator keeps what it grew by.
    let first = Layout::from_size_align(FIRST_LARGE_BYTES - OVERHEAD_BYTES, UNIT).ok()?;
    // SAFETY: the layout is not empty, and the block is freed as it was allocated.
    unsafe {
        let block = MEMORY.large.alloc(first);
        if block.is_null() {
            return None;
        }
        MEMORY.large.dealloc(block, first);
    }
    MEMORY.snapshot_bytes.set(growth::shrink());
    Some(start)
}

/// How much of the memory the snapshot is, in bytes; zero before [`begin_snapshot`].
pub(crate) fn snapshot_bytes() -> usize {
    MEMORY.snapshot_bytes.get()
}

/// How many units a block takes if it is a small one.
fn units(layout: &Layout) -> Option<usize> {
    (layout.size() <= SMALL_BYTES && layout.align() <= UNIT).then(|| layout.size().div_ceil(UNIT))
}

impl Memory {
    fn is_before_snapshot(&self) -> bool {
        self.snapshot_end.get() == 0
    }

    fn large(&self) -> &TalcSyncCell<Growth, WasmBinning> {
        if self.is_before_snapshot() { &self.large_before } else { &self.large }
    }

    /// True when the block is of the time before the snapshot and is not to be handed out again.
    fn is_kept(&self, block: *mut u8) -> bool {
        block.addr() < self.snapshot_end.get()
    }

    fn take(&self, layout: Layout) -> *mut u8 {
        match units(&layout) {
            Some(units) => self.small(units),
            // SAFETY: layouts of blocks are not empty.
            None => unsafe { self.large().alloc(layout) },
        }
    }

    /// # Safety
    ///
    /// The block is of [`Memory::take`] with this layout, and no longer in use.
    unsafe fn give_back(&self, block: *mut u8, layout: Layout) {
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

    fn take_before_snapshot(&self, layout: Layout) -> *mut u8 {
        match self.placement.place(&layout) {
            Some(Place::Here(block)) => block,
            Some(Place::Passing) => self.take(layout),
            Some(Place::Numbered(number)) => {
                let Some((whole, room)) = placement::with_number(&layout) else { return ptr::null_mut() };
                let block = self.take(whole);
                if block.is_null() {
                    return block;
                }
                // SAFETY: the block begins with the room.
                unsafe {
                    let block = block.add(room);
                    placement::write_number(block, number);
                    block
                }
            }
            None => ptr::null_mut(),
        }
    }

    /// # Safety
    ///
    /// The block is of [`Memory::take_before_snapshot`] with this layout, and no longer in use.
    unsafe fn give_back_before_snapshot(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe {
            // What is freed before the snapshot takes no room in it.
            block.write_bytes(0, layout.size());
            match self.placement.free(block, &layout) {
                Place::Here(_) => {}
                Place::Passing => self.give_back(block, layout),
                Place::Numbered(_) => {
                    if let Some((whole, room)) = placement::with_number(&layout) {
                        self.give_back(block.sub(room), whole);
                    }
                }
            }
        }
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
        if self.is_before_snapshot() { self.take_before_snapshot(layout) } else { self.take(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises.
        unsafe {
            if self.is_before_snapshot() {
                self.give_back_before_snapshot(block, layout);
            } else if !self.is_kept(block) {
                self.give_back(block, layout);
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size is valid for this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (units(&layout), units(&wanted)) {
            (Some(have), Some(want)) if have == want => return block,
            // Before the snapshot a block moves by `dealloc`, which leaves zeros.
            (None, None) if !self.is_before_snapshot() && !self.is_kept(block) => {
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
