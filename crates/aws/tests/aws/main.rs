//! Tests the adapters against independent servers that implement AWS protocols.

mod kms;
mod polly;
mod s3;
mod secrets;
mod server;
