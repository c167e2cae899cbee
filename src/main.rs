//! The `layerwise` command.

fn main() {}
