//! One line on the terminal while something long goes on; nothing where stderr is no terminal.

use crate::apply::Tally;
use crate::render::size::{self, Digits};
use crate::usage::scan::Progress;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the line is drawn.
const EVERY: Duration = Duration::from_millis(200);

/// Shows how far `work`, which measures, has come until it is done; as a share, if it is known how many inodes there are.
pub(super) fn during<T>(expected: Option<u64>, work: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    show(|elapsed| line((progress.inodes(), progress.bytes()), expected, elapsed), || work(&progress))
}

/// Shows how far `work`, which deletes and counts that in `tally`, has come until it is done.
pub(super) fn while_deleting<T>(tally: &Tally, work: impl FnOnce() -> T) -> T {
    let line = |elapsed: Duration| match tally.so_far() {
        (_, 0) => String::new(),
        (bytes, inodes) => {
            let rate = u128::from(inodes) * 1000 / elapsed.as_millis().max(1);
            format!("deleting: {inodes} inodes, {}, {rate} inodes/s", size::human(bytes, Digits::Four))
        }
    };
    show(line, work)
}

/// Shows how far `work`, which reads layers and counts in `met` what it meets, has come until it is done.
pub(super) fn while_reading<T>(met: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let line = |elapsed: Duration| {
        let inodes = met.load(Ordering::Relaxed);
        format!("reading layers: {inodes} inodes, {} inodes/s", u128::from(inodes) * 1000 / elapsed.as_millis().max(1))
    };
    show(line, work)
}

/// Draws `line` of the time that has passed until `work` is done.
pub(super) fn show<T>(line: impl Fn(Duration) -> String + Sync, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    thread::scope(|scope| {
        let (done, wait) = mpsc::channel::<()>();
        let line = &line;
        scope.spawn(move || {
            let start = Instant::now();
            while wait.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                draw(&line(start.elapsed()));
            }
            draw("");
        });
        let result = work();
        drop(done);
        result
    })
}

fn line((inodes, bytes): (u64, u64), expected: Option<u64>, elapsed: Duration) -> String {
    let rate = u128::from(inodes) * 1000 / elapsed.as_millis().max(1);
    // What is used of a file system changes meanwhile, and some of it is nobody's: that nothing is left is only known at the end.
    let share =
        expected.filter(|&expected| inodes <= expected).and_then(|expected| Some((size::percent(inodes, expected)?.min(99), expected)));
    let met = share.map_or_else(|| format!("{inodes} inodes"), |(percent, all)| format!("{percent}% of about {all} inodes"));
    format!("measuring: {met}, {}, {rate} inodes/s", size::human(bytes, Digits::Four))
}

/// Replaces the line; a terminal that has gone away needs none.
fn draw(line: &str) {
    let mut stderr = io::stderr().lock();
    drop(write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_shown_only_where_it_is_known() {
        let shown = |inodes, expected| line((inodes, 2_000_000), expected, Duration::from_secs(2));
        assert_eq!(shown(1000, None), "measuring: 1000 inodes, 2MB, 500 inodes/s");
        assert_eq!(shown(1000, Some(3000)), "measuring: 33% of about 3000 inodes, 2MB, 500 inodes/s");
        assert_eq!(shown(3000, Some(3000)), "measuring: 99% of about 3000 inodes, 2MB, 1500 inodes/s");
        assert_eq!(shown(3001, Some(3000)), "measuring: 3001 inodes, 2MB, 1500 inodes/s");
    }
}
