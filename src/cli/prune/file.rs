//! Plans in files.

use super::super::exit::Failure;
use crate::plan::{Plan, SCHEMA};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

/// The largest plan that is read.
const LIMIT: u64 = 256 << 20;

/// Writes a plan, as a whole or not at all, readable for its owner only.
pub(super) fn save(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::usage(format!("cannot write {}: {error}", path.display()));
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(|error| failed(&error))?;
    let text = serde_json::to_vec_pretty(plan).map_err(|error| failed(&error))?;
    file.write_all(&text).and_then(|()| file.write_all(b"\n")).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

/// Reads a plan. What it says is only ever compared with what is so: it cannot make anything go away that is not garbage.
pub(super) fn load(path: &Path) -> Result<Plan, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::usage(format!("cannot read the plan {}: {error}", path.display())).hint("`layerwise prune --save-plan FILE` writes one")
    };
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut text = Vec::new();
    file.take(LIMIT).read_to_end(&mut text).map_err(|error| failed(&error))?;
    let plan: Plan = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
    if plan.schema == SCHEMA { Ok(plan) } else { Err(failed(&format!("it is a {:?}, and this version applies {SCHEMA:?}", plan.schema))) }
}
