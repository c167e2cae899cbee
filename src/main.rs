//! The `layerwise` command: parses, runs, and says how it ended.

use std::process::ExitCode;

fn main() -> ExitCode {
    layerwise::cli::main()
}
