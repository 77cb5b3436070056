//! Characters of a JSON string that are looked at together: eight in a word, or sixteen in a vector where the engine runs.

pub(crate) use lane::{BYTES, look};

/// What a chunk holds, a mark per byte in the order of the bytes, [`APART`](lane::APART) bits from one to the next.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// Of quotes, backslashes and control characters. Marks behind the first may be false.
    specials: u64,
    /// Of bytes above 127.
    high: u64,
}

impl Seen {
    /// The first quote, backslash or control character.
    #[inline(always)]
    pub fn special(self) -> Option<usize> {
        (self.specials != 0).then(|| self.specials.trailing_zeros() as usize / lane::APART)
    }

    /// Whether a byte above 127 stands in front of it.
    #[inline(always)]
    pub fn high(self) -> bool {
        self.high & (self.specials & self.specials.wrapping_neg()).wrapping_sub(1) != 0
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod lane {
    use super::super::lex::{HIGHS, specials};

    pub const BYTES: usize = 8;
    pub const APART: usize = 8;

    #[inline(always)]
    pub fn look(chunk: &[u8; BYTES]) -> super::Seen {
        let word = u64::from_le_bytes(*chunk);
        super::Seen { specials: specials(word), high: word & HIGHS }
    }
}

#[cfg(target_arch = "wasm32")]
mod lane {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_eq, i8x16_splat, u8x16_lt, u8x16_splat, v128, v128_load, v128_or};

    pub const BYTES: usize = 16;
    pub const APART: usize = 1;

    #[inline]
    #[target_feature(enable = "simd128")]
    pub fn look(chunk: &[u8; BYTES]) -> super::Seen {
        // SAFETY: sixteen bytes, which need not be aligned.
        let v = unsafe { v128_load(chunk.as_ptr().cast::<v128>()) };
        let ends = v128_or(i8x16_eq(v, i8x16_splat(b'"' as i8)), i8x16_eq(v, i8x16_splat(b'\\' as i8)));
        let specials = v128_or(ends, u8x16_lt(v, u8x16_splat(b' ')));
        super::Seen { specials: i8x16_bitmask(specials).into(), high: i8x16_bitmask(v).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_tells_what_ends_a_string_and_what_is_not_ascii_before_it() {
        for place in 0..=BYTES {
            for special in [b'"', b'\\', 0, 31] {
                for high in 0..=BYTES {
                    let mut chunk = [b' '; BYTES];
                    if high < BYTES {
                        chunk[high] = 0x80;
                    }
                    if place < BYTES {
                        chunk[place] = special;
                    }
                    let seen = look(&chunk);
                    assert_eq!(seen.special(), (place < BYTES).then_some(place), "{chunk:?}");
                    assert_eq!(seen.high(), high < place, "{chunk:?}");
                }
            }
        }
    }
}
