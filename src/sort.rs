//! Sorting, compiled once: the standard library's sort is four kilobytes for each type and order that it is used with.
//!
//! Short slices, which are what a change brings, are sorted in place. Longer ones sort numbers or indexes, and are then
//! brought into that order.

use std::cmp::Ordering;

/// Up to here inserting one by one is quickest.
const SHORT: usize = 16;

/// Sorts by a number; equal ones keep their order.
pub(crate) fn by_number<T: Copy>(items: &mut [T], number: impl Fn(&T) -> u32) {
    if items.len() <= SHORT {
        return insert(items, |a, b| number(a) > number(b));
    }
    let mut keys = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        keys.push(u64::from(number(item)) << 32 | i as u64);
    }
    numbers(&mut keys);
    let unsorted = items.to_vec();
    for (item, key) in items.iter_mut().zip(keys) {
        *item = unsorted[key as u32 as usize];
    }
}

/// Sorts by a comparison; equal ones keep their order.
pub(crate) fn by<T: Copy>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    if items.len() <= SHORT {
        return insert(items, |a, b| compare(a, b).is_gt());
    }
    let unsorted = items.to_vec();
    let mut order: Vec<u32> = (0..items.len() as u32).collect();
    indexes(&mut order, &mut |a, b| compare(&unsorted[a as usize], &unsorted[b as usize]).then(a.cmp(&b)));
    for (item, at) in items.iter_mut().zip(order) {
        *item = unsorted[at as usize];
    }
}

/// Sorts numbers.
#[inline(never)]
pub(crate) fn numbers(keys: &mut [u64]) {
    keys.sort_unstable();
}

#[inline(never)]
fn indexes(order: &mut [u32], compare: &mut dyn FnMut(u32, u32) -> Ordering) {
    order.sort_unstable_by(|a, b| compare(*a, *b));
}

#[inline(always)]
fn insert<T: Copy>(items: &mut [T], is_behind: impl Fn(&T, &T) -> bool) {
    for i in 1..items.len() {
        let item = items[i];
        let mut at = i;
        while at > 0 && is_behind(&items[at - 1], &item) {
            items[at] = items[at - 1];
            at -= 1;
        }
        items[at] = item;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_any_length_are_sorted_and_equals_keep_their_order() {
        let mut rng = fastrand::Rng::with_seed(5);
        for n in (0..40).chain([1000]) {
            let items: Vec<(u32, usize)> = (0..n).map(|i| (rng.u32(0..20), i)).collect();
            let mut want = items.clone();
            want.sort_by_key(|i| i.0);
            let (mut numbered, mut compared) = (items.clone(), items);
            by_number(&mut numbered, |i| i.0);
            by(&mut compared, |a, b| a.0.cmp(&b.0));
            assert_eq!((&numbered, &compared), (&want, &want));
        }
    }
}
