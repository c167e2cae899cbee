//! A data-root with one of each thing that can be damaged, of which nothing is damaged.

use layerwise::audit::Audit;
use layerwise::check::{self, Facts, Finding, Marks};
use layerwise::demo::{
    Builder, Container, ContainerSpec, Harm, Image, ImageSpec, Layer, MountNaming, Snapshot, SnapshotSpec, Target, Tree,
};
use layerwise::dir::Dir;
use layerwise::inventory::Inventory;
use layerwise::store::detail::Details;
use layerwise::usage::scan::{self, Options, Progress};
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) struct World {
    _temp: TempDir,
    pub(crate) root: Builder,
    pub(crate) base: Layer,
    pub(crate) middle: Layer,
    pub(crate) top: Layer,
    pub(crate) app: Image,
    pub(crate) below: Image,
    pub(crate) web: Container,
    pub(crate) step: Snapshot,
    pub(crate) context: Snapshot,
    pub(crate) site: Layer,
}

impl World {
    pub(crate) fn new() -> Self {
        // In memory, if the machine has such a directory: many small files are made and removed.
        let temp = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        root.batch(|root| {
            let base = root.layer(None, Tree::new("base").file("bin/sh", 5_000).symlink("bin/ash", "sh").file("etc/passwd", 100))?;
            let middle = root.layer(Some(&base), Tree::new("middle").file("lib/x", 3_000).whiteout("etc/passwd"))?;
            let top = root.layer(Some(&middle), Tree::new("top").file("srv/app", 2_000))?;
            let below = root.image(&ImageSpec::new(&middle).tag("below:1"))?;
            let app =
                root.image(&ImageSpec::new(&top).tag("app:1").digest_reference(&format!("app@sha256:{}", "a".repeat(64))).parent(&below))?;
            let tool = root.layer(None, Tree::new("tool").file("tool", 1_000))?;
            let tool = root.image(&ImageSpec::new(&tool).tag("tool:1"))?;
            let spec = ContainerSpec::new("web", &app).exited(0).log(500).volume("data", "/data");
            let web = root.container(&spec.writes(Tree::new("web").file("tmp/x", 10)).image_mount(&tool, "/tool", MountNaming::Hashed))?;
            root.container(&ContainerSpec::new("next", &below))?;
            let nothing = root.image(&ImageSpec::scratch().tag("nothing:1").empty_history("FROM scratch"))?;
            root.container(&ContainerSpec::new("scratch", &nothing))?;
            root.volume("data", &Tree::new("data").file("x", 100))?;
            root.volume_options("data", "tmpfs", "tmpfs")?;
            let context = root.snapshot(&SnapshotSpec::local_source("context", Tree::new("context").file("main.c", 900)))?;
            let step = root.snapshot(&SnapshotSpec::new("make", Tree::new("make").file("out", 700)).on_layer(&base))?;
            root.snapshot(&SnapshotSpec::new("test", Tree::new("test").file("report", 300)).on(&step))?;
            let site = SnapshotSpec::new("site", Tree::new("site").file("index", 400).symlink("home", "index")).on_layer(&base).exported();
            let site = root.snapshot(&site)?.layer.unwrap();
            root.image(&ImageSpec::new(&site).tag("site:1"))?;
            Ok((base, middle, top, app, below, web, step, context, site))
        })
        .map(|(base, middle, top, app, below, web, step, context, site)| Self {
            _temp: temp,
            root,
            base,
            middle,
            top,
            app,
            below,
            web,
            step,
            context,
            site,
        })
        .unwrap()
    }

    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(path)
    }

    pub(crate) fn damage(&self, target: &Target, harm: &Harm) {
        self.root.damage(target, harm).unwrap();
    }

    /// Lets a file or a link say this instead.
    pub(crate) fn say(&self, target: &Target, text: impl Display) {
        self.damage(target, &Harm::Replaced(text.to_string().into_bytes()));
    }

    pub(crate) fn remove(&self, target: &Target) {
        self.damage(target, &Harm::Removed);
    }

    pub(crate) fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        fs::write(self.at(path), content).unwrap();
    }

    pub(crate) fn dir(&self) -> Dir {
        Dir::root(self.root.path()).unwrap()
    }

    pub(crate) fn inventory(&self) -> Inventory {
        Inventory::read(&self.dir(), None)
    }

    /// Everything that is found, as a command would find it with dockerd stopped.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        findings(self.root.path(), Marks::Trusted)
    }

    /// The codes and places of what is found.
    pub(crate) fn found(&self) -> Vec<String> {
        shown(&self.findings())
    }

    /// A text with the names of this world's things in place of `<…>`.
    pub(crate) fn fill(&self, text: &str) -> String {
        let record = |layer: &Layer| layer.chain_id.hex().to_string();
        [
            ("<base>", record(&self.base)),
            ("<middle>", record(&self.middle)),
            ("<top>", record(&self.top)),
            ("<site>", record(&self.site)),
            ("<base dir>", self.base.dir.id.to_string()),
            ("<middle dir>", self.middle.dir.id.to_string()),
            ("<top dir>", self.top.dir.id.to_string()),
            ("<site dir>", self.site.dir.id.to_string()),
            ("<rw>", self.web.rw.id.to_string()),
            ("<init>", self.web.init.id.to_string()),
            ("<base link>", self.base.dir.link.to_string()),
            ("<middle link>", self.middle.dir.link.to_string()),
            ("<top link>", self.top.dir.link.to_string()),
            ("<rw link>", self.web.rw.link.to_string()),
            ("<web>", self.web.id.to_string()),
            ("<tool mount>", self.web.image_mounts[0].0.clone()),
            ("<app>", self.app.id.hex().to_string()),
            ("<below>", self.below.id.hex().to_string()),
            ("<step>", self.step.dir.id.to_string()),
            ("<context>", self.context.dir.id.to_string()),
        ]
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// Everything that is found in the data-root at `path`.
pub(crate) fn findings(path: &Path, marks: Marks) -> Vec<Finding> {
    let dir = Dir::root(path).unwrap();
    let inventory = Inventory::read(&dir, None);
    let details = Details::read(&dir, &inventory);
    let measured = scan::scan(&dir, &Options::default(), &Progress::default());
    let audit = Audit::new(inventory, Some(measured));
    check::find(&audit, &Facts { details: &details, file_system: None, marks, now: jiff::Timestamp::UNIX_EPOCH })
}

/// Findings as texts: severity, code and path.
pub(crate) fn shown(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {} {}", finding.severity.name(), finding.code, finding.path.display())).collect()
}
