//! Sums, means and variances of decimals: exact, independent of the order of changes, with PostgreSQL's scales.

use super::Decimal;

/// An exact sum with the scales of what is in it: the result has the largest of these.
#[derive(Clone, Debug, Default)]
pub(crate) struct DecimalSum {
    sum: Decimal,
    /// How many values have a scale; few scales are in use at a time.
    scales: Vec<(u32, i64)>,
}

impl DecimalSum {
    /// Adds a value as many times as `weight` says (negative: takes it away).
    pub(crate) fn add(&mut self, value: &Decimal, weight: i64) {
        self.count(value.scale, weight);
        self.sum = match weight {
            1 => self.sum.plus(value),
            -1 => self.sum.minus(value),
            _ => self.sum.plus(&value.times(&Decimal::of_int(weight))),
        };
    }

    /// Adds another sum, or takes it away.
    pub(crate) fn add_sum(&mut self, other: &DecimalSum, negative: bool) {
        for &(scale, n) in &other.scales {
            self.count(scale, if negative { -n } else { n });
        }
        self.sum = if negative { self.sum.minus(&other.sum) } else { self.sum.plus(&other.sum) };
    }

    fn count(&mut self, scale: u32, weight: i64) {
        match self.scales.iter_mut().find(|s| s.0 == scale) {
            Some(found) => {
                found.1 += weight;
                if found.1 == 0 {
                    self.scales.retain(|s| s.1 != 0);
                }
            }
            None => self.scales.push((scale, weight)),
        }
    }

    /// Whether nothing is in it.
    pub(crate) fn is_nothing(&self) -> bool {
        self.scales.is_empty() && self.sum.is_zero()
    }

    /// The sum.
    pub(crate) fn value(&self) -> Decimal {
        let scale = self.scales.iter().map(|s| s.0).max().unwrap_or(0);
        self.sum.rounded(scale as i32, super::Round::Zero)
    }

    /// The sum over a number of values.
    pub(crate) fn mean(&self, count: i64) -> Option<Decimal> {
        self.value().over(&Decimal::of_int(count))
    }

    /// The variance of `count` values (at least two of a sample) or its root; `squares` is the sum of their squares.
    pub(crate) fn spread(&self, squares: &DecimalSum, count: i64, sample: bool, root: bool) -> Option<Decimal> {
        let n = Decimal::of_int(count);
        let sum = self.value();
        let above = squares.value().times(&n).minus(&sum.times(&sum));
        if above.is_zero() || above.negative {
            return Some(Decimal::default());
        }
        let below = n.times(&Decimal::of_int(count - i64::from(sample)));
        let variance = above.over(&below)?;
        Some(if root { variance.root(variance.scale) } else { variance })
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.sum.limbs.capacity() * 4 + self.scales.capacity() * size_of::<(u32, i64)>()
    }
}
