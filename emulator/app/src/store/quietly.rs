//! A panic of somebody else's code as a value, of which nothing is said. What panics elsewhere meanwhile is told as always.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
    thread,
};

thread_local! {
    /// Whether nothing is said of a panic of this thread.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Catches a panic and says nothing about it. A thread that panics already has said it, and may change no hook.
pub(super) fn quietly<T>(risky: impl FnOnce() -> T) -> thread::Result<T> {
    // Put before the others once and never taken away: two threads that exchange hooks can leave the wrong one.
    static HOOK: Once = Once::new();
    if !thread::panicking() {
        HOOK.call_once(|| {
            let others = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if !IS_QUIET.get() {
                    others(info);
                }
            }));
        });
    }
    let was_quiet = IS_QUIET.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(risky));
    IS_QUIET.set(was_quiet);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_thread_within_is_quiet_and_only_until_its_end() {
        let within = quietly(|| {
            let inner = quietly(|| panic!("unheard"));
            let beside = thread::spawn(|| IS_QUIET.get()).join();
            (IS_QUIET.get(), inner.is_err(), beside.expect("it says so"))
        });
        assert_eq!(within.expect("the inner one was caught"), (true, true, false));
        assert!(quietly(|| panic!("unheard")).is_err());
        assert!(!IS_QUIET.get());
    }
}
