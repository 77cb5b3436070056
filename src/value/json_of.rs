//! Cells as JSON, the way `to_jsonb` of PostgreSQL turns them: what JSON has no form for becomes a text.

use super::{Cell, Interval, array_values, date_text, decimal, decimal_text, float, format_timestamp, json, time_text};

/// Appends the canonical JSON text of a cell. Moments are written as PostgreSQL writes them into JSON in the zone UTC:
/// `"2024-02-29T12:00:00.5+00:00"`.
///
/// ```
/// use eddyline::value::{Cell, write_json};
/// let mut out = Vec::new();
/// [Cell::Null, Cell::Float(f64::NAN), Cell::Text("a\"b"), Cell::Timestamp(1_500_000), Cell::Bytes(&[0, 255])].map(|c| write_json(c, &mut out));
/// assert_eq!(String::from_utf8(out)?, r#"null"NaN""a\"b""1970-01-01T00:00:01.5+00:00""\\x00ff""#);
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
pub fn write_json(cell: Cell<'_>, out: &mut Vec<u8>) {
    let text = match cell {
        Cell::Null => return out.extend_from_slice(b"null"),
        Cell::Bool(v) => return out.extend_from_slice(if v { b"true" } else { b"false" }),
        Cell::Int(v) => return out.extend_from_slice(v.to_string().as_bytes()),
        Cell::Json(v) => return out.extend_from_slice(v.as_bytes()),
        Cell::Text(v) | Cell::Uuid(v) => return json::escape(v.as_bytes(), out),
        Cell::Date(v) => date_text(v),
        Cell::Time(v) => time_text(v),
        Cell::Array(element, v) => {
            out.push(b'[');
            for (i, value) in array_values(element, v).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_json(value.as_cell(), out);
            }
            return out.push(b']');
        }
        Cell::Interval(v) => Interval::unpack(v).text(),
        Cell::Float(v) if v.is_finite() => return out.extend_from_slice(float::spell(v).as_bytes()),
        Cell::Float(v) => float::spell(v),
        Cell::Decimal(v) => {
            let (text, mut digits) = (decimal_text(v), Vec::new());
            decimal::spell(text.as_bytes(), !text.contains('.'), &mut digits, out);
            return;
        }
        Cell::Timestamp(v) => moment(&format_timestamp(v)),
        Cell::Bytes(v) => {
            let digit = |d: u8| char::from(b"0123456789abcdef"[usize::from(d)]);
            "\\x".chars().chain(v.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)])).collect()
        }
    };
    json::escape(text.as_bytes(), out);
}

/// From `+012024-02-29T12:00:00.500Z` to PostgreSQL's form: no sign, no zeros that say nothing, years before 1 as BC.
fn moment(iso: &str) -> String {
    let iso = iso.trim_end_matches('Z');
    let (year, rest) = iso.split_at(1 + iso[1..].find('-').unwrap_or(0));
    let rest = if rest.contains('.') { rest.trim_end_matches('0') } else { rest };
    let year: i64 = year.parse().unwrap_or(0);
    let (year, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    let mut digits = year.to_string();
    while digits.len() < 4 {
        digits.insert(0, '0');
    }
    [&digits, rest, "+00:00", era].concat()
}
