//! Ctrl-C: while a data-root is being changed it ends the work after the step that it is at, and not in the middle of it; else it ends the
//! process at once, which is what the kernel does unless the process is the first of its PID namespace.

use super::exit::Failure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

/// Whether signals end the process at once.
static AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Has signals end the process where the kernel would not let them: the first process of a PID namespace, as of a container, is not ended by
/// what it does not handle.
pub(super) fn end_if_first() {
    if std::process::id() != 1 {
        return;
    }
    AT_ONCE.store(true, Ordering::SeqCst);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Without, it is as it always was.
        drop(flag::register_conditional_shutdown(signal, 128_i32.saturating_add(signal), Arc::clone(&AT_ONCE)));
    }
}

/// A flag that is set when somebody wants the program to end; the second time it ends at once, which is safe too.
pub(super) fn flag() -> Result<Arc<AtomicBool>, Failure> {
    AT_ONCE.store(false, Ordering::SeqCst);
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let registered =
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag)).and_then(|_| flag::register(signal, Arc::clone(&flag)));
        registered.map_err(|error| Failure::unreadable(format!("cannot wait for signals: {error}")))?;
    }
    Ok(flag)
}
