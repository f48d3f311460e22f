#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| autoencode_fuzz::npy::run(data));
