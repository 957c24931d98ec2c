#![no_main]

#[path = "../../tests/fuzz/targets.rs"]
#[allow(dead_code)] // each binary fuzzes one of them
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::expression(bytes));
