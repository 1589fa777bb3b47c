//! Panics of libraries that read a stranger's bytes. Their messages may quote what was being read, which may be personal.

use std::cell::Cell;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs what a library does with bytes of unknown origin; nothing if it panicked, of which nothing is printed where
/// [`tell_the_place_alone`] was called. Whatever `work` had in hand is not to be used again.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    CAUGHT.set(outer);
    done
}

/// From now on a panic of this process tells where it happened, and not what it says.
pub fn tell_the_place_alone() {
    std::panic::set_hook(Box::new(|panic| {
        if !CAUGHT.get() {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let _nobody_listens = writeln!(std::io::stderr(), "a bug of the program, at {place}");
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_panics_gives_nothing_and_what_does_not_gives_its_result() {
        assert_eq!(caught(|| "00".parse::<u8>().unwrap()), Some(0));
        assert_eq!(caught(|| "x".parse::<u8>().unwrap()), None);
        assert!(!CAUGHT.get());
    }
}
