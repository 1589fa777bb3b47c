//! The phrasebook: every sentence that a bank may say to a customer, apart from the catalog's own texts.
//!
//! 1. [`Phrasebook::parse`] reads the lines of one language and their approvals.
//! 2. [`check`] reports everything that is wrong with a book.
//! 3. [`Selector`] picks approved lines for one customer, the same ones on every attempt.
//!
//! **Invariant:** a line can be selected only if a person other than its author approved exactly this line. Only
//! openings and closings have slots for a customer's data, so every other line can be spoken and filmed once for all.

mod approval;
mod book;
pub mod check;
mod line;
mod readability;
mod selection;
mod template;
mod wish;

pub use approval::{Approval, Approvals};
pub use book::{BookError, Phrasebook};
pub use line::{GroundKey, Line, LineKind, OfferCount, ServiceTopic, Tone};
pub use readability::lix;
pub use selection::{LiveLine, Selector};
pub use template::{Slot, SlotValues, Template, TemplateError};
pub use wish::{UnderstoodWish, Wishes};
