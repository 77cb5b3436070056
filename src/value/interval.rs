//! Intervals: months, days and microseconds, as PostgreSQL holds them, packed so that bytes compare as the values do.
//!
//! A packed interval is 21 digits of seven bits: eleven of its length (a month counts as 30 days, a day as 24 hours), then five of
//! the months and five of the days. So a row with intervals may still be ASCII; and `1 mon` equals `30 days`, but is not the same.

use super::calendar::DAY;

/// Microseconds of a month, where lengths are compared.
const MONTH: i128 = 30 * DAY as i128;
/// Bytes of a packed interval, and those of its length.
const PACKED: usize = 21;
const LENGTH: usize = 11;
/// No length is as far from zero.
const MIDDLE: i128 = 1 << 76;

/// Months, days and microseconds, each with a sign of its own.
///
/// ```
/// use eddyline::value::Interval;
/// let a = Interval { months: 1, days: -1, micros: 0 };
/// assert_eq!(Interval::unpack(&a.pack()), a);
/// assert_eq!(a.text(), "1 mon -1 days");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Months.
    pub months: i32,
    /// Days, which may have more or less than 24 hours in other zones than UTC.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

impl Interval {
    /// Its length in microseconds, which is what is compared.
    pub(crate) fn length(self) -> i128 {
        i128::from(self.months) * MONTH + i128::from(self.days) * i128::from(DAY) + i128::from(self.micros)
    }

    /// Whether it leads back, or its hours do.
    pub(crate) fn is_backward(self, of_hours: bool) -> bool {
        if of_hours { self.micros < 0 } else { self.length() < 0 }
    }

    /// As the bytes of a cell.
    pub fn pack(self) -> Box<[u8]> {
        let mut out = [0; PACKED];
        let (length, parts) = out.split_at_mut(LENGTH);
        let (months, days) = parts.split_at_mut(5);
        put(length, self.length() + MIDDLE);
        put(months, i128::from(self.months) + (1 << 31));
        put(days, i128::from(self.days) + (1 << 31));
        out.into()
    }

    /// Of the bytes of a cell.
    pub fn unpack(packed: &[u8]) -> Interval {
        let (length, parts) = packed.split_at(LENGTH.min(packed.len()));
        let (months, days) = parts.split_at(5.min(parts.len()));
        let (months, days) = (get(months) - (1 << 31), get(days) - (1 << 31));
        let micros = get(length) - MIDDLE - months * MONTH - days * i128::from(DAY);
        Interval { months: months as i32, days: days as i32, micros: micros as i64 }
    }

    /// The one form of all intervals of its length: months of 30 days first, then days.
    pub(crate) fn plain(self) -> Interval {
        let length = self.length();
        let months = (length / MONTH).clamp(i32::MIN.into(), i32::MAX.into());
        let rest = length - months * MONTH;
        let days = (rest / i128::from(DAY)).clamp(i32::MIN.into(), i32::MAX.into());
        Interval { months: months as i32, days: days as i32, micros: (rest - days * i128::from(DAY)) as i64 }
    }
}

fn put(digits: &mut [u8], mut value: i128) {
    for digit in digits.iter_mut().rev() {
        *digit = (value & 127) as u8;
        value >>= 7;
    }
}

fn get(digits: &[u8]) -> i128 {
    digits.iter().fold(0, |value, digit| value << 7 | i128::from(*digit))
}

/// The part of a packed interval that its order is of.
pub(crate) fn ordered(packed: &[u8]) -> &[u8] {
    &packed[..LENGTH.min(packed.len())]
}

/// Whether bytes are a packed interval.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    bytes.len() == PACKED && bytes.is_ascii() && *Interval::unpack(bytes).pack() == *bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_compare_as_lengths_do_and_keep_the_parts() {
        let mut rng = fastrand::Rng::with_seed(3);
        let ends = [i64::MIN, i64::MAX, 0, 1, -1];
        let mut any = || {
            let mut part = |small: i64| if rng.u8(..3) == 0 { ends[rng.usize(..5)] } else { rng.i64(-small..small) };
            let narrow = |v: i64| v.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
            Interval { months: narrow(part(20)), days: narrow(part(90)), micros: part(DAY * 40) }
        };
        for _ in 0..2000 {
            let (a, b) = (any(), any());
            assert_eq!(Interval::unpack(&a.pack()), a);
            assert!(is_packed(&a.pack()));
            assert_eq!(ordered(&a.pack()).cmp(ordered(&b.pack())), a.length().cmp(&b.length()), "{a:?} {b:?}");
            assert_eq!(a.plain().length(), a.length(), "{a:?}");
            assert_eq!(Interval::parse(&a.text()), Some(a), "{}", a.text());
        }
        assert!(!is_packed(b"") && !is_packed(&[0; 21]) && !is_packed(&[127; 21]));
    }
}
