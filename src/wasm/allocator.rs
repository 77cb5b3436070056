//! Small blocks from free lists by size class, everything else from the default allocator.
//!
//! A row is one small block, made and dropped with each change. The default allocator searches and merges; a free list per
//! class of 16 bytes pops and pushes (measured six times quicker under churn, `www/docs/performance.md`). Freed blocks stay
//! with their class. WebAssembly here has one thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

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
static ALLOCATOR: SizeClasses =
    SizeClasses { state: UnsafeCell::new(State { lists: [null_mut(); CLASSES], chunk: null_mut(), left: 0, used: 0 }) };

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

// SAFETY: a block of class c is (c + 1) × 16 bytes, 16-aligned, handed out once until freed; other layouts go to `System`,
// and `class` decides alike in `alloc` and `dealloc`.
unsafe impl GlobalAlloc for SizeClasses {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let state = unsafe { &mut *self.state.get() };
        let Some(class) = class(layout) else {
            state.used += layout.size();
            return unsafe { System.alloc(layout) };
        };
        state.used += (class + 1) * STEP;
        let head = state.lists[class];
        if !head.is_null() {
            state.lists[class] = unsafe { (*head).next };
            return head.cast();
        }
        let size = (class + 1) * STEP;
        if state.left < size {
            let chunk = unsafe { System.alloc(Layout::from_size_align_unchecked(CHUNK, STEP)) };
            if chunk.is_null() {
                return null_mut();
            }
            state.chunk = chunk;
            state.left = CHUNK;
        }
        let block = state.chunk;
        state.chunk = unsafe { block.add(size) };
        state.left -= size;
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let state = unsafe { &mut *self.state.get() };
        let Some(class) = class(layout) else {
            state.used -= layout.size();
            return unsafe { System.dealloc(block, layout) };
        };
        state.used -= (class + 1) * STEP;
        let free: *mut Free = block.cast();
        unsafe { (*free).next = state.lists[class] };
        state.lists[class] = free;
    }
}
