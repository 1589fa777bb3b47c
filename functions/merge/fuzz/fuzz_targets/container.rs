//! Fuzzes a whole file: an encrypted container, an archive, or neither.

#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| merge_fuzz::check(file.to_vec()));
