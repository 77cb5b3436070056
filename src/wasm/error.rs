//! Errors as real JavaScript errors with a stable `code`, made at the point of failure; panics as text, because the trap that
//! follows says only `unreachable`.

use std::sync::Mutex;

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

static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Tells the console of a panic, which is a bug of the engine's, and keeps its text for [`last_panic`].
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string();
        gloo::console::error!(&text);
        if let Ok(mut last) = LAST_PANIC.lock() {
            *last = Some(text);
        }
    }));
}

/// The text of the panic that caused the last trap; once.
#[wasm_bindgen]
pub fn last_panic() -> Option<String> {
    LAST_PANIC.lock().ok()?.take()
}
