//! The data that the stages of Bespoke exchange: identifiers, object keys, records, settings and error names.
//!
//! **Invariant:** this crate does not depend on AWS, a store, a clock or a process. It contains only types and pure
//! functions on them.

pub mod brand;
pub mod catalogue;
pub mod choice;
pub mod consent;
pub mod customer_page;
pub mod delivery;
pub mod digest;
pub mod effect;
pub mod error;
pub mod evidence;
pub mod executions;
pub mod facts;
pub mod html;
pub mod id;
pub mod institution;
pub mod key;
pub mod language;
pub mod media;
pub mod model;
pub mod narration;
pub mod panics;
pub mod progress;
pub mod reason;
pub mod recall;
pub mod request;
pub mod review;
pub mod schedule;
pub mod script;
pub mod segment;
pub mod settings;
pub mod speech;
pub mod stage;
pub mod table;
pub mod terminal;
pub mod text;
pub mod tone;
pub mod vocabulary;
pub mod voice;
pub mod words;

pub use digest::Digest;
pub use error::{ErrorName, NamedError};
pub use id::{BackgroundName, Batch, CustomerId, CustomerRef, DatasetId, ProductId, RunId, ScheduleName};
pub use key::ObjectKey;
pub use language::{Language, Languages};
