//! Timestamps as text.
/// Microseconds since 1970 UTC of an ISO 8601 text.
pub fn parse_timestamp(_text: &str) -> Option<i64> {
    unimplemented!()
}
/// ISO 8601 text.
pub fn format_timestamp(_micros: i64) -> String {
    unimplemented!()
}
