//! The blocks of QuickJS, which frees without telling their sizes.

use std::alloc::{GlobalAlloc as _, Layout};
use std::ptr;

use rquickjs::allocator::Allocator;

use crate::allocator::{MEMORY, UNIT};

/// In front of each larger block stands its size.
const HEADER_BYTES: usize = UNIT;

/// A small block for QuickJS, which keeps its size; see `quickjs.patch`.
#[unsafe(no_mangle)]
extern "C" fn hookd_small_alloc(units: usize) -> *mut u8 {
    // SAFETY: QuickJS's blocks have a header at least, and its sizes are small ones.
    unsafe { MEMORY.alloc(Layout::from_size_align_unchecked(units * UNIT, UNIT)) }
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
