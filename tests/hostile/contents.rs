//! The hostile contents, and the finding that each of them is.

use crate::world::World;
use layerwise::demo::{Builder, Harm, ImageSpec, Target, Tree};
use layerwise::graph::Thing;
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) write: fn(&World),
    /// A part of the path of the finding, of its message, and its code.
    pub(crate) path: &'static str,
    pub(crate) message: &'static str,
    pub(crate) code: &'static str,
}

impl Case {
    /// Whether the content is itself a thing that is rightly garbage.
    pub(crate) fn makes_garbage(&self, thing: &Thing) -> bool {
        let is_link = matches!(thing, Thing::Link(_));
        self.code == "dangling-link" && is_link
            || self.name == "names" && !matches!(thing, Thing::Dir(_) | Thing::Layer(_) | Thing::Image(_))
    }
}

const UNREADABLE: &str = "unreadable";

const fn case(name: &'static str, write: fn(&World), (path, message, code): (&'static str, &'static str, &'static str)) -> Case {
    Case { name, write, path, message, code }
}

/// A name that a terminal would obey.
pub(crate) const NAME: &str = "a\nb\x1b[31m\x1b]0;title\x07\r\u{202e}gnp\u{200b}";

pub(crate) const CASES: [Case; 27] = [
    case(
        "a cache-id that leads out",
        |world| fs::write(world.at(world.top.record().join("cache-id")), "../../etc").unwrap(),
        ("layerdb/sha256/<top>", "../../etc", "unloadable-layer"),
    ),
    case(
        "a mount-id that leads out",
        |world| fs::write(world.at(world.container.mount_record().join("mount-id")), "../l").unwrap(),
        ("layerdb/mounts/<container>", "../l", "unloadable-mount"),
    ),
    case(
        "a link that is a symlink",
        |world| lead_out(world, world.top.dir.path().join("link"), "secret"),
        ("<top dir>/link", "not a regular file", "missing-link-file"),
    ),
    case(
        "a link that is a FIFO",
        |world| {
            let link = world.at(world.top.dir.path().join("link"));
            fs::remove_file(&link).unwrap();
            nix::unistd::mkfifo(&link, Mode::S_IRWXU).unwrap();
        },
        ("<top dir>/link", "not a regular file", "missing-link-file"),
    ),
    case(
        "a lower of 2 GB",
        |world| File::create(world.at(world.top.dir.path().join("lower"))).unwrap().set_len(2 << 30).unwrap(),
        ("<top dir>/lower", "larger than", "missing-lower"),
    ),
    case(
        "a config of 2 GB",
        |world| {
            let config = Target::ContainerFile(world.container.id, "config.v2.json");
            File::create(world.at(config.path())).unwrap().set_len(2 << 30).unwrap();
        },
        ("<container>/config.v2.json", "larger than", "container-config-unusable"),
    ),
    case(
        "a deep image config",
        |world| {
            world.builder.borrow_mut().image_config(deep(r#"{"rootfs":"#)).unwrap();
        },
        ("imagedb/content/sha256/", "invalid type", "image-config-invalid"),
    ),
    case(
        "a deep container config",
        |world| damage(world, &Target::ContainerFile(world.container.id, "config.v2.json"), deep(r#"{"ID":"#)),
        ("<container>/config.v2.json", "invalid type", "container-config-unusable"),
    ),
    case(
        "deep references",
        |world| damage(world, &Target::Repositories, deep(r#"{"Repositories":{"x":"#)),
        ("repositories.json", "invalid type", "references-unusable"),
    ),
    case("names", names, ("overlay2/l/write-set-\\xff", "is not a link", UNREADABLE)),
    case("names of images", names_of_images, ("repositories.json", "stands for what is no image", "reference-to-nothing")),
    case("layers on each other", cyclic_layers, ("layerdb/sha256/<base>", "lead back", "cyclic-layers")),
    case(
        "a lower that comes back",
        |world| fs::write(world.at(world.base.dir.path().join("lower")), format!("l/{}", world.top.dir.link)).unwrap(),
        ("overlay2/<base dir>", "leads back", "cyclic-lower"),
    ),
    case("links to each other", cyclic_links, ("overlay2/l/<top link>", "leads to", "mismatched-link")),
    case("pages in a cycle", cyclic_pages, ("buildkit/snapshots.db", "page", "database-damaged")),
    case("overlay2 elsewhere", |world| lead_out(world, "overlay2", "overlay2"), ("overlay2", "cannot open", UNREADABLE)),
    case("image elsewhere", |world| lead_out(world, "image", "image"), ("image", "cannot open", UNREADABLE)),
    case("containers elsewhere", |world| lead_out(world, "containers", "deep"), ("containers", "cannot be read", "containers-missing")),
    case("buildkit elsewhere", |world| lead_out(world, "buildkit", "deep"), ("buildkit", "cannot open", UNREADABLE)),
    case("links elsewhere", |world| lead_out(world, "overlay2/l", "overlay2/l"), ("overlay2/l", "cannot open", UNREADABLE)),
    case(
        "records elsewhere",
        |world| lead_out(world, "image/overlay2/layerdb/sha256", "deep"),
        ("layerdb/sha256", "cannot open", UNREADABLE),
    ),
    case(
        "a container elsewhere",
        |world| lead_out(world, world.container.path(), "deep"),
        ("containers/<container>", "", "container-config-unusable"),
    ),
    case(
        "references elsewhere",
        |world| lead_out(world, Target::Repositories.path(), "secret"),
        ("repositories.json", "not a regular file", "references-unusable"),
    ),
    case(
        "a database elsewhere",
        |world| lead_out(world, "buildkit/snapshots.db", "secret"),
        ("buildkit/snapshots.db", "not a regular file", "database-damaged"),
    ),
    case("a tree elsewhere", |world| lead_out(world, world.top.dir.path().join("diff"), "deep"), ("<top dir>", "", "missing-diff")),
    case("a huge directory", huge_directory, ("overlay2/l/", "not there", "dangling-link")),
    case("deep mounts", deep_mounts, ("layerdb/mounts/<container>-x", "more directories", UNREADABLE)),
];

/// JSON that begins with `beginning` and then goes down 100,000 times.
fn deep(beginning: &str) -> String {
    format!("{beginning}{}{}}}", "[".repeat(100_000), "]".repeat(100_000))
}

fn damage(world: &World, target: &Target, content: String) {
    world.builder.borrow().damage(target, &Harm::Replaced(content.into_bytes())).unwrap();
}

/// Replaces `path` by a symbolic link that leads out of the data-root.
fn lead_out(world: &World, path: impl AsRef<Path>, outside: &str) {
    let path = world.at(path);
    Harm::Removed.inflict(&path).unwrap();
    symlink(world.outside(outside), path).unwrap();
}

/// Names and texts that a terminal would obey, wherever a data-root has any.
fn names(world: &World) {
    let config = world.at(Target::ContainerFile(world.container.id, "config.v2.json").path());
    let mut text: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    text["Name"] = format!("/{NAME}").into();
    text["Config"]["Image"] = NAME.into();
    fs::write(&config, text.to_string()).unwrap();
    for store in ["volumes", "overlay2", "overlay2/l", "plugins", "containers", "", "image/overlay2/layerdb/tmp"] {
        fs::create_dir(world.at(store).join(NAME)).unwrap();
        fs::create_dir(world.at(store).join(OsStr::from_bytes(b"write-set-\xff\xfe"))).unwrap();
    }
    let mut builder = world.builder.borrow_mut();
    let image = builder.image(&ImageSpec::new(&world.top).history(NAME).history(&format!("RUN {NAME}")).os(NAME)).unwrap();
    builder.tag(&format!("{NAME}:1"), image.id).unwrap();
}

/// A reference that is none, beside one whose name a terminal would obey.
fn names_of_images(world: &World) {
    let references = serde_json::json!({ "Repositories": { "x": { format!("{NAME}:1"): format!("sha256:{NAME}") } } });
    damage(world, &Target::Repositories, references.to_string());
}

fn cyclic_layers(world: &World) {
    fs::write(world.at(world.base.record().join("parent")), world.top.chain_id.to_string()).unwrap();
}

fn cyclic_links(world: &World) {
    let [base, top] = [&world.base, &world.top].map(|layer| world.at(layer.dir.link_path()));
    fs::remove_file(&base).unwrap();
    fs::remove_file(&top).unwrap();
    symlink(&top, &base).unwrap();
    symlink(&base, &top).unwrap();
}

/// Lets the first branch page of `snapshots.db` be its own child.
fn cyclic_pages(world: &World) {
    {
        let mut builder = world.builder.borrow_mut();
        let make = |root: &mut Builder| {
            (0..90).try_for_each(|n| root.snapshot(&layerwise::demo::SnapshotSpec::new(&format!("s{n}"), Tree::new("s"))).map(drop))
        };
        builder.batch(make).unwrap();
    }
    let path = world.at("buildkit/snapshots.db");
    let mut bytes = fs::read(&path).unwrap();
    let is_branch = |page: &[u8]| page[8] == 1 && page[9] == 0;
    let number = bytes.chunks(4096).skip(2).position(is_branch).expect("there is a branch page") + 2;
    // The header takes 16 bytes; an element is a position, a length and the number of a page.
    let child = number * 4096 + 16 + 8;
    bytes[child..child + 8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
    fs::write(&path, bytes).unwrap();
}

fn huge_directory(world: &World) {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let target = format!("../{}/diff", "0".repeat(64));
    for number in 0..20_000_usize {
        let letters = [0, 5, 10].map(|shift| char::from(digits[(number >> shift) & 31]));
        symlink(&target, world.at("overlay2/l").join(format!("{}{}", "A".repeat(23), String::from_iter(letters)))).unwrap();
    }
}

fn deep_mounts(world: &World) {
    let mut path = world.at("image/overlay2/layerdb/mounts").join(format!("{}-x", world.container.id));
    for _ in 0..200 {
        path.push("d");
    }
    fs::create_dir_all(path).unwrap();
}
