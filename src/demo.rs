//! Data-roots made here, the way Docker writes them: for the tour on a machine without Docker, and for every test that needs one.
//!
//! ```
//! # fn main() -> Result<(), layerwise::demo::WriteError> {
//! # let temp = tempfile::tempdir().unwrap();
//! # let path = temp.path().join("docker");
//! use layerwise::demo::{Builder, ContainerSpec, ImageSpec, Tree};
//!
//! let mut root = Builder::create(&path)?;
//! let base = root.layer(None, Tree::new("base").file("etc/passwd", 4000).directory("var"))?;
//! let app = root.layer(Some(&base), Tree::new("app").file("bin/app", 20_000).whiteout("etc/passwd"))?;
//! let image = root.image(&ImageSpec::new(&app).tag("app:1"))?;
//! root.container(&ContainerSpec::new("web", &image).running(4242).writes(Tree::new("web").file("tmp/x", 100)))?;
//! # Ok(())
//! # }
//! ```
//!
//! Everything follows from the names given: no clock and no randomness, so the same calls write the same names and bytes. It needs no
//! root; without it whiteouts, devices, owners and `trusted.` attributes are left out where the kernel refuses them. Layers are honest:
//! their DiffID is that of a real tar, which `tar-split.json.gz` describes, and dockerd itself starts on what is written here.
//!
//! A [`Layer`] without an image is an *unreferenced* one; what crashes leave has a method each on [`Builder`] (`orphan_directory`,
//! `dangling_link`, `interrupted_removal` …); damage is any [`Harm`] to any [`Target`], and [`Builder::metadata_files`] lists all that
//! could be harmed.

mod bolt_writer;
mod builder;
mod buildkit;
mod container;
mod container_config;
mod damage;
mod distribution;
mod go_json;
mod image;
mod layer;
mod leftovers;
mod mount;
mod names;
mod network;
mod overlay;
mod plugin;
mod retired;
pub mod sample;
mod snapshot;
mod tar;
mod tar_split;
mod tree;
mod unpack;
mod volume;
mod write;

pub use bolt_writer::Bucket;
pub use builder::Builder;
pub use container::{Container, ContainerSpec, State};
pub use damage::{DATABASES, Harm, Target};
pub use image::{Image, ImageSpec};
pub use layer::{Layer, LayerSpec};
pub use leftovers::{Fragment, Removal};
pub use mount::MountNaming;
pub use overlay::Directory;
pub use snapshot::{Snapshot, SnapshotSpec};
pub use tree::{MODIFIED, Tree};
pub use write::{Result, WriteError};
