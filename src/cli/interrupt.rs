//! Ctrl-C: while a data-root is being changed it ends the work after the step that it is at, and not in the middle of it.

use super::exit::Failure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A flag that is set when somebody wants the program to end; the second time it ends at once, which is safe too.
pub(super) fn flag() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let registered = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)));
        registered.map_err(|error| Failure::unreadable(format!("cannot wait for signals: {error}")))?;
    }
    Ok(flag)
}
