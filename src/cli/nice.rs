//! Stepping back for everybody else on a busy host.
//!
//! A thread of the policy `SCHED_IDLE` gets a core that nobody else wants, and as long as nothing else was asked for it, its requests are
//! in the idle class of the disk's scheduler. bfq and mq-deadline know classes; with `none` and kyber there are none to be in. Threads
//! inherit it from the one that starts them, so it is asked for once, before there are others.

use rustix::process::setpriority_process;
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

const IDLE: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
/// The least that a `nice` value can ask for.
const NICEST: i32 = 19;

/// Makes this thread, and those that it starts from now on, the last to be served.
///
/// # Errors
/// What the kernel refused, as a sentence: then a low priority among equals is all there is.
pub(super) fn step_back() -> Result<(), String> {
    let asked = thread_priority::set_thread_priority_and_policy(thread_priority::thread_native_id(), ThreadPriority::Min, IDLE);
    let lowered = setpriority_process(None, NICEST);
    // The library fails as well where only the `nice` value, which it resets, may not be changed.
    match (thread_priority::thread_schedule_policy(), asked, lowered) {
        (Ok(policy), ..) if policy == IDLE => Ok(()),
        (_, Err(error), _) => Err(format!("cannot use the processor and the disk only when they are idle: {error}")),
        (.., Err(errno)) => Err(format!("cannot lower the priority: {}", std::io::Error::from(errno))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `nice` value and the scheduling policy of this thread, as the kernel tells them.
    fn own() -> (String, String) {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (fields[16].to_owned(), fields[38].to_owned())
    }

    #[test]
    fn threads_are_as_idle_as_the_one_that_started_them() {
        const SCHED_IDLE: &str = "5";
        let started = std::thread::spawn(|| {
            assert_ne!(own().1, SCHED_IDLE);
            step_back().unwrap();
            // Once more, from where nothing is left to be lowered.
            step_back().unwrap();
            std::thread::spawn(own).join().unwrap()
        });
        assert_eq!(started.join().unwrap(), ("19".to_owned(), SCHED_IDLE.to_owned()));
    }
}
