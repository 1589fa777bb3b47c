//! Tests the adapters against independent servers that implement AWS protocols.

mod polly;
mod s3;
mod secrets;
mod server;
