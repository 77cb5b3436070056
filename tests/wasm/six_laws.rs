//! The six laws in the page: the cases that run natively, as WebAssembly with 32-bit pointers.

use wasm_bindgen_test::wasm_bindgen_test;

use crate::harness::case::Case;
use crate::harness::generate::graph;
use crate::harness::laws::check;
use crate::harness::run::{cases, seeds};
use crate::world::World;

#[wasm_bindgen_test]
fn the_six_laws_hold_in_the_page() {
    let tally = seeds::<World>(0..150).unwrap_or_else(|told| panic!("{told}"));
    assert!(tally.results > 1_000, "{tally:?}");
}

#[wasm_bindgen_test]
fn the_six_laws_hold_for_graphs_of_associations_in_the_page() {
    let tally = cases::<World>(graph, 0..60).unwrap_or_else(|told| panic!("{told}"));
    assert!(tally.results > 200, "{tally:?}");
}

#[wasm_bindgen_test]
fn kept_cases_at_the_edges_of_numbers_keep_the_laws_in_the_page() {
    for text in [
        include_str!("../regressions/the_extreme_value_and_null_keep_apart_in_orders_of_several_columns.json"),
        include_str!("../regressions/a_frame_that_reaches_farther_than_32_bits_count_ends_with_the_partition.json"),
        include_str!("../regressions/a_value_that_cannot_be_calculated_is_an_error_only_while_it_is_there.json"),
    ] {
        let case = Case::parse(text);
        check::<World>(&case).unwrap_or_else(|broken| panic!("{}: {broken}", case.shows));
    }
}
