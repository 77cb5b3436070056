//! Whole numbers as limbs of eight decimal digits, the lowest first.

use std::cmp::Ordering;

/// What a limb is below.
pub(super) const BASE: u32 = 100_000_000;
/// Digits of a limb.
pub(super) const BASE_DIGITS: usize = 8;
/// Powers of ten within a limb.
pub(super) const POWERS: [u32; BASE_DIGITS] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000];

const WIDE: u64 = BASE as u64;

/// Drops empty limbs above.
pub(super) fn trim(a: &mut Vec<u32>) {
    while a.last() == Some(&0) {
        a.pop();
    }
}

/// Multiplied by 10^8 so many times.
pub(super) fn shift(a: &[u32], by: usize) -> Vec<u32> {
    let mut out = vec![0; if a.is_empty() { 0 } else { by }];
    out.extend_from_slice(a);
    out
}

/// Order of two trimmed numbers.
pub(super) fn compare(a: &[u32], b: &[u32]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// `a += b · 10^(8·at)`.
pub(super) fn add(a: &mut Vec<u32>, b: &[u32], at: usize) {
    if a.len() < at + b.len() {
        a.resize(at + b.len(), 0);
    }
    let mut carry = 0;
    for (i, limb) in a.iter_mut().enumerate().skip(at) {
        let more = b.get(i - at).copied();
        if more.is_none() && carry == 0 {
            return;
        }
        let v = *limb + more.unwrap_or(0) + carry;
        carry = u32::from(v >= BASE);
        *limb = v - carry * BASE;
    }
    if carry > 0 {
        a.push(carry);
    }
}

/// `a -= b`, which is not larger.
pub(super) fn subtract(a: &mut Vec<u32>, b: &[u32]) {
    let mut borrow = 0;
    for (i, limb) in a.iter_mut().enumerate() {
        let less = b.get(i).copied().unwrap_or(0) + borrow;
        borrow = u32::from(*limb < less);
        *limb = *limb + borrow * BASE - less;
    }
    trim(a);
}

/// `a *= by`, `by` at most 10^8.
pub(super) fn scale(a: &mut Vec<u32>, by: u32) {
    let mut carry = 0u64;
    for limb in a.iter_mut() {
        carry += u64::from(*limb) * u64::from(by);
        *limb = (carry % WIDE) as u32;
        carry /= WIDE;
    }
    if carry > 0 {
        a.push(carry as u32);
    }
    trim(a);
}

/// `a · b`.
pub(super) fn multiply(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut out = vec![0u32; a.len() + b.len()];
    for (i, &x) in a.iter().enumerate() {
        let mut carry = 0u64;
        for (j, &y) in b.iter().enumerate() {
            carry += u64::from(out[i + j]) + u64::from(x) * u64::from(y);
            out[i + j] = (carry % WIDE) as u32;
            carry /= WIDE;
        }
        out[i + b.len()] = carry as u32;
    }
    trim(&mut out);
    out
}

/// Quotient and remainder by long division (Knuth 4.3.1 D); `b` is trimmed and not zero.
pub(super) fn divide(a: &[u32], b: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut rest = a.to_vec();
    trim(&mut rest);
    if compare(&rest, b).is_lt() {
        return (Vec::new(), rest);
    }
    if let [b] = b {
        let mut carry = 0u64;
        for limb in rest.iter_mut().rev() {
            carry = carry * WIDE + u64::from(*limb);
            *limb = (carry / u64::from(*b)) as u32;
            carry %= u64::from(*b);
        }
        trim(&mut rest);
        return (rest, if carry > 0 { vec![carry as u32] } else { Vec::new() });
    }
    // With the highest limb at least half of the base, a digit is guessed at most two too high.
    let norm = BASE / (b[b.len() - 1] + 1);
    let mut by = b.to_vec();
    scale(&mut by, norm);
    scale(&mut rest, norm);
    let n = by.len();
    rest.resize(rest.len().max(a.len()) + 1, 0);
    let mut quotient = vec![0u32; rest.len() - n];
    let (top, next) = (u64::from(by[n - 1]), u64::from(by[n - 2]));
    for at in (0..quotient.len()).rev() {
        let head = u64::from(rest[at + n]) * WIDE + u64::from(rest[at + n - 1]);
        let (mut guess, mut left) = (head / top, head % top);
        while guess >= WIDE || guess * next > left * WIDE + u64::from(rest[at + n - 2]) {
            guess -= 1;
            left += top;
            if left >= WIDE {
                break;
            }
        }
        let (mut borrow, mut carry) = (0i64, 0u64);
        for i in 0..=n {
            carry += by.get(i).map_or(0, |b| u64::from(*b) * guess);
            let v = i64::from(rest[at + i]) - (carry % WIDE) as i64 - borrow;
            carry /= WIDE;
            borrow = i64::from(v < 0);
            rest[at + i] = (v + borrow * i64::from(BASE)) as u32;
        }
        if borrow > 0 {
            guess -= 1;
            let mut carry = 0;
            for i in 0..=n {
                let v = rest[at + i] + by.get(i).copied().unwrap_or(0) + carry;
                carry = u32::from(v >= BASE);
                rest[at + i] = v - carry * BASE;
            }
        }
        quotient[at] = guess as u32;
    }
    trim(&mut quotient);
    trim(&mut rest);
    let rest = if norm > 1 { divide(&rest, &[norm]).0 } else { rest };
    (quotient, rest)
}

/// The largest number whose square is not above `a`, by Newton's method from above.
pub(super) fn root(a: &[u32]) -> Vec<u32> {
    if a.is_empty() {
        return Vec::new();
    }
    let mut x = shift(&[1], a.len().div_ceil(2));
    loop {
        let mut next = divide(a, &x).0;
        add(&mut next, &x, 0);
        let next = divide(&next, &[2]).0;
        if compare(&next, &x).is_ge() {
            return x;
        }
        x = next;
    }
}
