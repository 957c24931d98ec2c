//! Label values. They come from tasks and queues, so they may hold any text, and there may be any number of them.

use podrules::diagnostic::render::printable_line;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

/// The label value shared by everything beyond a limit.
pub(super) const OTHER: &str = "other";
/// Series per metric.
const MAX_SERIES: usize = 1_000;
/// Characters of a label value.
const MAX_CHARS: usize = 100;

/// The labels of one series.
pub(super) type Labels<const N: usize> = [(&'static str, String); N];

/// Label values of one kind. The first ones are kept, up to a limit; the others become [`OTHER`].
#[derive(Debug)]
pub(super) struct Names {
    most: usize,
    known: Mutex<HashSet<String>>,
}

impl Names {
    pub fn new(most: usize) -> Self {
        Names { most, known: Mutex::default() }
    }

    /// The label value for a name: short, one line, one of a bounded number.
    pub fn of(&self, name: &str) -> String {
        let name: String = printable_line(name).chars().take(MAX_CHARS).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&name) {
            return name;
        }
        if known.len() >= self.most {
            return OTHER.to_owned();
        }
        known.insert(name.clone());
        name
    }
}

/// A metric with labels and a bounded number of series.
#[derive(Debug)]
pub(super) struct Series<M, const N: usize> {
    keys: [&'static str; N],
    /// The number of series.
    count: Mutex<usize>,
    pub family: Family<Labels<N>, M>,
}

impl<M, const N: usize> Series<M, N>
where
    M: EncodeMetric + TypedMetric + Debug,
    fn() -> M: MetricConstructor<M>,
{
    pub fn new(keys: [&'static str; N], make: fn() -> M) -> Self {
        Series { keys, count: Mutex::new(0), family: Family::new_with_constructor(make) }
    }

    /// Updates the series with these label values.
    pub fn with(&self, values: [String; N], change: impl FnOnce(&M)) {
        let mut labels = self.labels(values);
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if self.family.get(&labels).is_none() {
            if *count >= MAX_SERIES {
                labels = self.labels(std::array::from_fn(|_| OTHER.to_owned()));
            } else {
                *count += 1;
            }
        }
        change(&self.family.get_or_create(&labels));
    }

    fn labels(&self, values: [String; N]) -> Labels<N> {
        let mut values = values.into_iter();
        std::array::from_fn(|index| (self.keys[index], values.next().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;

    #[test]
    fn label_values_are_limited_short_and_on_one_line() {
        let names = Names::new(2);
        assert_eq!(names.of("a\n\u{1b}[31m"), "a␊␛[31m");
        assert_eq!(names.of(&"é".repeat(9_000)), "é".repeat(100));
        assert_eq!(names.of("third"), OTHER);
        assert_eq!(names.of("a\n\u{1b}[31m"), "a␊␛[31m");
    }

    #[test]
    fn series_are_bounded() {
        let series = Series::<Counter, 2>::new(["a", "b"], Counter::default);
        for number in 0..MAX_SERIES + 50 {
            series.with([number.to_string(), String::new()], |counter| {
                counter.inc();
            });
        }
        series.with(["0".to_owned(), String::new()], |counter| assert_eq!(counter.inc(), 1));
        series.with(["new".to_owned(), String::new()], |counter| assert_eq!(counter.inc(), 50));
    }
}
