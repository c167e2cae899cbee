//! A busy data-root: every kind of image, container, volume and build cache that a dockerd writes.

mod containers;
pub(crate) mod images;
mod registry;

use crate::engine::Engine;

/// Fills the data-root of `engine`.
pub(crate) fn fill(engine: &mut Engine) {
    images::import(engine);
    images::build_classic(engine);
    images::build_in_steps(engine);
    images::build_with_buildkit(engine);
    images::commit_and_load(engine);
    images::move_tags(engine);
    registry::push_and_pull(engine);
    containers::create(engine);
    images::leave_build_cache(engine);
}
