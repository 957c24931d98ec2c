//! A gauge whose series are replaced together, so that outdated ones vanish.

use super::names::Labels;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A gauge whose series are replaced together. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Table<const N: usize> {
    name: &'static str,
    help: &'static str,
    rows: Arc<Mutex<BTreeMap<Labels<N>, u64>>>,
}

impl<const N: usize> Table<N> {
    pub fn new(name: &'static str, help: &'static str) -> Self {
        Table { name, help, rows: Arc::default() }
    }

    /// Replaces all series. Values with the same labels are added up.
    pub fn replace(&self, rows: impl Iterator<Item = (Labels<N>, u64)>) {
        let mut all = BTreeMap::new();
        for (labels, value) in rows {
            let sum: &mut u64 = all.entry(labels).or_default();
            *sum = sum.saturating_add(value);
        }
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

impl<const N: usize> Collector for Table<N> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut encoder = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        for (labels, value) in rows.iter() {
            ConstGauge::new(*value).encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }
}
