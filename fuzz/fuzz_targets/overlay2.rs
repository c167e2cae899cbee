//! Any bytes as a lower file, the text of a link, a size, and the names of things.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    use layerwise::id::{ContainerId, DirId, LinkId, MountName};
    use layerwise::store::{layerdb, overlay2};
    if let Ok(lower) = overlay2::parse_lower(data) {
        // What is read says all that was written.
        let text: Vec<_> = lower.iter().map(|link| format!("l/{link}")).collect();
        assert_eq!(text.join(":").as_bytes(), data.trim_ascii());
    }
    if let Ok(dir) = overlay2::parse_target(data) {
        assert_eq!(format!("../{dir}/diff").as_bytes(), data);
    }
    let _ = layerdb::parse_size(data);
    for name in [
        DirId::try_from(data).map(|id| id.to_string()),
        LinkId::try_from(data).map(|id| id.to_string()),
        MountName::try_from(data).map(|id| id.to_string()),
        ContainerId::try_from(data).map(|id| id.to_string()),
    ]
    .into_iter()
    .flatten()
    {
        assert_eq!(name.as_bytes(), data);
        assert!(name.split('/').all(|part| !matches!(part, "" | "." | "..")));
    }
});
