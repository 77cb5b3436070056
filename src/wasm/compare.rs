//! `memcmp`, by words. The standard library's own for this target goes byte by byte, eight instructions for each, and rows,
//! keys and texts are compared by it all over the engine. The linker takes this one, as that is weak.

/// Eight bytes.
///
/// # Safety
/// They must be readable.
#[inline(always)]
unsafe fn word(at: *const u8) -> u64 {
    unsafe { at.cast::<u64>().read_unaligned() }
}

/// Below 0, 0 or above: the first byte that differs decides.
///
/// Not by slices, whose comparison would call this.
///
/// # Safety
/// As in C: both point at `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    let mut at = 0;
    while at + 8 <= len {
        // SAFETY: within `len`.
        let (x, y) = unsafe { (word(a.add(at)), word(b.add(at))) };
        if x != y {
            // Little endian: the first byte is the lowest.
            let bits = (x ^ y).trailing_zeros() & !7;
            return (x >> bits) as u8 as i32 - (y >> bits) as u8 as i32;
        }
        at += 8;
    }
    while at < len {
        // SAFETY: within `len`.
        let (x, y) = unsafe { (*a.add(at), *b.add(at)) };
        if x != y {
            return i32::from(x) - i32::from(y);
        }
        at += 1;
    }
    0
}
