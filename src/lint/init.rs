//! A policy to begin with: it passes on what is there, and says of each rule what it is for.

use super::amount::Amount;
use super::evaluate::{Verdict, evaluate};
use super::parse::parse;
use super::scene::{Image, Scene};
use std::fmt::Write as _;

/// A rule of the policy, and what it is for.
struct Proposal {
    why: &'static str,
    rule: String,
}

/// Writes a commented policy that passes on `scene`. A rule that would not is there too, but behind a comment, with what breaks it.
#[must_use]
pub fn starter(scene: &Scene) -> String {
    let mut text = "# Rules for `layerwise lint --policy FILE`. All hold on the host on which this was written; tighten them as you like.\n\
        # Each rule may say `images = [\"shop/*\"]`, `except = [\"shop/base\"]` and `level = \"warn\"`; several of a kind are written [[rule]].\n"
        .to_owned();
    for Proposal { why, rule } in proposals(scene) {
        let broken = parse(&rule).ok().and_then(|policy| {
            let outcomes = evaluate(&policy, scene);
            outcomes.into_iter().find(|outcome| outcome.verdict != Verdict::Pass).map(|outcome| outcome.message)
        });
        // Writing to a string does not fail.
        let _ = match broken {
            None => write!(text, "\n# {why}\n{rule}"),
            Some(message) => write!(text, "\n# {why}\n# Not now: {}\n{}", message.replace('\n', " "), commented(&rule)),
        };
    }
    text
}

fn commented(rule: &str) -> String {
    rule.lines().fold(String::new(), |text, line| text + "# " + line + "\n")
}

fn proposals(scene: &Scene) -> Vec<Proposal> {
    let images: Vec<&Image> = scene.images.iter().filter(|image| !image.names.is_empty()).collect();
    let most = |measure: &dyn Fn(&Image) -> u64| images.iter().map(|image| measure(image)).max().unwrap_or_default();
    let size = most(&|image| scene.weigh(image.chain.iter().copied()).0);
    let inodes = most(&|image| scene.weigh(image.chain.iter().copied()).1);
    let layers = most(&|image| crate::render::words::to_u64(image.chain.len()));
    let (all, _) = scene.weigh(images.iter().flat_map(|image| image.chain.iter().copied()));
    let bytes = |bytes| format!("limit = \"{}\"\n", Amount::Bytes(rounded(bytes)));
    let rule = |why, name: &str, keys: String| Proposal { why, rule: format!("[{name}]\n{keys}") };
    vec![
        rule("No image is larger than the largest one now.", "max-size", bytes(size)),
        rule("All images together, each layer counted once.", "max-set-size", bytes(all)),
        rule("Every layer is a mount for each container; 127 is the most that Docker allows.", "max-layers", format!("limit = {layers}\n")),
        rule("Files cost inodes, whatever their size.", "max-inodes", format!("limit = {}\n", rounded(inodes))),
        rule("All images stand on the same layer. Give `images` if only some are to.", "same-base", String::new()),
        rule("The same content in several layers is stored, pulled and cached several times.", "no-duplicate-layers", String::new()),
        rule("Nothing belongs to nothing: `layerwise prune` takes it back.", "no-garbage", String::new()),
        rule("A Docker host without space does not start containers.", "min-free-space", "limit = \"10%\"\n".to_owned()),
        rule("Nor does one without inodes.", "min-free-inodes", "limit = \"10%\"\n".to_owned()),
    ]
}

/// The next number of two digits and zeros that is not less.
fn rounded(number: u64) -> u64 {
    let mut unit = 1;
    while number / unit >= 100 {
        unit *= 10;
    }
    number.div_ceil(unit).saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_up_to_two_digits() {
        for (number, expected) in [(0, 0), (7, 7), (99, 99), (100, 100), (101, 110), (9_999, 10_000), (1_798_144, 1_800_000)] {
            assert_eq!(rounded(number), expected);
        }
    }
}
