//! `to_char` of numbers: what `formatting.c` does, step by step, with its names.

use super::super::decimal::{self, Long};
use super::undefined;
use crate::error::Result;
use crate::query::Function;
use crate::value::Value;

#[derive(Default)]
struct Num {
    pre: i64,
    post: i64,
    lsign: i64,
    pre_lsign_num: i64,
    multi: i64,
    zero_start: i64,
    zero_end: i64,
    flags: Vec<&'static str>,
}

impl Num {
    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// Notes a keyword; false if it must not be there.
    fn prepare(&mut self, key: &str) -> bool {
        let any = |num: &Num, flags: &[&str]| flags.iter().any(|f| num.has(f));
        if self.has("EEEE") && key != "EEEE" {
            return false;
        }
        let fine = match key {
            "9" | "0" => !self.has("PR"),
            "." | "D" => !any(self, &["decimal", "V"]),
            "V" => !self.has("decimal"),
            "S" => !any(self, &["S", "PL", "MI", "PR"]),
            "MI" | "PL" | "SG" => !self.has("S"),
            "PR" => !any(self, &["S", "PL", "MI"]),
            "RN" => !self.has("RN"),
            "EEEE" => !any(self, &["EEEE", "B", "FM", "S", "PR", "MI", "PL", "RN", "V"]),
            _ => true,
        };
        match key {
            "9" if self.has("V") => self.multi += 1,
            "9" if self.has("decimal") => self.post += 1,
            "9" => self.pre += 1,
            "0" => {
                if !self.has("zero") && !self.has("decimal") {
                    self.flags.push("zero");
                    self.zero_start = self.pre + 1;
                }
                if self.has("decimal") {
                    self.post += 1
                } else {
                    self.pre += 1
                }
                self.zero_end = self.pre + self.post;
            }
            "B" if self.pre == 0 && self.post == 0 && !self.has("zero") => self.flags.push("B"),
            "." | "D" => self.flags.push("decimal"),
            "S" => {
                (self.lsign, self.pre_lsign_num) = if self.has("decimal") { (1, 0) } else { (-1, self.pre) };
                self.flags.push("S");
            }
            "SG" => self.flags.extend(["MI", "PL"]),
            "FM" => self.flags.push("FM"),
            "MI" => self.flags.push("MI"),
            "PL" => self.flags.push("PL"),
            "PR" => self.flags.push("PR"),
            "V" => self.flags.push("V"),
            "RN" => self.flags.push("RN"),
            "EEEE" => self.flags.push("EEEE"),
            _ => {}
        }
        fine && !(self.has("RN") && self.flags.iter().any(|f| !["RN", "FM"].contains(f)))
    }
}

enum Node {
    Text(char),
    Key(&'static str, bool),
}

fn parse(template: &str) -> Option<(Vec<Node>, Num)> {
    const KEYS: &str = ", . 0 9 B C D EEEE FM G L MI PL PR RN SG SP S TH V";
    let (mut nodes, mut num) = (Vec::new(), Num::default());
    let text: Vec<char> = template.chars().collect();
    let mut i = 0;
    while i < text.len() {
        let rest: String = text[i..].iter().collect();
        let key = KEYS.split(' ').find(|k| rest.starts_with(*k) || rest.starts_with(&k.to_lowercase()));
        if let Some(key) = key {
            if !num.prepare(key) {
                return None;
            }
            nodes.push(Node::Key(key, text[i].is_ascii_lowercase()));
            i += key.len();
        } else if text[i] == '"' {
            i += 1;
            while i < text.len() && text[i] != '"' {
                i += usize::from(text[i] == '\\' && i + 1 < text.len());
                nodes.push(Node::Text(text[i]));
                i += 1;
            }
            i += 1;
        } else {
            i += usize::from(text[i] == '\\' && text.get(i + 1) == Some(&'"'));
            nodes.push(Node::Text(text[i]));
            i += 1;
        }
    }
    Some((nodes, num))
}

fn rounded(value: &Value, places: i64) -> Result<String> {
    Ok(Long::of(&decimal::call(Function::RoundTo, &[value.clone(), Value::Int(places)])?).text())
}

fn roman(number: &str) -> String {
    let Some(mut n) = number.parse::<i64>().ok().filter(|n| (1..=3999).contains(n)) else { return "#".repeat(15) };
    let mut out = String::new();
    for pair in "1000M 900CM 500D 400CD 100C 90XC 50L 40XL 10X 9IX 5V 4IV 1I".split(' ') {
        let letters = pair.trim_start_matches(|c: char| c.is_ascii_digit());
        let value: i64 = pair[..pair.len() - letters.len()].parse().expect("a number");
        out += &letters.repeat((n / value) as usize);
        n %= value;
    }
    out
}

fn scientific(value: &Value, places: i64) -> Result<String> {
    let text = Long::of(value).text();
    let bare = text.trim_start_matches('-');
    let point = bare.find('.').unwrap_or(bare.len()) as i64;
    let first = bare.find(|c: char| c.is_ascii_digit() && c != '0').map(|at| at as i64);
    let exponent = first.map_or(0, |at| if at < point { point - at - 1 } else { point - at });
    let moved = if exponent < 0 { ["1", &"0".repeat(-exponent as usize)].concat() } else { format!("{}1", small(exponent)) };
    let factor = Long::of_text(&moved).value()?;
    let mantissa = decimal::call(Function::Mul, &[value.clone(), factor])?;
    let shown = rounded(&mantissa, places)?;
    let sign = if shown.starts_with('-') { "" } else { " " };
    Ok(format!("{sign}{shown}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()))
}

/// What is before the one of a power of ten below one.
fn small(places: i64) -> String {
    if places == 0 { String::new() } else { format!("0.{}", "0".repeat(places as usize - 1)) }
}

/// A decimal as a template says.
pub(super) fn to_char(value: &Value, template: &str) -> Result<Value> {
    let Some((nodes, mut num)) = parse(template) else { return Err(undefined("no such template")) };
    if template.is_empty() {
        return Ok(Value::text(""));
    }
    if num.has("EEEE") {
        return scientific(value, num.post).map(Value::text);
    }
    let (is_roman, fm) = (num.has("RN"), num.has("FM"));
    let (mut sign, mut spaces) = (' ', 0);
    let number: Vec<char>;
    if is_roman {
        number = roman(&rounded(value, 0)?).chars().collect();
        (num.pre, num.post) = (0, 0);
    } else {
        let by = Long::of_text(&["1", &"0".repeat(num.multi as usize)].concat()).value()?;
        num.pre += num.multi;
        let text = rounded(&decimal::call(Function::Mul, &[value.clone(), by])?, num.post)?;
        sign = if text.starts_with('-') { '-' } else { '+' };
        let text = text.trim_start_matches('-');
        let width = text.find('.').unwrap_or(text.len()) as i64;
        spaces = (num.pre - width).max(0);
        let over = format!("{}.{}", "#".repeat(num.pre as usize), "#".repeat(num.post as usize));
        number = if width > num.pre { over.chars().collect() } else { text.chars().collect() };
    }
    let zero_start = num.zero_start - 1;
    let mut bracket = num.has("PR");
    let mut sign_wrote;
    if num.has("PL") || num.has("MI") {
        sign_wrote = num.has("MI");
    } else {
        bracket &= sign == '-' || !fm;
        sign_wrote = sign == '+' && fm && !num.has("S");
        if num.lsign == -1 && num.pre == num.pre_lsign_num {
            num.lsign = 1;
        }
    }
    let mut last: Option<usize> = None;
    if let (true, Some(point)) = (fm && num.has("decimal"), number.iter().position(|c| *c == '.')) {
        let significant = (point..number.len()).filter(|i| number[*i] != '0').max().expect("the point");
        let kept = (num.zero_end > spaces).then(|| (number.len() - 1).min((num.zero_end - spaces) as usize));
        last = kept.max(Some(significant));
    }
    let num_count = num.post + num.pre - 1 + i64::from(!sign_wrote && spaces == 0);
    let dot_is_last = last.is_some_and(|l| number[l] == '.');
    let (mut num_in, mut num_curr, mut p) = (false, 0, 0);
    let mut out = String::new();
    let signed = |c: char| if sign == '-' { '-' } else { c };
    for node in nodes {
        let (key, small) = match node {
            Node::Text(c) => {
                out.push(c);
                continue;
            }
            Node::Key(key, small) => (key, small),
        };
        let shown = |text: String| if small { text.to_lowercase() } else { text };
        match key {
            "9" | "0" | "." | "D" if !is_roman => {
                let predec = !num.has("zero") && p == 0 && number[0] == '0' && num.post != 0;
                let has_zero = num.has("zero");
                num_in = false;
                if !sign_wrote && (num_curr >= spaces || has_zero && zero_start == num_curr) && (!predec || dot_is_last) {
                    if num.has("S") {
                        if num.lsign == -1 {
                            out.push(signed('+'));
                            sign_wrote = true;
                        }
                    } else {
                        sign_wrote = true;
                        if bracket {
                            out.push(if sign == '+' { ' ' } else { '<' });
                        } else if sign == '-' || !fm {
                            out.push(signed(' '));
                        }
                    }
                }
                if num_curr < spaces && (zero_start > num_curr || !has_zero) {
                    if !fm {
                        out.push(' ');
                    }
                } else if has_zero && num_curr < spaces && zero_start <= num_curr {
                    out.push('0');
                    num_in = true;
                } else {
                    if number.get(p) == Some(&'.') {
                        if !dot_is_last || fm {
                            out.push('.');
                        }
                    } else if last.is_some_and(|l| p > l) && key != "0" {
                    } else if predec {
                        if !fm {
                            out.push(' ');
                        } else if dot_is_last {
                            out.push('0');
                        }
                    } else {
                        out.push(number.get(p).copied().unwrap_or('\0'));
                        num_in = true;
                    }
                    p += usize::from(p < number.len());
                }
                let mut end = num_count + i64::from(spaces > 0) + i64::from(num.has("decimal"));
                if last == Some(p) {
                    end = num_curr;
                }
                if num_curr + 1 == end {
                    if sign_wrote && bracket {
                        out.push(if sign == '+' { ' ' } else { '>' });
                    } else if num.has("S") && num.lsign == 1 {
                        out.push(signed('+'));
                    }
                }
                num_curr += 1;
            }
            "," | "G" if num_in => out.push(','),
            "," | "G" if !fm => out.push(' '),
            "L" => out.push(' '),
            "RN" => {
                let text: String = shown(number.iter().collect());
                out += &if fm { text } else { format!("{text:>15}") };
            }
            "TH" if !is_roman && number[0] != '#' && sign != '-' && !num.has("decimal") => {
                let Some(units) = number[number.len() - 1].to_digit(10) else { return Err(undefined("no such template")) };
                let teens = number.len() > 1 && number[number.len() - 2] == '1';
                out += &shown(["TH", "ST", "ND", "RD"].get(units as usize).filter(|_| !teens).unwrap_or(&"TH").to_string());
            }
            "MI" if sign == '-' => out.push('-'),
            "PL" if sign == '+' => out.push('+'),
            "MI" | "PL" if !fm => out.push(' '),
            "SG" => out.push(sign),
            _ => {}
        }
    }
    Ok(Value::text(out.split('\0').next().unwrap_or_default()))
}
