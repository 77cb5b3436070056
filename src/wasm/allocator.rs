//! Small blocks from free lists by size class, everything else from dlmalloc; memory from the host in large steps.
//!
//! A row is one small block, made and dropped with each change. dlmalloc searches and merges; a free list per class of 16
//! bytes pops and pushes (measured six times quicker under churn, `www/docs/performance.md`). Freed blocks stay with their
//! class. WebAssembly here has one thread.
//!
//! Each time that a memory grows, V8 takes the whole of it for newly allocated, and begins to collect the page's garbage for
//! it. Grown by pages of 64 kB, as the standard allocator does it, a load of a million rows caused 770 full collections, a
//! quarter of its time with next to nothing on the page's heap; grown by a sixteenth of what is there, a handful.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

use core::arch::wasm32::{memory_grow, memory_size};
use dlmalloc::{Allocator, Dlmalloc};

const PAGE: usize = 64 * 1024;
/// A memory grows by at least this part of itself, up to so many pages.
const SHARE: usize = 16;
const MOST_PAGES: usize = 256;

/// The memory of the instance.
struct Pages;

// SAFETY: pages are handed out once, from where the memory ended; nothing is ever taken back.
unsafe impl Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let needed = size.div_ceil(PAGE);
        let ahead = (memory_size(0) / SHARE).min(MOST_PAGES).max(needed);
        for pages in [ahead, needed] {
            let end = memory_grow(0, pages);
            if end != usize::MAX {
                // A region that ends where the address space does would wrap around.
                let wraps = (end + pages).checked_mul(PAGE).is_none();
                return ((end * PAGE) as *mut u8, pages * PAGE - if wraps { 16 } else { 0 }, 0);
            }
        }
        (null_mut(), 0, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}

const STEP: usize = 16;
const LARGEST: usize = 512;
const CLASSES: usize = LARGEST / STEP;
/// Blocks are cut from chunks of this size.
const CHUNK: usize = 64 * 1024;

struct Free {
    next: *mut Free,
}

struct State {
    lists: [*mut Free; CLASSES],
    chunk: *mut u8,
    left: usize,
    large: Dlmalloc<Pages>,
    /// Bytes of blocks that are in use.
    used: usize,
}

struct SizeClasses {
    state: UnsafeCell<State>,
}

// SAFETY: this target has one thread (no `atomics` feature); the room is compiled for wasm32 only.
unsafe impl Sync for SizeClasses {}

#[cfg(target_feature = "atomics")]
compile_error!("the size-class allocator is for one thread");

#[global_allocator]
static ALLOCATOR: SizeClasses = SizeClasses {
    state: UnsafeCell::new(State {
        lists: [null_mut(); CLASSES],
        chunk: null_mut(),
        left: 0,
        large: Dlmalloc::new_with_allocator(Pages),
        used: 0,
    }),
};

/// Bytes of blocks in use: the memory of the instance holds these, and what is free to be used again.
pub fn allocated() -> usize {
    // SAFETY: one thread, and no allocation while this reads.
    unsafe { (*ALLOCATOR.state.get()).used }
}

/// Bytes that a block for so many takes.
pub fn size(bytes: usize) -> usize {
    if bytes <= LARGEST { bytes.div_ceil(STEP) * STEP } else { bytes }
}

fn class(layout: Layout) -> Option<usize> {
    (layout.size() <= LARGEST && layout.align() <= STEP && layout.size() > 0).then(|| (layout.size() - 1) / STEP)
}

// SAFETY: a block of class c is (c + 1) × 16 bytes, 16-aligned, handed out once until freed; other layouts go to dlmalloc,
// and `class` decides alike in `alloc`, `realloc` and `dealloc`.
unsafe impl GlobalAlloc for SizeClasses {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let state = unsafe { &mut *self.state.get() };
        let Some(class) = class(layout) else {
            let block = unsafe { state.large.malloc(layout.size(), layout.align()) };
            if !block.is_null() {
                state.used += layout.size();
            }
            return block;
        };
        let head = state.lists[class];
        let size = (class + 1) * STEP;
        if !head.is_null() {
            state.used += size;
            state.lists[class] = unsafe { (*head).next };
            return head.cast();
        }
        if state.left < size {
            let chunk = unsafe { state.large.malloc(CHUNK, STEP) };
            if chunk.is_null() {
                return null_mut();
            }
            state.chunk = chunk;
            state.left = CHUNK;
        }
        let block = state.chunk;
        state.chunk = unsafe { block.add(size) };
        state.left -= size;
        state.used += size;
        block
    }

    /// Large blocks grow in place where there is room behind them.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let state = unsafe { &mut *self.state.get() };
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        if class(layout).is_none() && class(new).is_none() && new_size > 0 {
            let moved = unsafe { state.large.realloc(block, layout.size(), layout.align(), new_size) };
            if !moved.is_null() {
                state.used += new_size;
                state.used -= layout.size();
            }
            return moved;
        }
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            unsafe { block.copy_to_nonoverlapping(moved, layout.size().min(new_size)) };
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }

    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let state = unsafe { &mut *self.state.get() };
        let Some(class) = class(layout) else {
            state.used -= layout.size();
            return unsafe { state.large.free(block, layout.size(), layout.align()) };
        };
        state.used -= (class + 1) * STEP;
        let free: *mut Free = block.cast();
        unsafe { (*free).next = state.lists[class] };
        state.lists[class] = free;
    }
}
