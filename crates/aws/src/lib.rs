//! Bespoke's adapters to AWS, and the host that its Lambdas share.
//!
//! | Module | Content |
//! |---|---|
//! | [`s3`] | [`storage::store::ObjectStore`] over one bucket |
//! | [`secrets`] | [`storage::secret::Secrets`] over Secrets Manager |
//! | [`executions`] | [`contracts::executions::Executions`] over Step Functions |
//! | [`timers`] | [`contracts::schedule::Timers`] over `EventBridge` Scheduler |
//! | [`kms`] | [`transparency::signer::Signer`] over KMS |
//! | [`polly`] | [`policy::disclosure::SpeechService`] over Polly |
//! | [`metrics`] | CloudWatch metrics in the embedded format |
//! | [`host`] | starts a Lambda, decodes its payload and names its errors |
//! | `step_functions_error` | translates an error that Step Functions caught |
//!
//! **Invariant:** this crate does not depend on any stage, or on rules that only stages apply.

pub mod environment;
pub mod executions;
pub mod host;
pub mod kms;
pub mod metrics;
mod panic_hook;
pub mod polly;
pub mod s3;
pub mod secrets;
mod step_functions_error;
pub mod timers;

pub use host::{Failure, Host};
