//! What the stages of Bespoke exchange: identifiers, object keys, records, ports and names of errors.
//!
//! **Invariant:** this crate knows no AWS, no file system, no clock and no process. It holds the types in which the
//! other crates speak, and the few rules that every one of them must apply in the same way: what consent means
//! ([`consent`]), how personal data is sealed ([`vault`]), and where each object lies ([`key`]).

pub mod brand;
pub mod catalogue;
pub mod consent;
pub mod control;
pub mod customer;
pub mod delivery;
pub mod digest;
pub mod error;
pub mod evidence;
pub mod executions;
pub mod facts;
pub mod id;
pub mod key;
pub mod media;
pub mod model;
pub mod narration;
pub mod panics;
pub mod progress;
pub mod recall;
pub mod request;
pub mod review;
pub mod script;
pub mod secret;
pub mod settings;
pub mod speech;
pub mod stage;
pub mod store;
pub mod turn;
pub mod vault;
pub mod voice;

pub use digest::Digest;
pub use error::{ErrorName, NamedError};
pub use id::{BackgroundName, Batch, CustomerId, CustomerRef, DatasetId, ProductId, RunId};
pub use key::ObjectKey;
