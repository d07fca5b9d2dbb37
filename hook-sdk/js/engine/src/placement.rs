//! Where blocks of the time before the snapshot lie.
//!
//! Most of them are freed before the snapshot, and would leave holes all over it. So a bundle is loaded twice. Both times the
//! same blocks are allocated in the same order. The first load counts them, and records which ones were freed. In the second
//! load those that stay follow each other. The others lie behind them, in memory that is empty in the end.

use std::alloc::Layout;
use std::cell::Cell;

use crate::growth;

/// A bit for each block of the first load. Blocks beyond it count as freed ones.
const RECORD_BYTES: usize = 4 << 20;
/// Bytes in front of each block of the first load, for its number.
const NUMBER_BYTES: usize = 8;

/// Where a new block goes.
pub(crate) enum Place {
    /// In the first load: anywhere, with its number in front of it.
    Numbered(usize),
    /// In the second load: here, to stay.
    Here(*mut u8),
    /// In the second load: where blocks are that will be freed.
    Passing,
}

pub(crate) struct Placement {
    /// Where the record is: a bit for each block by its number, set when it was freed. Zero before the first block.
    record: Cell<usize>,
    record_bytes: Cell<usize>,
    /// Blocks so far.
    blocks: Cell<usize>,
    /// Bytes of blocks in use: in the first load of all, in the second of those that pass.
    bytes_in_use: Cell<usize>,
    /// In the second load: memory for blocks that stay, and where the next one goes. Zeros in the first load.
    start: Cell<usize>,
    next: Cell<usize>,
    end: Cell<usize>,
}

/// What a first load leaves for the second one.
pub(crate) struct Record {
    pub(crate) address: usize,
    pub(crate) bytes: usize,
    /// Memory for the blocks that stay.
    pub(crate) kept_bytes: usize,
}

impl Placement {
    pub(crate) const fn new() -> Self {
        Self {
            record: Cell::new(0),
            record_bytes: Cell::new(0),
            blocks: Cell::new(0),
            bytes_in_use: Cell::new(0),
            start: Cell::new(0),
            next: Cell::new(0),
            end: Cell::new(0),
        }
    }

    /// The record of this load; there is one when it was a first load.
    pub(crate) fn record(&self) -> Record {
        let bytes = self.blocks.get().div_ceil(8).min(self.record_bytes.get());
        Record { address: self.record.get(), bytes, kept_bytes: self.bytes_in_use.get() }
    }

    /// Makes this a second load. Answers where the record belongs; none without memory.
    pub(crate) fn begin_second_load(&self, record_bytes: usize, kept_bytes: usize) -> Option<usize> {
        let start = growth::grow(kept_bytes)?;
        let record = growth::grow(record_bytes)?;
        self.record.set(record);
        self.record_bytes.set(record_bytes);
        self.start.set(start);
        self.next.set(start);
        self.end.set(start + kept_bytes);
        Some(record)
    }

    fn is_second_load(&self) -> bool {
        self.end.get() != 0
    }

    /// The place of a new block; none without memory.
    pub(crate) fn place(&self, layout: &Layout) -> Option<Place> {
        if self.record.get() == 0 {
            self.record.set(growth::grow(RECORD_BYTES)?);
            self.record_bytes.set(RECORD_BYTES);
        }
        let number = self.blocks.get();
        self.blocks.set(number + 1);
        if self.is_second_load() && !self.is_freed(number) {
            let start = self.next.get().next_multiple_of(layout.align().max(NUMBER_BYTES));
            let end = start + layout.size().next_multiple_of(NUMBER_BYTES);
            if end <= self.end.get() {
                self.next.set(end);
                return Some(Place::Here(start as *mut u8));
            }
        }
        self.bytes_in_use.set(self.bytes_in_use.get() + footprint(layout));
        Some(if self.is_second_load() { Place::Passing } else { Place::Numbered(number) })
    }

    /// Of a block that is no longer in use: where it was placed.
    ///
    /// # Safety
    ///
    /// The block was placed with this layout, and in a first load its number is in front of it.
    pub(crate) unsafe fn free(&self, block: *mut u8, layout: &Layout) -> Place {
        let is_second = self.is_second_load();
        if is_second && (self.start.get()..self.end.get()).contains(&block.addr()) {
            return Place::Here(block);
        }
        self.bytes_in_use.set(self.bytes_in_use.get() - footprint(layout));
        if is_second {
            return Place::Passing;
        }
        // SAFETY: the caller's promise.
        let number = unsafe { block.sub(NUMBER_BYTES).cast::<usize>().read() };
        if let Some((byte, bit)) = self.bit(number) {
            // SAFETY: the byte is inside the record.
            unsafe { byte.write(byte.read() | bit) };
        }
        Place::Numbered(number)
    }

    fn is_freed(&self, number: usize) -> bool {
        // SAFETY: the byte is inside the record.
        self.bit(number).is_none_or(|(byte, bit)| unsafe { byte.read() } & bit != 0)
    }

    fn bit(&self, number: usize) -> Option<(*mut u8, u8)> {
        let byte = number / 8;
        (byte < self.record_bytes.get()).then(|| ((self.record.get() + byte) as *mut u8, 1 << (number % 8)))
    }

    /// After a second load: where the blocks end that stay, when all others are free.
    pub(crate) fn end_of_kept(&self) -> Option<usize> {
        (self.is_second_load() && self.bytes_in_use.get() == 0).then_some(self.end.get())
    }
}

/// The most that a block takes among others.
fn footprint(layout: &Layout) -> usize {
    layout.size().next_multiple_of(NUMBER_BYTES) + layout.align().saturating_sub(NUMBER_BYTES)
}

/// A block with its number in front of it, and how many bytes stand in front.
pub(crate) fn with_number(layout: &Layout) -> Option<(Layout, usize)> {
    let room = layout.align().max(NUMBER_BYTES);
    let bytes = layout.size().checked_add(room)?;
    Some((Layout::from_size_align(bytes, room).ok()?, room))
}

/// Writes the number in front of a block.
///
/// # Safety
///
/// The block has the room of [`with_number`] in front.
pub(crate) unsafe fn write_number(block: *mut u8, number: usize) {
    // SAFETY: the caller's promise.
    unsafe { block.sub(NUMBER_BYTES).cast::<usize>().write(number) };
}
