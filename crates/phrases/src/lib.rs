//! The phrasebooks: by language, every sentence that a bank may say to a customer, apart from the catalog's own text.
//! The crate also reads the approvals of the catalog and the rules.
//!
//! 1. [`Phrasebook::parse`] reads the lines in one language and their approvals.
//! 2. [`check`] reports every problem in a phrasebook.
//! 3. [`Selector`] picks approved lines for one customer. It picks the same lines on every attempt.
//!
//! **Invariant:** a line can be selected only if a person other than its author has approved exactly this line and
//! every word that may fill its slots. Only openings and closings have slots for a customer's data, so every other line
//! can be narrated and rendered once for all customers.

mod approval;
mod book;
mod books;
pub mod check;
mod line;
pub mod materials;
mod readability;
mod selection;
mod template;
mod wish;

pub use approval::{Approval, Approvals};
pub use book::{BookError, Phrasebook};
pub use books::{BookSource, Phrasebooks};
pub use line::{GroundKey, Line, LineKind, OfferCount, ServiceTopic, Tone};
pub use readability::lix;
pub use selection::{LiveLine, Selector};
pub use template::{Slot, SlotValues, Template, TemplateError};
pub use wish::{UnderstoodWish, Wishes};
