//! Canonical JSON text.
/// Canonical text of a JSON value.
pub fn canonical_json(_text: &[u8]) -> Option<String> {
    unimplemented!()
}
