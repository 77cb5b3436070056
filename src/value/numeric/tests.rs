use super::*;

fn d(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"))
}

fn shown(found: Option<Decimal>) -> String {
    found.map_or_else(|| "none".to_owned(), |d| d.to_string())
}

#[test]
fn texts_are_read_and_printed_as_postgresql_does() {
    for (text, want) in [
        ("0", "0"),
        ("-0.00", "0.00"),
        ("1.50", "1.50"),
        ("+007.5", "7.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1.5e3", "1500"),
        ("1.234e2", "123.4"),
        ("12e-3", "0.012"),
        ("0e10", "0"),
        ("0e-3", "0.000"),
        ("123456789012345678901234567890.000000000000000001", "123456789012345678901234567890.000000000000000001"),
    ] {
        assert_eq!(decimal_text(&parse_decimal(text).unwrap()), want, "{text}");
    }
    for bad in ["", ".", "-", "1e", "1e+", "a", "1 2", "--1", "NaN", "inf", "1e1000", "1e-1001", "0x10", "1_000"] {
        assert_eq!(parse_decimal(bad), None, "{bad}");
    }
    assert_eq!(parse_decimal(&"9".repeat(1000)).map(|p| decimal_text(&p)), Some("9".repeat(1000)));
    assert_eq!(parse_decimal(&"9".repeat(1001)), None);
}

#[test]
fn scales_are_those_of_postgresql() {
    assert_eq!(d("1.50").plus(&d("-2.125")).to_string(), "-0.625");
    assert_eq!(d("1.5").minus(&d("1.50")).to_string(), "0.00");
    assert_eq!(d("-1.50").times(&d("0.20")).to_string(), "-0.3000");
    for (a, b, want) in [
        ("1", "3", "0.33333333333333333333"),
        ("2", "3", "0.66666666666666666667"),
        ("10", "3", "3.3333333333333333"),
        ("-1000000000000.00", "3", "-333333333333.33333333"),
        ("1", "0.0001", "10000.0000000000000000"),
        ("0.000", "7", "0.00000000000000000000"),
        ("12345678901234567890", "987654321", "12499999887.34374999"),
        ("1", "0", "none"),
    ] {
        assert_eq!(shown(d(a).over(&d(b))), want, "{a} / {b}");
    }
    assert_eq!(shown(d("-7.5").remainder(&d("2"))), "-1.5");
    assert_eq!(shown(d("7").remainder(&d("-2.00"))), "1.00");
    assert_eq!(shown(d("7").remainder(&d("0"))), "none");
}

#[test]
fn digits_are_cut_each_way() {
    for (text, digits, want) in [
        ("2.5", 0, ["3", "2", "2", "3"]),
        ("-2.5", 0, ["-3", "-2", "-3", "-2"]),
        ("1.005", 2, ["1.01", "1.00", "1.00", "1.01"]),
        ("1.5", 4, ["1.5000"; 4]),
        ("1250", -2, ["1300", "1200", "1200", "1300"]),
        ("49.9", -2, ["0", "0", "0", "100"]),
        ("99999999.99999999", 7, ["100000000.0000000", "99999999.9999999", "99999999.9999999", "100000000.0000000"]),
        ("-0.000000001", 8, ["0.00000000", "0.00000000", "-0.00000001", "0.00000000"]),
    ] {
        let ways = [Round::HalfAway, Round::Zero, Round::Floor, Round::Ceil];
        assert_eq!(ways.map(|w| d(text).rounded(digits, w).to_string()), want, "{text}");
    }
    assert_eq!(d("100.5000").trimmed().to_string(), "100.5");
    assert_eq!(d("100.00").trimmed().to_string(), "100");
    assert_eq!(d("100").trimmed().to_string(), "100");
}

#[test]
fn packed_bytes_are_ascii_and_in_the_order_of_the_values() {
    let mut rng = fastrand::Rng::with_seed(4);
    let mut values: Vec<(Decimal, Box<[u8]>)> = Vec::new();
    for _ in 0..400 {
        let digits: String = (0..rng.usize(1..25)).map(|_| rng.digit(10)).collect();
        let text = format!("{}{digits}e{}", ["", "-"][rng.usize(..2)], -rng.i32(0..40));
        let value = d(&text);
        let packed = value.pack().unwrap();
        assert!(packed.is_ascii() && is_packed(&packed), "{text}");
        assert_eq!(Decimal::unpack(&packed), value, "{text}");
        values.push((value, packed));
    }
    for (a, x) in &values {
        for (b, y) in &values {
            let difference = a.minus(b);
            let want = if difference.is_zero() {
                std::cmp::Ordering::Equal
            } else if difference.negative {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            };
            assert_eq!(ordered(x).cmp(ordered(y)), want, "{a} {b}");
        }
    }
    for (text, bytes) in [
        ("0.00", &[64, 0, 0, 2][..]),
        ("1.50", &[68, 89, 2, 51, 0, 2]),
        ("-1.5", &[59, 39, 125, 76, 127, 0, 1]),
        ("12e8", &[68, 93, 13, 0, 0]),
        ("0.001", &[68, 87, 11, 0, 3]),
    ] {
        assert_eq!(parse_decimal(text).as_deref(), Some(bytes), "{text}: as in tests/ts/decimal.test.ts");
    }
    let [one, fifty] = ["1.5", "1.50"].map(|t| parse_decimal(t).unwrap());
    assert!(one != fifty && ordered(&one) == ordered(&fifty));
    for bad in [&[][..], &[64, 0, 0], &[64, 1, 1, 0, 0], &[69, 1, 0, 0, 0], &[69, 1, 1, 0, 0], &[58, 127, 100, 0, 0]] {
        assert!(!is_packed(bad), "{bad:?}");
    }
}

#[test]
fn arithmetic_agrees_with_itself_whatever_the_sizes() {
    let mut rng = fastrand::Rng::with_seed(9);
    let mut any = |most: usize| {
        let digits: String = (0..rng.usize(1..most)).map(|_| if rng.u8(..4) == 0 { '9' } else { rng.digit(10) }).collect();
        let zeros = "0".repeat(if rng.u8(..4) == 0 { rng.usize(..30) } else { 0 });
        d(&format!("{}{digits}{zeros}e-{}", ["", "-"][rng.usize(..2)], rng.usize(0..20)))
    };
    for _ in 0..3000 {
        let (a, b, c) = (any(60), any(40), any(30));
        assert_eq!(a.plus(&b).minus(&b).trimmed(), a.trimmed());
        assert_eq!(a.plus(&b).times(&c).trimmed(), a.times(&c).plus(&b.times(&c)).trimmed());
        if !b.is_zero() {
            let rest = a.remainder(&b).unwrap();
            let whole = a.minus(&rest).over(&b).unwrap();
            assert_eq!(whole.trimmed(), whole.rounded(0, Round::Zero), "{a} % {b}");
            assert_eq!(whole.times(&b).plus(&rest).trimmed(), a.trimmed(), "{a} % {b}");
        }
        let root = a.clone().absolute().root(12);
        let (low, high) = (root.minus(&d("0.000000000001")), root.plus(&d("0.000000000001")));
        let less = |a: &Decimal, b: &Decimal| a.minus(b).negative;
        assert!(root.is_zero() || less(&low.times(&low), &a.clone().absolute()) || low.negative);
        assert!(less(&a.clone().absolute(), &high.times(&high)));
        assert_eq!(d(&a.to_string()), a);
    }
}

#[test]
fn doubles_give_their_first_fifteen_digits() {
    for (v, want) in [
        (0.1 + 0.2, "0.3"),
        (1.0 / 3.0, "0.333333333333333"),
        (1e20, "100000000000000000000"),
        (123_456_789_012_345_680.0, "123456789012346000"),
        (-2.5e-7, "-0.00000025"),
        (0.0, "0"),
        (9007199254740993.0, "9007199254740990"),
        // A half is to the even digit.
        (7027727135289445.0, "7027727135289440"),
        (7027727135289455.0, "7027727135289460"),
        (-702772713528944.5, "-702772713528944"),
    ] {
        assert_eq!(shown(Decimal::of_float(v)), want);
    }
    let mut rng = fastrand::Rng::with_seed(2);
    for n in 0..4000 {
        // Every second one with a chance that what is cut off is a half.
        let v = if n % 2 == 0 { f64::from_bits(rng.u64(..)) } else { rng.u64(..1 << 53) as f64 / 4.0 };
        if v.is_finite() {
            let want: f64 = format!("{v:.14e}").parse().unwrap();
            assert_eq!(shown(Decimal::of_float(v)).parse::<f64>().unwrap(), want, "{v:e}");
        }
    }
    assert_eq!(Decimal::of_float(f64::NAN), None);
    assert_eq!(d("0.1").to_float(), 0.1);
    assert_eq!((d("2.5").to_int(), d("-9223372036854775808.4").to_int()), (Some(3), Some(i64::MIN)));
    assert_eq!(d("9223372036854775807.5").to_int(), None);
    assert_eq!(Decimal::of_int(i64::MIN).to_string(), i64::MIN.to_string());
}

#[test]
fn sums_forget_what_is_taken_away() {
    let mut sum = DecimalSum::default();
    let mut squares = DecimalSum::default();
    for (text, n) in [("1.5", 1), ("2.25", 3), ("1e-30", 1), ("1e-30", -1), ("4", 1)] {
        sum.add(&d(text), n);
        squares.add(&d(text).times(&d(text)), n);
    }
    assert_eq!(sum.value().to_string(), "12.25");
    assert_eq!(shown(sum.mean(5)), "2.4500000000000000");
    assert_eq!(shown(sum.spread(&squares, 5, true, false)), "0.85625000000000000000");
    assert_eq!(shown(sum.spread(&squares, 5, false, true)), "0.82764726786234242966");
    assert_eq!(shown(DecimalSum::default().spread(&DecimalSum::default(), 5, false, true)), "0");
}
