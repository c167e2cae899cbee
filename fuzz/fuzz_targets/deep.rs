//! Any members in a `tar-split.json.gz`, against a layer with one of each kind of file.
#![no_main]

use layerwise::deep::{Control, Job, Owners, Status, verify};
use layerwise::id::{ChainId, DiffId};
use layerwise_fuzz::{DataRoot, base64, gzip};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static ROOT: LazyLock<(DataRoot, Job)> = LazyLock::new(|| {
    let root = DataRoot::new();
    let diff = DiffId::of(b"nothing has this digest");
    let [own, below] = ["a", "b"].map(|digit| digit.repeat(64));
    let at = |path: &str| format!("overlay2/{own}/diff/{path}");
    root.write(&at("a"), b"a\n");
    root.write(&at("b/c"), b"content of a file\n");
    root.write(&at("b/d/e"), b"");
    root.write(&format!("overlay2/{below}/diff/usr/x"), b"below\n");
    root.write("secret", b"secret");
    root.link(&at("a"), &at("f"));
    root.symlink("b/c", &at("g"));
    root.symlink("../../../../secret", &at("h"));
    root.symlink("usr", &format!("overlay2/{below}/diff/i"));
    let chain = ChainId::base(diff);
    root.write(&format!("image/overlay2/layerdb/sha256/{}/size", chain.hex()), b"0");
    let job = Job { chain, diff, dir: own.parse().expect("a name"), lower: vec![below.parse().expect("a name")], bytes: 0 };
    (root, job)
});

fuzz_target!(|data: &[u8]| {
    let (root, job) = &*ROOT;
    root.write(&format!("image/overlay2/layerdb/sha256/{}/tar-split.json.gz", job.chain.hex()), &gzip(lines(data).as_bytes()));
    let owners = Owners::Shifted { user: 1, group: 1 };
    let outcomes = verify(&root.dir(), std::slice::from_ref(job), &owners, (1, &Control::default()), |_| {});
    let [outcome] = outcomes.as_slice() else { panic!("one layer has one outcome") };
    assert_ne!(outcome.status, Status::Verified);
    for difference in &outcome.differences {
        assert!(!difference.path.starts_with(b"/") && !difference.path.split(|&byte| byte == b'/').any(|part| part == b".."));
    }
});

/// Takes members out of `data`: a type, a size, a name and a target, each text with its length before it, and what its content should sum up to.
fn lines(mut data: &[u8]) -> String {
    let mut lines = String::new();
    let mut position = 0;
    while let Some((flag, size, name, target, crc)) = member(&mut data) {
        let mut header = vec![0; 512];
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        header[156] = flag;
        let length = target.len().min(100);
        header[157..157 + length].copy_from_slice(&target[..length]);
        let payload = if size > 0 { format!("\"{}\"", base64(&[crc; 8])) } else { "null".to_owned() };
        let (header, name) = (base64(&header), base64(name));
        lines += &format!("{{\"type\":2,\"payload\":\"{header}\",\"position\":{position}}}\n");
        lines += &format!("{{\"type\":1,\"name_raw\":\"{name}\",\"size\":{size},\"payload\":{payload},\"position\":{}}}\n", position + 1);
        position += 2;
    }
    lines
}

type Member<'a> = (u8, u8, &'a [u8], &'a [u8], u8);

fn member<'a>(data: &mut &'a [u8]) -> Option<Member<'a>> {
    let mut take = |length: usize| {
        let (taken, rest) = data.split_at_checked(length)?;
        *data = rest;
        Some(taken)
    };
    let [flag, size, length] = *take(3)? else { return None };
    let name = take(usize::from(length))?;
    let [length, crc] = *take(2)? else { return None };
    Some((flag, size, name, take(usize::from(length))?, crc))
}
