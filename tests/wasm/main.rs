//! The engine as WebAssembly inside a real browser page: what native tests cannot see.
//!
//! Run by `npm test -- wasm`, or by `cargo test --target wasm32-unknown-unknown --test wasm` where chromedriver and
//! wasm-bindgen-test-runner are on the PATH. One file per subject; this one only sets the place.
#![cfg(target_arch = "wasm32")]

mod compare;
#[path = "../engine/harness/mod.rs"]
mod harness;
mod six_laws;
#[path = "../engine/world.rs"]
mod world;

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn the_tests_run_inside_a_browser_page() {
    let has = |name: &str| js_sys::Reflect::has(&js_sys::global(), &name.into()).unwrap();
    assert!(has("document") && has("navigator"), "this is not a browser page");
}
