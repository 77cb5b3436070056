//! Laws of patches, checked against the old and the new rows alone: applied in order they lead from the one to the other
//! (L2), and there is not one too many (L3).

use std::collections::BTreeMap;

use eddyline::query::BoundQuery;
use eddyline::value::{Field, RowTree, Value};

use super::show;
use super::subject::{Kind, Patch};

type Path = Vec<(Vec<Value>, String)>;

/// The patches applied to `old` give `new`.
pub fn leads_from(query: &BoundQuery, old: &[RowTree], new: &[RowTree], patches: &[Patch]) -> Result<(), String> {
    let mut state = old.to_vec();
    for (i, patch) in patches.iter().enumerate() {
        step(query, &mut state, patch, &patch.path).map_err(|why| format!("patch {i}: {why}"))?;
    }
    if state == new { Ok(()) } else { Err(format!("patches lead to {}", show::rows(&state))) }
}

fn step(query: &BoundQuery, list: &mut Vec<RowTree>, patch: &Patch, path: &[(Vec<Value>, String)]) -> Result<(), String> {
    let place = |list: &[RowTree], key: &[Value]| list.iter().position(|r| r.key == *key).ok_or("no such row");
    if let [(key, name), rest @ ..] = path {
        let row = place(list, key)?;
        let nested = query.nested.iter().find(|n| n.name == *name).ok_or("its path names no association")?;
        return match list[row].fields.iter_mut().find(|(n, _)| n == name).map(|(_, f)| f) {
            Some(Field::List(list)) => step(&nested.query, list, patch, rest),
            Some(Field::Row(row)) => step_single(&nested.query, row, patch, rest),
            _ => Err("its path names a plain field".into()),
        };
    }
    let held = |at: usize| {
        let there = list.get(at).is_some_and(|r| r.key == patch.key);
        if there { Ok(at) } else { Err(format!("the row is not at {at}")) }
    };
    match &patch.kind {
        Kind::Add { at, row } if *at > list.len() || row.key != patch.key => return Err("added beyond the end".into()),
        Kind::Add { at, row } => list.insert(*at, row.clone()),
        Kind::Remove { at } => {
            let at = held(*at)?;
            list.remove(at);
        }
        Kind::Move { from, to } => {
            let from = held(*from)?;
            let row = list.remove(from);
            if *to > list.len() {
                return Err(format!("moved to {to} of {}", list.len()));
            }
            list.insert(*to, row);
        }
        Kind::Set { fields } => {
            let row = place(list, &patch.key)?;
            for (name, value) in fields {
                let field = list[row].fields.iter_mut().find(|(n, _)| n == name).ok_or(format!("no field {name}"))?;
                field.1.clone_from(value);
            }
        }
        Kind::One { .. } => return Err("a single row where a list is".into()),
    }
    Ok(())
}

/// A single association: a list of at most one, whose row is replaced as a whole.
fn step_single(
    query: &BoundQuery,
    single: &mut Option<Box<RowTree>>,
    patch: &Patch,
    rest: &[(Vec<Value>, String)],
) -> Result<(), String> {
    match &patch.kind {
        Kind::One { row } if rest.is_empty() => {
            *single = row.clone().map(Box::new);
            return Ok(());
        }
        Kind::Set { .. } => {}
        _ if rest.is_empty() => return Err("a list's patch of a single association".into()),
        _ => {}
    }
    let mut list: Vec<RowTree> = single.take().map(|r| *r).into_iter().collect();
    let done = step(query, &mut list, patch, rest);
    *single = list.pop().map(Box::new);
    done
}

/// What a smallest diff does to one list or single association.
#[derive(Default, Debug, PartialEq, Eq)]
struct Need {
    added: Vec<Vec<Value>>,
    removed: Vec<Vec<Value>>,
    moves: usize,
    sets: BTreeMap<Vec<Value>, Vec<String>>,
    one: bool,
}

impl Need {
    fn is_nothing(&self) -> bool {
        *self == Need::default()
    }
}

/// No patch too many: exactly the adds, removes and sets that are needed, and as few moves as possible.
pub fn is_smallest(query: &BoundQuery, old: &[RowTree], new: &[RowTree], patches: &[Patch]) -> Result<(), String> {
    let mut needs: BTreeMap<Path, Need> = BTreeMap::new();
    need_of_lists(query, old, new, &Vec::new(), &mut needs);
    let mut done: BTreeMap<Path, Need> = BTreeMap::new();
    let mut moved: Vec<(&Path, &Vec<Value>)> = Vec::new();
    for patch in patches {
        let did = done.entry(patch.path.clone()).or_default();
        match &patch.kind {
            Kind::Add { .. } => did.added.push(patch.key.clone()),
            Kind::Remove { .. } => did.removed.push(patch.key.clone()),
            Kind::Move { .. } if moved.contains(&(&patch.path, &patch.key)) => return Err(format!("moved twice: {patch:?}")),
            Kind::Move { .. } => {
                moved.push((&patch.path, &patch.key));
                did.moves += 1;
            }
            Kind::Set { fields } => {
                let mut names: Vec<String> = fields.iter().map(|f| f.0.clone()).collect();
                names.sort();
                if did.sets.insert(patch.key.clone(), names).is_some() {
                    return Err(format!("set twice: {patch:?}"));
                }
            }
            Kind::One { .. } if did.one => return Err(format!("replaced twice: {patch:?}")),
            Kind::One { .. } => did.one = true,
        }
    }
    for did in done.values_mut() {
        did.added.sort();
        did.removed.sort();
    }
    needs.retain(|_, need| !need.is_nothing());
    if done == needs { Ok(()) } else { Err(format!("needed {}\nbut did {}", shown(&needs), shown(&done))) }
}

fn shown(needs: &BTreeMap<Path, Need>) -> String {
    let keys = |list: &[Vec<Value>]| list.iter().map(|k| show::key(k)).collect::<String>();
    let one = |(path, n): (&Path, &Need)| {
        let sets: String = n.sets.iter().map(|(key, names)| format!("{} {names:?} ", show::key(key))).collect();
        let (add, gone, moves, one) = (keys(&n.added), keys(&n.removed), n.moves, n.one);
        format!("\n  /{} add {add} remove {gone} moves {moves} set {sets} one {one}", show::path(path))
    };
    needs.iter().map(one).collect()
}

fn need_of_lists(query: &BoundQuery, old: &[RowTree], new: &[RowTree], path: &Path, needs: &mut BTreeMap<Path, Need>) {
    let mut need = Need::default();
    let absent = |row: &&RowTree, from: &[RowTree]| from.iter().all(|r| r.key != row.key);
    need.added = new.iter().filter(|r| absent(r, old)).map(|r| r.key.clone()).collect();
    need.removed = old.iter().filter(|r| absent(r, new)).map(|r| r.key.clone()).collect();
    need.added.sort();
    need.removed.sort();
    // Where the survivors were, in the order of where they are.
    let places: Vec<usize> = new.iter().filter_map(|r| old.iter().position(|o| o.key == r.key)).collect();
    need.moves = places.len() - longest_increasing(&places);
    for row in new {
        if let Some(before) = old.iter().find(|o| o.key == row.key) {
            need_of_rows(query, before, row, path, &mut need, needs);
        }
    }
    needs.insert(path.clone(), need);
}

/// A row that stays: its changed fields, and what is nested in it.
fn need_of_rows(
    query: &BoundQuery,
    old: &RowTree,
    new: &RowTree,
    path: &Path,
    need: &mut Need,
    needs: &mut BTreeMap<Path, Need>,
) {
    let is_nested = |name: &str| query.nested.iter().find(|n| n.name == name);
    let mut set = Vec::new();
    for ((name, before), (_, after)) in old.fields.iter().zip(&new.fields) {
        let Some(nested) = is_nested(name) else {
            set.extend((before != after).then(|| name.clone()));
            continue;
        };
        let mut inner = path.clone();
        inner.push((new.key.clone(), name.clone()));
        match (before, after) {
            (Field::List(before), Field::List(after)) => need_of_lists(&nested.query, before, after, &inner, needs),
            (Field::Row(Some(before)), Field::Row(Some(after))) if before.key == after.key => {
                let mut own = Need::default();
                need_of_rows(&nested.query, before, after, &inner, &mut own, needs);
                needs.insert(inner, own);
            }
            (before, after) => {
                needs.insert(inner, Need { one: before != after, ..Need::default() });
            }
        }
    }
    if !set.is_empty() {
        set.sort();
        need.sets.insert(new.key.clone(), set);
    }
}

/// Length of a longest increasing subsequence.
fn longest_increasing(places: &[usize]) -> usize {
    let mut best: Vec<usize> = Vec::new();
    for (i, place) in places.iter().enumerate() {
        let before = (0..i).filter(|&j| places[j] < *place).map(|j| best[j]).max().unwrap_or(0);
        best.push(before + 1);
    }
    best.into_iter().max().unwrap_or(0)
}
