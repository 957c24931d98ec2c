//! Metrics of this process, read from `/proc` at each scrape. Without `/proc` there are none.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};

/// Collects the metrics of this process.
#[derive(Debug)]
pub(super) struct Process;

/// The fields of `/proc/self/stat` that are needed.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// Clock ticks, in user and kernel mode.
    cpu: u64,
    /// Clock ticks since the machine started.
    start: u64,
    /// Pages in memory.
    pages: u64,
}

impl Stat {
    /// Parses the line. The second field is the name in parentheses, which may hold any text.
    fn of(line: &str) -> Option<Stat> {
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Numbered as in proc(5); the first two are cut off.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Stat { cpu: field(14)?.checked_add(field(15)?)?, start: field(22)?, pages: field(24)? })
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(stat) = read("/proc/self/stat").as_deref().and_then(Stat::of) {
            let ticks = rustix::param::clock_ticks_per_second().max(1) as f64;
            let cpu = ConstCounter::new(stat.cpu as f64 / ticks);
            let help = "Processor time used, in user and kernel mode";
            let metric = encoder.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), cpu.metric_type())?;
            cpu.encode(metric)?;
            let memory = ConstGauge::new(stat.pages.saturating_mul(rustix::param::page_size() as u64));
            let help = "Resident memory";
            let kind = memory.metric_type();
            let metric = encoder.encode_descriptor("process_resident_memory", help, Some(&Unit::Bytes), kind)?;
            memory.encode(metric)?;
            if let Some(boot) = boot() {
                let start = ConstGauge::new(boot as f64 + stat.start as f64 / ticks);
                let help = "Start time of the process, as Unix time";
                let kind = start.metric_type();
                let metric = encoder.encode_descriptor("process_start_time", help, Some(&Unit::Seconds), kind)?;
                start.encode(metric)?;
            }
        }
        if let Ok(folder) = fs::read_dir("/proc/self/fd") {
            // One of them is the folder itself.
            let open = ConstGauge::new((folder.count() as u64).saturating_sub(1));
            let kind = open.metric_type();
            let metric = encoder.encode_descriptor("process_open_fds", "Open file descriptors", None, kind)?;
            open.encode(metric)?;
        }
        Ok(())
    }
}

/// When the machine started, as Unix time in seconds.
fn boot() -> Option<u64> {
    let lines = BufReader::new(File::open("/proc/stat").ok()?.take(4 << 20)).lines();
    lines.map_while(Result::ok).find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

fn read(path: &str) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(64 << 10).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_after_any_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 140 15 16 17 18 19 20 21 2200 23 2400 25";
        let expected = Some(Stat { cpu: 155, start: 2_200, pages: 2_400 });
        for name in ["(podrules)", "(a b)", "() 1 2 (x)", "(\n)"] {
            assert_eq!(Stat::of(&format!("7 {name} {rest}")), expected, "{name}");
        }
        for line in ["", "7 (x", "7 (x) S 1 2", &format!("7 (x) {}", rest.replace("140", "-1"))] {
            assert_eq!(Stat::of(line), None, "{line}");
        }
    }
}
