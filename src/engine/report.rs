//! What a version did, as words: the format that crosses the boundary (`www/docs/boundary.md`, "Report").

use crate::algebra::Handle;

/// A row came.
pub const ADD: i32 = 1;
/// A row went.
pub const REMOVE: i32 = 2;
/// A row changed its place.
pub const MOVE: i32 = 3;
/// Fields of a row changed.
pub const SET: i32 = 4;
/// A single association has another row, or none.
pub const ONE: i32 = 5;
/// A row has another handle although none of its fields changed. For mirrors only, not a patch.
pub const SWAP: i32 = 6;
/// A flat list that was empty has rows: their number is in the word of the target position, their handles follow the patch.
pub const FILL: i32 = 7;
/// Flag: part of the value of an ADD or ONE before it.
pub const INNER: i32 = 0x100;
/// Words of a patch, the mask of a SET not counted.
pub const PATCH_WORDS: usize = 8;
/// Words before the first section.
pub const HEADER_WORDS: usize = 8;
/// Nothing.
pub const NONE: i32 = -1;

/// One patch, as its eight words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchWords {
    /// Kind and flags.
    pub kind: i32,
    /// Level.
    pub level: i32,
    /// Node that owns the list.
    pub node: i32,
    /// Position.
    pub at: i32,
    /// Target position of a move.
    pub to: i32,
    /// Row now.
    pub handle: i32,
    /// Row before.
    pub old: i32,
    /// Node of the row itself.
    pub child: i32,
}

impl PatchWords {
    /// A patch of a kind with nothing else said.
    pub fn new(kind: i32, level: usize, node: u32) -> Self {
        PatchWords { kind, level: level as i32, node: node as i32, at: 0, to: 0, handle: NONE, old: NONE, child: NONE }
    }

    /// Appends the words.
    pub fn write(&self, out: &mut Vec<i32>) {
        out.extend([self.kind, self.level, self.node, self.at, self.to, self.handle, self.old, self.child]);
    }

    /// Reads the words back.
    pub fn read(words: &[i32]) -> Self {
        let [kind, level, node, at, to, handle, old, child] = words[..PATCH_WORDS] else { panic!("a patch has eight words") };
        PatchWords { kind, level, node, at, to, handle, old, child }
    }
}

/// A handle as a word.
pub fn word(handle: Handle) -> i32 {
    handle as i32
}

/// What a version did.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Number of the version after the batch.
    pub version: u32,
    /// The batch had been applied before: nothing happened.
    pub replayed: bool,
    /// Rows that changed.
    pub changed: u32,
    /// Updates and deletes of rows that are not held.
    pub ignored: u32,
    /// Rows to be asked for: table and packed key row.
    pub touches: Vec<(crate::query::TableId, Box<[u8]>)>,
    /// The report in words.
    pub words: Vec<i32>,
}

/// A view's part of a report.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    /// The view.
    pub view: u32,
    /// Whether the view is in error.
    pub failed: bool,
    /// Number of patches.
    pub patches: usize,
    /// Their words.
    pub words: &'a [i32],
}

impl Report {
    /// The view sections.
    pub fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        let mut at = HEADER_WORDS;
        let count = self.words.get(5).copied().unwrap_or(0);
        (0..count).map(move |_| {
            let [view, status, patches, length] = self.words[at..at + 4] else { unreachable!("four words") };
            let words = &self.words[at + 4..at + 4 + length as usize];
            at += 4 + length as usize;
            Section { view: view as u32, failed: status == 1, patches: patches as usize, words }
        })
    }

    /// The section of one view.
    pub fn section(&self, view: u32) -> Option<Section<'_>> {
        self.sections().find(|s| s.view == view)
    }
}
