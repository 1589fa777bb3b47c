//! Review, recall and erasure: the actions that people at the bank take on finished results.
//!
//! - [`review`]: lists results in review, and records a reviewer's decision.
//! - [`recall`]: withdraws a run's published results.
//! - [`erasure`]: destroys a customer's key and artifacts.
//! - [`letter`]: writes the evidence about one customer as a letter.
//!
//! The publish stage enforces reviews, recalls and erasures: it reads the records that this crate writes.
//!
//! **Invariant:** this crate does not depend on a stage, AWS or the file system.

pub mod erasure;
pub mod letter;
pub mod recall;
mod record_text;
pub mod review;

pub use erasure::ErasureError;
pub use letter::LetterError;
pub use recall::RecallError;
pub use record_text::RecordTextError;
pub use review::ReviewError;
