//! Catches panics in libraries that parse untrusted bytes, and marks them so that panic hooks do not print messages
//! that quote personal input.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which passes untrusted bytes to a library. Returns `None` if `work` panics. In that case, the caller
/// must not use the values that `work` changed. Panic hooks must print nothing while [`is_catching`] returns true.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = CATCHING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    CATCHING.set(outer);
    done
}

/// Returns whether this thread is running inside [`caught`].
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
