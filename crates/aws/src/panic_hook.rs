//! The panic hook for the Lambdas.

use std::io::Write as _;

use contracts::panics::is_catching;

/// Makes panics print only their location, because a message may quote personal data.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|panic| {
        if !is_catching() {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "internal error at {place}: please report it as a bug");
        }
    }));
}
