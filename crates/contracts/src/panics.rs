//! Catches panics of libraries that parse untrusted bytes. Their messages may quote the input, which may be personal.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which hands untrusted bytes to a library. Returns `None` if it panicked; then values that `work` changed
/// must not be used again. A panic hook stays silent while [`is_catching`] holds.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = CATCHING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    CATCHING.set(outer);
    done
}

/// Returns whether this thread runs inside [`caught`].
#[must_use]
pub fn is_catching() -> bool {
    CATCHING.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caught_panic_is_none() {
        assert_eq!(caught(|| "00".parse::<u8>().unwrap()), Some(0));
        assert_eq!(caught(|| "x".parse::<u8>().unwrap()), None);
        assert!(!is_catching());
    }
}
