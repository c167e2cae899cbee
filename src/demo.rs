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

mod builder;
mod container;
mod container_config;
mod go_json;
mod image;
mod layer;
mod names;
mod overlay;
mod tar;
mod tar_split;
mod tree;
mod unpack;
mod write;

pub use builder::Builder;
pub use container::{Container, ContainerSpec, State};
pub use image::{Image, ImageSpec};
pub use layer::{Layer, LayerSpec};
pub use overlay::Directory;
pub use tree::{MODIFIED, Tree};
pub use write::{Result, WriteError};
