//! Any bytes as a name on its way to a terminal and to JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    use layerwise::render::escape;
    let name = escape::name(data);
    assert_eq!(escape::parse_name(&name).as_deref(), Some(data));
    let line = escape::line(&name).into_owned();
    assert!(line.chars().all(escape::is_harmless), "{line:?}");
});
