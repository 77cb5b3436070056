//! Who may import whom: `www/docs/architecture.md`, section "Rooms", as a test.
//!
//! Reads the `use crate::…` paths (and fully qualified `crate::…` ones) of every file under `src`. Lower rooms never name
//! upper ones; only `wasm` names the JavaScript crates; the oracle sees nothing of what it judges.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms that it may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("sort", &[]),
    ("value", &["sort"]),
    ("regex", &["sort"]),
    ("algebra", &["sort", "value"]),
    ("query", &["error", "regex", "sort", "value"]),
    ("trace", &["algebra", "query", "sort", "value"]),
    ("store", &["algebra", "error", "query", "sort", "trace", "value"]),
    ("circuit", &["algebra", "error", "operator", "query", "sort", "trace", "value"]),
    ("operator", &["algebra", "circuit", "error", "query", "regex", "sort", "trace", "value"]),
    ("plan", &["algebra", "circuit", "error", "operator", "query", "sort", "trace", "value"]),
    ("engine", &["algebra", "circuit", "error", "plan", "query", "sort", "store", "trace", "value"]),
    ("wire", &["error", "query", "store", "value"]),
    ("reference", &["error", "query", "store::batch", "value"]),
    ("wasm", &["circuit", "engine", "error", "plan", "query", "store", "trace", "value", "wire"]),
];

const JAVASCRIPT: &[&str] = &["wasm_bindgen", "js_sys", "web_sys", "serde_wasm_bindgen", "gloo"];

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Code of a file: comments and everything from the unit tests on are left out.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a readable file");
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            break;
        }
        lines.push(line.split("//").next().unwrap_or(""));
    }
    lines.join("\n")
}

fn room(src: &Path, path: &Path) -> String {
    let rest = path.strip_prefix(src).expect("below src");
    let first = rest.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// What follows each `crate::`, up to two names deep.
fn named(code: &str) -> Vec<String> {
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$'))
        .map(|(at, _)| {
            let rest = &code[at + "crate::".len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
            rest[..end].split("::").take(2).collect::<Vec<_>>().join("::")
        })
        .filter(|n| !n.is_empty())
        .collect()
}

#[test]
fn lower_rooms_never_name_upper_ones() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    let mut all = Vec::new();
    files(&src, &mut all);
    assert!(all.len() > 50, "the sources are read");
    let mut wrong = Vec::new();
    for path in all {
        let from = room(&src, &path);
        // The whole of a room's tests may live in files of their own.
        if from == "lib" || path.components().any(|c| c.as_os_str() == "tests" || c.as_os_str() == "tests.rs") {
            continue;
        }
        let may = allowed.get(from.as_str()).unwrap_or_else(|| panic!("room `{from}` is not in the table"));
        for name in named(&code(&path)) {
            let to = name.split("::").next().unwrap_or_default();
            let fits = |m: &&str| *m == to || *m == name || (m.contains("::") && name.starts_with(*m));
            if to != from && !may.iter().any(fits) {
                wrong.push(format!("{}: `{from}` names `{name}`", path.strip_prefix(&src).expect("below src").display()));
            }
        }
    }
    assert!(wrong.is_empty(), "edges against the layer order:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_binding_room_names_javascript() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    for path in all.iter().filter(|p| room(&src, p) != "wasm") {
        let code = code(path);
        for name in JAVASCRIPT {
            assert!(!code.contains(&format!("{name}::")), "{} names `{name}`", path.display());
        }
    }
}
