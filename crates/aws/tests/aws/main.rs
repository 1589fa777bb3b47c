//! The adapters against independent servers that speak the protocols of AWS.

mod polly;
mod s3;
mod secrets;
mod server;
