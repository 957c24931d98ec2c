//! A worker's output: its beginning and its end, within bounds.

/// Bytes that are kept from the beginning of a call's output.
const HEAD: usize = 256 << 10;
/// Bytes that are kept from its end, where the output of Python's fault handler is.
const TAIL: usize = 32 << 10;
/// Bytes of output after which a hook is stopped.
const FLOOD: usize = 16 << 20;
/// Lines of a call's log that are kept.
const MOST_LINES: usize = 1_000;
/// Characters of a line that are kept.
const LONGEST_LINE: usize = 2_000;

/// The output of one call.
#[derive(Debug, Default)]
pub(super) struct Output {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: usize,
}

impl Output {
    /// Appends output; false if the hook has printed too much.
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        self.total += bytes.len();
        let room = (HEAD - self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.tail.extend_from_slice(&bytes[room..]);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
        self.total <= FLOOD
    }

    /// Mebibytes that a hook may print.
    pub(super) fn limit() -> usize {
        FLOOD >> 20
    }

    /// The output that was kept, as text.
    pub(super) fn text(&self) -> String {
        let lost = self.total - self.head.len() - self.tail.len();
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        if lost > 0 {
            text.push_str(&format!("\n… {lost} bytes …\n"));
        }
        text.push_str(&String::from_utf8_lossy(&self.tail));
        text
    }

    /// The hook's log, line by line, without the output of Python's fault handler.
    pub(super) fn lines(&self) -> Vec<String> {
        let text = self.text();
        let (printed, _) = split_fault(&text);
        let all = printed.lines().count();
        let mut lines: Vec<String> =
            printed.lines().take(MOST_LINES).map(|line| line.chars().take(LONGEST_LINE).collect()).collect();
        if all > MOST_LINES {
            lines.push(format!("… {} more lines", all - MOST_LINES));
        }
        lines
    }
}

/// Splits the output into what the hook printed and the stack that Python's fault handler wrote.
pub(super) fn split_fault(text: &str) -> (&str, &str) {
    let starts = ["Fatal Python error: ", "Current thread 0x", "Stack (most recent call first):"];
    let at = starts.iter().filter_map(|start| {
        let at = text.rfind(start)?;
        (at == 0 || text.as_bytes()[at - 1] == b'\n').then_some(at)
    });
    let at = at.min().unwrap_or(text.len());
    // A hook may print these words itself, but then hardly a stack.
    if text[at..].contains("most recent call first") { text.split_at(at) } else { (text, "") }
}

/// The frames of the fault handler's stack, innermost first: file, line, function.
pub(super) fn fault_frames(text: &str) -> Vec<(String, usize, String)> {
    let frame = |line: &str| {
        let (file, rest) = line.strip_prefix("  File \"")?.split_once("\", line ")?;
        let (number, function) = rest.split_once(" in ")?;
        Some((file.to_owned(), number.parse().ok()?, function.to_owned()))
    };
    text.lines().filter_map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_handlers_stack_is_not_part_of_the_log() {
        let text = "hello\nCurrent thread 0x7f (most recent call first):\n  File \"/root/a.py\", line 5 in f\n  File \"<podrules>\", line 9 in call\n";
        let (log, fault) = split_fault(text);
        assert_eq!(log, "hello\n");
        assert_eq!(fault_frames(fault)[0], ("/root/a.py".to_owned(), 5, "f".to_owned()));
        assert_eq!(split_fault("Current thread 0x is what I print\n").1, "");
    }

    #[test]
    fn output_is_bounded() {
        let mut output = Output::default();
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        let mut pushed = 0;
        while output.push(&line) {
            pushed += line.len();
        }
        assert!(pushed > 15 << 20);
        assert!(output.text().len() < HEAD + 2 * TAIL + 100);
        assert_eq!(output.lines().len(), MOST_LINES + 1);
    }
}
