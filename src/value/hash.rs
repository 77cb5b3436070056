//! One 64-bit hash, deterministic, so that runs replay. Identity never rests on it alone: every user compares cells.

use super::{Cell, interval, numeric};

const K: u64 = 0x9e37_79b9_7f4a_7c15;

/// Streaming 64-bit hash over cells: multiply-rotate per 8 bytes, one avalanche at the end.
///
/// ```
/// use eddyline::value::{Cell, Hasher64};
/// let mut a = Hasher64::new();
/// a.cell(Cell::Text("x"));
/// let mut b = Hasher64::new();
/// b.cell(Cell::Int(120));
/// assert_ne!(a.finish(), b.finish());
/// ```
#[derive(Clone, Copy)]
pub struct Hasher64(u64);

impl Default for Hasher64 {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher64 {
    /// An empty hash.
    pub fn new() -> Self {
        Hasher64(0x243f_6a88_85a3_08d3)
    }

    /// Adds one word.
    #[inline(always)]
    pub fn word(&mut self, v: u64) {
        self.0 = (self.0 ^ v).wrapping_mul(K).rotate_left(29);
    }

    /// Adds bytes and their length.
    #[inline(always)]
    pub fn bytes(&mut self, b: &[u8]) {
        let mut chunks = b.chunks_exact(8);
        for c in &mut chunks {
            self.word(u64::from_le_bytes(c.try_into().expect("eight bytes")));
        }
        let rest = chunks.remainder();
        let mut last = [0u8; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last) ^ ((b.len() as u64) << 56));
    }

    /// Adds a cell; cells of different types are told apart by a tag. Equal cells of the same type have equal
    /// hashes, however they are shown.
    #[inline]
    pub fn cell(&mut self, c: Cell<'_>) {
        match c {
            Cell::Null => self.word(1),
            Cell::Bool(v) => self.word(2 + u64::from(v)),
            Cell::Int(v) => self.word(v as u64 ^ 0x10),
            Cell::Float(v) => self.word(v.to_bits() ^ 0x20),
            Cell::Timestamp(v) => self.word(v as u64 ^ 0x30),
            Cell::Date(v) => self.word(v as u64 ^ 0x40),
            Cell::Time(v) => self.word(v as u64 ^ 0x50),
            Cell::Text(v) | Cell::Uuid(v) => self.bytes(v.as_bytes()),
            Cell::Json(v) => {
                self.word(4);
                self.bytes(v.as_bytes());
            }
            Cell::Bytes(v) | Cell::Array(_, v) => {
                self.word(5);
                self.bytes(v);
            }
            Cell::Decimal(v) => {
                self.word(6);
                self.bytes(numeric::ordered(v));
            }
            Cell::Interval(v) => {
                self.word(7);
                self.bytes(interval::ordered(v));
            }
        }
    }

    /// The hash, avalanched.
    #[inline]
    pub fn finish(self) -> u64 {
        let h = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        h ^ (h >> 32)
    }
}

/// For maps: names and specifications are hashed as rows are, rather than with keys against an attacker, who would be the
/// page itself.
impl std::hash::Hasher for Hasher64 {
    fn write(&mut self, bytes: &[u8]) {
        self.bytes(bytes);
    }

    fn write_u8(&mut self, v: u8) {
        self.word(u64::from(v));
    }

    fn write_u32(&mut self, v: u32) {
        self.word(u64::from(v));
    }

    fn write_u64(&mut self, v: u64) {
        self.word(v);
    }

    fn write_usize(&mut self, v: usize) {
        self.word(v as u64);
    }

    fn finish(&self) -> u64 {
        Hasher64::finish(*self)
    }
}

/// Hashing of maps with [`Hasher64`].
pub type MapState = std::hash::BuildHasherDefault<Hasher64>;

/// Hash of a byte string.
pub fn hash_bytes(b: &[u8]) -> u64 {
    let mut h = Hasher64::new();
    h.bytes(b);
    h.finish()
}
