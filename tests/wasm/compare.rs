//! `memcmp` of the binding room, which all comparisons of bytes go by.

use std::cmp::Ordering;
use wasm_bindgen_test::wasm_bindgen_test;

/// Byte by byte, which nothing turns into a call.
fn compared(a: &[u8], b: &[u8]) -> Ordering {
    let differs = a.iter().zip(b).position(|(x, y)| std::hint::black_box(x) != std::hint::black_box(y));
    differs.map_or(a.len().cmp(&b.len()), |at| if a[at] < b[at] { Ordering::Less } else { Ordering::Greater })
}

#[wasm_bindgen_test]
fn bytes_are_compared_in_their_order_wherever_they_begin_and_differ() {
    let bytes: Vec<u8> = (0..64).map(|n: u8| n.wrapping_mul(37)).collect();
    for len in 0..40 {
        for from in 0..9 {
            let a = std::hint::black_box(bytes[from..from + len].to_vec());
            assert!(a == bytes[from..from + len] && a.as_slice().cmp(&bytes[from..from + len]).is_eq());
            for at in 0..len {
                for to in [0, 1, 0x7f, 0x80, 0xff] {
                    // Behind the first difference is another one the other way.
                    let mut b = a.clone();
                    b[at] = to;
                    b[at + 1..].iter_mut().for_each(|byte| *byte = !*byte);
                    let b = std::hint::black_box(b);
                    assert_eq!(a.as_slice().cmp(b.as_slice()), compared(&a, &b), "{a:?} {b:?}");
                    assert_eq!(a == b, compared(&a, &b).is_eq());
                    assert_eq!(a.as_slice().cmp(&b[..at]), Ordering::Greater, "what goes on is behind");
                }
            }
        }
    }
}
