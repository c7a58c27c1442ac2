#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    ottla_fuzz::judge(ottla_fuzz::targets::zstd(data))
});
