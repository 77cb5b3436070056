//! The Rust twin of the page's mirror: keeps a view's rows from patch words alone, and says what the patches mean.
//!
//! Tests compare it with [`Engine::rows`]; Rust users who want diffs rather than words use it too.

use hashbrown::HashMap;

use super::report::{ADD, FILL, INNER, MOVE, ONE, PATCH_WORDS, PatchWords, REMOVE, SET, SWAP};
use super::{Engine, Report, ViewId};
use crate::algebra::Handle;
use crate::trace::HandleState;
use crate::value::{Field, RowTree, Value};

/// A step of a path: into a row, or into one of its associations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// The row with this key.
    Row(Vec<Value>),
    /// The association of this name.
    Association(String),
}

/// What a patch does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// A row came.
    Add {
        /// Position.
        at: usize,
        /// The row.
        value: RowTree,
    },
    /// A row went.
    Remove {
        /// Position.
        at: usize,
    },
    /// A row changed its place.
    Move {
        /// Position at that moment.
        from: usize,
        /// Position after it was taken out.
        to: usize,
    },
    /// Fields changed.
    Set {
        /// The changed fields.
        fields: Vec<(String, Field)>,
    },
    /// A single association has another row, or none. The path ends in its name.
    One {
        /// The row.
        value: Option<RowTree>,
    },
}

/// A patch as users see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Where the list is.
    pub path: Vec<PathStep>,
    /// Which row of it.
    pub key: Vec<Value>,
    /// What happened.
    pub kind: PatchKind,
}

#[derive(Clone, Debug)]
struct Entry {
    own: RowTree,
    child: i32,
}

type ListId = (i32, i32);

/// A view's rows, kept from patches.
#[derive(Debug)]
pub struct Mirror {
    view: ViewId,
    lists: HashMap<ListId, Vec<Entry>, HandleState>,
    /// Node → the list that its row is in.
    homes: HashMap<i32, ListId, HandleState>,
    subs: Vec<Vec<(i32, String, bool)>>,
}

impl Mirror {
    /// A mirror of a view as it is now.
    pub fn open(engine: &Engine, view: ViewId) -> Self {
        let levels = engine.levels(view).expect("the view is registered");
        let subs = levels
            .iter()
            .map(|l| {
                let sub = |&s: &usize| (s as i32, levels[s].name.clone().unwrap_or_default(), levels[s].single);
                l.subs.iter().map(sub).collect()
            })
            .collect();
        let mut mirror = Mirror { view, lists: HashMap::default(), homes: HashMap::default(), subs };
        let report = engine.snapshot(view).expect("the view is registered");
        mirror.absorb(engine, &report);
        mirror
    }

    /// Takes a version in; the patches that a user would see.
    pub fn absorb(&mut self, engine: &Engine, report: &Report) -> Vec<Patch> {
        let Some(section) = report.section(self.view) else { return Vec::new() };
        let mut patches = Vec::new();
        let mut added: Vec<(usize, ListId, Vec<Value>)> = Vec::new();
        let mut at = 0;
        for _ in 0..section.patches {
            let p = PatchWords::read(&section.words[at..]);
            let mask = &section.words[at + PATCH_WORDS..];
            at += PATCH_WORDS;
            if p.kind == FILL {
                for (i, &handle) in section.words[at..at + p.to as usize].iter().enumerate() {
                    let add = PatchWords { at: i as i32, handle, ..PatchWords::new(ADD, 0, super::view::ROOT) };
                    let (key, kind) = self.apply(engine, add, &[]).expect("an added row is seen");
                    patches.push(Patch { path: Vec::new(), key, kind });
                }
                at += p.to as usize;
                continue;
            }
            if p.kind == SET {
                at += engine.levels(self.view).expect("registered")[p.level as usize].mask_words();
            }
            if let Some((key, kind)) = self.apply(engine, p, mask) {
                let list = (p.node, p.level);
                if matches!(kind, PatchKind::Add { .. } | PatchKind::One { value: Some(_) }) {
                    added.push((patches.len(), list, key.clone()));
                }
                let mut path = self.path(p.node);
                if p.level != 0 {
                    path.push(PathStep::Association(self.name(p.level)));
                }
                patches.push(Patch { path, key, kind });
            }
        }
        // Values of added rows are complete once their inner rows are in.
        for (i, list, key) in added {
            let entry = self.lists[&list].iter().find(|e| e.own.key == key);
            let Some(tree) = entry.map(|e| self.tree(e, list.1)) else { continue };
            match &mut patches[i].kind {
                PatchKind::Add { value, .. } => *value = tree,
                PatchKind::One { value } => *value = Some(tree),
                _ => unreachable!("only these are added"),
            }
        }
        patches
    }

    fn apply(&mut self, engine: &Engine, p: PatchWords, mask: &[i32]) -> Option<(Vec<Value>, PatchKind)> {
        let list = (p.node, p.level);
        let view = self.view;
        let own = |handle: i32| engine.tree(view, p.level as usize, handle as Handle);
        let at = p.at as usize;
        match p.kind & !INNER {
            ADD => {
                let entry = Entry { own: own(p.handle), child: p.child };
                let (key, value) = (entry.own.key.clone(), entry.own.clone());
                self.homes.insert(p.child, list);
                self.lists.entry(list).or_default().insert(at, entry);
                (p.kind & INNER == 0).then_some((key, PatchKind::Add { at, value }))
            }
            REMOVE => {
                let entry = self.lists.get_mut(&list).expect("the list is there").remove(at);
                assert_eq!(entry.child, p.child, "the node of a removed row");
                self.forget(entry.child, p.level);
                Some((entry.own.key, PatchKind::Remove { at }))
            }
            MOVE => {
                let rows = self.lists.get_mut(&list).expect("the list is there");
                let entry = rows.remove(at);
                let key = entry.own.key.clone();
                rows.insert(p.to as usize, entry);
                Some((key, PatchKind::Move { from: at, to: p.to as usize }))
            }
            SET => {
                let new = own(p.handle);
                let entry = &mut self.lists.get_mut(&list).expect("the list is there")[at];
                assert_eq!(entry.own.key, new.key, "a set keeps the key");
                let changed = |i: usize| mask[i / 32] >> (i % 32) & 1 == 1;
                let fields = new.fields.iter().enumerate().filter(|(i, _)| changed(*i)).map(|(_, f)| f.clone()).collect();
                entry.own = new;
                Some((entry.own.key.clone(), PatchKind::Set { fields }))
            }
            SWAP => {
                let rows = self.lists.get_mut(&list).expect("the list is there");
                assert_eq!(rows[at].own, own(p.handle), "a swap changes nothing that is shown");
                None
            }
            ONE => {
                let rows = self.lists.entry(list).or_default();
                if let Some(entry) = rows.pop() {
                    self.forget(entry.child, p.level);
                }
                let value = (p.handle >= 0).then(|| own(p.handle));
                if let Some(own) = value.clone() {
                    self.homes.insert(p.child, list);
                    self.lists.entry(list).or_default().push(Entry { own, child: p.child });
                }
                let key = value.as_ref().map(|v| v.key.clone()).unwrap_or_default();
                (p.kind & INNER == 0).then_some((key, PatchKind::One { value }))
            }
            kind => panic!("no patch of kind {kind}"),
        }
    }

    /// Drops the lists below a node.
    fn forget(&mut self, node: i32, level: i32) {
        if node < 0 {
            return;
        }
        self.homes.remove(&node);
        for (sub, ..) in self.subs[level as usize].clone() {
            for entry in self.lists.remove(&(node, sub)).unwrap_or_default() {
                self.forget(entry.child, sub);
            }
        }
    }

    fn name(&self, level: i32) -> String {
        let found = self.subs.iter().flatten().find(|s| s.0 == level);
        found.map(|s| s.1.clone()).unwrap_or_default()
    }

    fn path(&self, node: i32) -> Vec<PathStep> {
        if node == 0 {
            return Vec::new();
        }
        let home = self.homes[&node];
        let mut path = self.path(home.0);
        if home.1 != 0 {
            path.push(PathStep::Association(self.name(home.1)));
        }
        let entry = self.lists[&home].iter().find(|e| e.child == node).expect("the node's row is in its list");
        path.push(PathStep::Row(entry.own.key.clone()));
        path
    }

    fn tree(&self, entry: &Entry, level: i32) -> RowTree {
        let mut tree = entry.own.clone();
        for (sub, name, single) in &self.subs[level as usize] {
            let rows = self.lists.get(&(entry.child, *sub)).map_or(&[][..], Vec::as_slice);
            let mut rows: Vec<RowTree> = rows.iter().map(|e| self.tree(e, *sub)).collect();
            let field = if *single { Field::Row(rows.pop().map(Box::new)) } else { Field::List(rows) };
            tree.fields.push((name.clone(), field));
        }
        tree
    }

    /// The rows.
    pub fn rows(&self) -> Vec<RowTree> {
        self.lists.get(&(0, 0)).map_or(&[][..], Vec::as_slice).iter().map(|e| self.tree(e, 0)).collect()
    }
}
