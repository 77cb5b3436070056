//! What the row reader knows of a table: per column its key as it is quoted, its type, and which column tends to follow it.
//!
//! Servers send rows of one shape. After column `c` the column that followed `c` last time is expected, and its quoted key
//! compared in two words. Predicting by predecessor rather than by position keeps the guess right behind an omitted column.

use crate::query::Table;
use crate::value::Type;
use crate::value::json::escape;

/// A column as the reader needs it.
pub(super) struct PlanColumn {
    /// `"name":`
    quoted: Box<[u8]>,
    /// Its first sixteen bytes, and masks for those that it has.
    head: [u64; 2],
    mask: [u64; 2],
    pub ty: Type,
    pub nullable: bool,
    pub safe_integer: bool,
    pub is_key: bool,
}

/// A table as the reader needs it.
pub(super) struct Plan {
    pub columns: Box<[PlanColumn]>,
    /// Column expected behind a column; the last entry is for the first key of a row.
    follows: Box<[usize]>,
    /// A bit per shown column that may not be absent.
    required: Box<[u64]>,
    /// A bit per column met in the row at hand.
    pub seen: Box<[u64]>,
}

impl Plan {
    pub fn new(table: &Table) -> Self {
        let columns: Box<[PlanColumn]> = table
            .columns
            .values()
            .take(table.shown())
            .enumerate()
            .map(|(i, c)| {
                let mut quoted = Vec::new();
                escape(c.name.as_bytes(), &mut quoted);
                quoted.push(b':');
                let (mut head, mut mask) = ([0; 16], [0; 16]);
                let n = quoted.len().min(16);
                head[..n].copy_from_slice(&quoted[..n]);
                mask[..n].fill(0xff);
                PlanColumn {
                    quoted: quoted.into(),
                    head: words(head),
                    mask: words(mask),
                    ty: c.ty,
                    nullable: c.nullable,
                    safe_integer: c.safe_integer,
                    is_key: table.is_key(i),
                }
            })
            .collect();
        let mut required = vec![0u64; columns.len().div_ceil(64)];
        for (i, _) in columns.iter().enumerate().filter(|(_, c)| !c.nullable) {
            required[i / 64] |= 1 << (i % 64);
        }
        let follows = (0..=columns.len()).map(|i| if i == columns.len() { 0 } else { i + 1 }).collect();
        Plan { seen: vec![0; required.len()].into(), required: required.into(), follows, columns }
    }

    /// What stands for the column before the first.
    #[inline]
    pub fn none(&self) -> usize {
        self.columns.len()
    }

    /// The column whose quoted key stands at the beginning of `rest`, if it is the one expected behind the column `before`.
    /// Also the length of that key.
    #[inline(always)]
    pub fn guess(&self, before: usize, rest: &[u8]) -> Option<(usize, usize)> {
        let column = self.follows[before];
        let c = self.columns.get(column)?;
        let n = c.quoted.len();
        if let Some(first) = rest.first_chunk::<16>() {
            let [a, b] = words(*first);
            let equal = (a ^ c.head[0]) & c.mask[0] == 0 && (b ^ c.head[1]) & c.mask[1] == 0;
            return (equal && (n <= 16 || rest.get(16..n) == Some(&c.quoted[16..]))).then_some((column, n));
        }
        rest.starts_with(&c.quoted).then_some((column, n))
    }

    /// Remembers what followed a column.
    pub fn learn(&mut self, before: usize, column: usize) {
        self.follows[before] = column;
    }

    /// Forgets the columns met.
    #[inline]
    pub fn clear(&mut self) {
        self.seen.fill(0);
    }

    /// Notes a column.
    #[inline]
    pub fn see(&mut self, column: usize) {
        self.seen[column / 64] |= 1 << (column % 64);
    }

    /// Whether the row at hand has a column.
    pub fn has(&self, column: usize) -> bool {
        self.seen[column / 64] >> (column % 64) & 1 == 1
    }

    /// The first column that the row at hand lacks but needs.
    #[inline]
    pub fn missing(&self) -> Option<usize> {
        let lacks = |(i, (need, have)): (usize, (&u64, &u64))| {
            let gap = need & !have;
            (gap != 0).then(|| i * 64 + gap.trailing_zeros() as usize)
        };
        self.required.iter().zip(&self.seen).enumerate().find_map(lacks)
    }
}

fn words(bytes: [u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(bytes);
    [both as u64, (both >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::super::tests::schema;
    use super::*;

    #[test]
    fn a_guess_holds_for_the_whole_key_only() {
        let schema = schema();
        let plan = Plan::new(&schema.tables["issues"]);
        for (rest, want) in [
            (&b"\"id\":1"[..], Some((0, 5))),
            (b"\"id\":\"a long enough value\"", Some((0, 5))),
            (b"\"idx\":\"a long enough value\"", None),
            (b"\"id", None),
            (b"", None),
        ] {
            assert_eq!(plan.guess(plan.none(), rest), want);
        }
    }

    #[test]
    fn the_column_that_followed_last_time_is_expected_again() {
        let schema = schema();
        let mut plan = Plan::new(&schema.tables["issues"]);
        plan.learn(0, 3);
        let key = format!("\"{}\": 1234567890123456", schema.tables["issues"].columns[3].name);
        assert_eq!(plan.guess(0, key.as_bytes()).map(|g| g.0), Some(3));
    }
}
