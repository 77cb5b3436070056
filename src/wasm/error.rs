//! Errors as real JavaScript errors with a stable `code`, made at the point of failure; panics as text for the console.

use js_sys::Reflect;
use wasm_bindgen::prelude::*;

use crate::error::{Error, ErrorCode};

/// An `Error` with `code`, `path`, `offending` and `nearest`.
pub fn throw(e: Error) -> JsValue {
    let error = js_sys::Error::new(&e.to_string());
    let set = |name: &str, value: &str| {
        // Setting a property of a fresh object cannot fail.
        let _ = Reflect::set(&error, &name.into(), &value.into());
    };
    set("code", e.code.as_str());
    if !e.path.is_empty() {
        set("path", &e.path);
    }
    if let Some(offending) = &e.offending {
        set("offending", offending);
    }
    if let Some(nearest) = &e.nearest {
        set("nearest", nearest);
    }
    error.into()
}

/// The error of an export called while another runs.
pub fn reentrant() -> JsValue {
    throw(Error::new(ErrorCode::Reentrant, "the engine is running: call it again after this call has returned"))
}

/// A shape that serde could not read.
pub fn unreadable(code: ErrorCode, what: &str, e: &serde_wasm_bindgen::Error) -> JsValue {
    throw(Error::new(code, format!("{what} is not of the expected shape: {e}")))
}

/// Panics go to the console with their text: the trap that follows says only `unreachable`.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        web_sys::console::error_1(&format!("eddyline: {info}").into());
    }));
}
