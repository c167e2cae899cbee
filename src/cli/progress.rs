//! One line on the terminal while something long goes on; nothing where stderr is no terminal.

use crate::render::size::{self, Digits};
use crate::usage::scan::Progress;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the line is drawn.
const EVERY: Duration = Duration::from_millis(200);

/// Shows how far `work` has come until it is done.
pub(super) fn during<T>(work: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    if !io::stderr().is_terminal() {
        return work(&progress);
    }
    thread::scope(|scope| {
        let (done, wait) = mpsc::channel::<()>();
        let shown = &progress;
        scope.spawn(move || {
            let start = Instant::now();
            while wait.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                draw(&line(shown, start.elapsed()));
            }
            draw("");
        });
        let result = work(&progress);
        drop(done);
        result
    })
}

fn line(progress: &Progress, elapsed: Duration) -> String {
    let inodes = progress.inodes();
    let rate = u128::from(inodes) * 1000 / elapsed.as_millis().max(1);
    format!("measuring: {inodes} inodes, {}, {rate} inodes/s", size::human(progress.bytes(), Digits::Four))
}

/// Replaces the line; a terminal that has gone away needs none.
fn draw(line: &str) {
    let mut stderr = io::stderr().lock();
    drop(write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush()));
}
