//! `distribution/`: which blob of which repository a layer came from, noted to save the next push or pull some work.

use super::builder::Builder;
use super::write::{self, Result};
use crate::id::{DiffId, Digest};
use serde_json::json;
use std::path::Path;

impl Builder {
    /// Notes that the layer `diff_id`, which may be gone, was pulled from `repository` (`docker.io/library/debian`).
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn distribution_entry(&mut self, diff_id: DiffId, repository: &str) -> Result<()> {
        let blob = Digest::of(diff_id.to_string().as_bytes());
        let by_diff_id = self.directories(Path::new("image/overlay2/distribution/v2metadata-by-diffid/sha256"), 0o700)?;
        let by_digest = self.directories(Path::new("image/overlay2/distribution/diffid-by-digest/sha256"), 0o700)?;
        let sources = json!([{ "Digest": blob, "SourceRepository": repository, "HMAC": "" }]);
        write::file(&by_diff_id.join(diff_id.hex().to_string()), 0o644, sources.to_string())?;
        write::file(&by_digest.join(blob.hex().to_string()), 0o644, diff_id.to_string())
    }
}
