//! A file as it comes: an encrypted container, an archive, or neither.

#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| merge_fuzz::look(file.to_vec()));
