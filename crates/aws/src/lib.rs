//! Adapters of Bespoke to AWS, and the host that its Lambdas share.
//!
//! | Module | What |
//! |---|---|
//! | [`s3`] | [`storage::store::ObjectStore`] over one bucket |
//! | [`secrets`] | [`storage::secret::Secrets`] over Secrets Manager |
//! | [`executions`] | [`contracts::executions::Executions`] over Step Functions |
//! | [`polly`] | [`contracts::speech::SpeechService`] over Polly |
//! | [`metrics`] | CloudWatch metrics in the embedded format |
//! | [`host`] | starts a Lambda, decodes what it is given, names its errors |
//! | `caught` | what Step Functions hands over when it caught an error |
//!
//! **Invariant:** no stage's rules are here, and nothing here knows a stage.

mod caught;
pub mod environment;
pub mod executions;
pub mod host;
pub mod metrics;
mod panic_hook;
pub mod polly;
pub mod s3;
pub mod secrets;

pub use host::{Failure, Host};
