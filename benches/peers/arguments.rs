//! What every comparison can be told.

use std::path::PathBuf;

/// Where and how often it measures.
#[derive(Debug, clap::Args)]
pub(crate) struct Usual {
    /// Where the trees are made: on the file system that is to be measured.
    #[arg(long, default_value = "/var/tmp/layerwise-bench")]
    pub(crate) dir: PathBuf,
    /// How often each contender has each tree.
    #[arg(long, default_value_t = 5)]
    pub(crate) runs: usize,
    /// Measures a command.
    #[arg(long, num_args = 1.., allow_hyphen_values = true, hide = true)]
    pub(crate) under: Option<Vec<String>>,
    /// What `cargo bench` passes on.
    #[arg(long, hide = true)]
    bench: bool,
}
