//! Rules about how images share layers and what they weigh, for a build that is to fail when one is broken.
//!
//! ```text
//! layerwise.toml ─► parse ─► Policy ──────────────────────────┐
//! Audit ──────────────────────► Scene ─────────────────────────┴─► evaluate ─► Outcome, one for each rule and image (or set of images, or the host)
//! what was there before ──► Baseline ──────────────────────┤
//! layers, if a rule needs them ─► Inside, of each image ─► ┘
//! ```
//! Everything here is pure: a policy is text, a scene is what was measured, and the same two always have the same outcomes. A rule speaks of the
//! images that have a name, since only those can be meant by a pattern; what is shared and what is exclusive is counted among the images
//! that the rule is about, so that the untagged images between the steps of a classic build count for nothing.
//!
//! A rule that needed something that could not be read does not pass: if what could be read keeps it, nobody knows whether it is kept.

mod amount;
mod baseline;
mod change;
mod evaluate;
mod host;
mod image;
mod init;
mod inside;
mod parse;
mod paths;
mod policy;
mod scene;
mod set;
#[cfg(test)]
mod tests;
mod unread;
mod value;
mod within;

pub use amount::{Amount, Limit};
pub use baseline::Baseline;
pub use evaluate::{Outcome, Place, Subject, Verdict, evaluate};
pub use init::{starter, wanted_to_start};
pub use inside::{Hidden, Inside, Insides, Shown, Wanted, insides};
pub use parse::{PolicyError, parse};
pub use paths::Paths;
pub use policy::{Check, Level, Missing, Policy, Rule};
pub use scene::{Host, Image, Layer, Scene, Unread};
