//! Cases that once broke a law, each in a file of `tests/regressions` that is named for what it shows.

use crate::harness::case::Case;
use crate::harness::laws::check;
use crate::world::World;

#[test]
fn every_case_that_was_kept_keeps_the_laws() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/regressions");
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("the folder is there").map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "json"));
    files.sort();
    let mut broken = Vec::new();
    for file in &files {
        let case = Case::parse(&std::fs::read_to_string(file).unwrap());
        if let Err(why) = check::<World>(&case) {
            broken.push(format!("{}: {why}", file.file_name().unwrap().to_string_lossy()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}
