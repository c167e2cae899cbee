//! A policy to begin with: it passes on what is there, and says of each rule what it is for.

use super::amount::Amount;
use super::evaluate::{Verdict, evaluate};
use super::inside::Wanted;
use super::parse::parse;
use super::scene::{Image, Scene};
use crate::union::waste::{Watch, runs_as_owner};
use std::collections::BTreeSet;
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
        let broken = match parse(&rule) {
            Ok(policy) => {
                let mut outcomes = evaluate(&policy, scene).into_iter();
                outcomes.find(|outcome| outcome.verdict != Verdict::Pass).map(|outcome| outcome.message)
            }
            Err(error) => Some(error.to_string()),
        };
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
    let insides = || scene.insides.values().flatten();
    let waste = insides().map(|inside| inside.wasted).max().unwrap_or_default();
    let efficiency = insides().map(|inside| inside.lengths.efficiency_percent()).min().unwrap_or(100);
    let user_waste = insides().map(|inside| inside.lengths.user_waste_percent()).max().unwrap_or_default();
    let bytes = |bytes| format!("limit = \"{}\"\n", Amount::Bytes(rounded(bytes)));
    let rule = |why, name: &str, keys: String| Proposal { why, rule: format!("[{name}]\n{keys}") };
    vec![
        rule("No image is larger than the largest one now.", "max-size", bytes(size)),
        rule("All images together, each layer counted once.", "max-set-size", bytes(all)),
        rule("Every layer is a mount for each container; 127 is the most that Docker allows.", "max-layers", format!("limit = {layers}\n")),
        rule("Files cost inodes, whatever their size.", "max-inodes", format!("limit = {}\n", rounded(inodes))),
        rule("What a later step hides is stored and pulled all the same; `layerwise waste` says what it is.", "max-waste", bytes(waste)),
        rule("The efficiency as dive computes it.", "min-efficiency", format!("limit = \"{efficiency}%\"\n")),
        rule("What dive calls the user wasted percent.", "max-user-waste", format!("limit = \"{user_waste}%\"\n")),
        rule("Files that run with the rights of their owner or group, whoever starts them.", "no-setuid", setuid(scene)),
        unwanted("Keys and passwords do not belong into an image.", &SECRETS),
        unwanted("Nor do caches that only the build needs.", &CACHES),
        rule("All images stand on the same layer. Give `images` if only some are to.", "same-base", String::new()),
        rule("The same content in several layers is stored, pulled and cached several times.", "no-duplicate-layers", String::new()),
        rule(
            "Beside a baseline (--save-baseline, --baseline): what an image has of its own, in percent of what it weighed.",
            "max-growth",
            "limit = \"10%\"\n".to_owned(),
        ),
        rule("What it shares no more with others, in percent of what it weighed.", "max-sharing-lost", "limit = \"10%\"\n".to_owned()),
        rule("Contents that are stored more often than in the baseline.", "no-new-duplicates", String::new()),
        rule("Nothing belongs to nothing: `layerwise prune` takes it back.", "no-garbage", String::new()),
        rule("A Docker host without space does not start containers.", "min-free-space", "limit = \"10%\"\n".to_owned()),
        rule("Nor does one without inodes.", "min-free-inodes", "limit = \"10%\"\n".to_owned()),
    ]
}

/// What has to be known of the inside of images to write a policy.
#[must_use]
pub fn wanted_to_start(scene: &Scene) -> Wanted {
    let images = scene.images.iter().filter(|image| !image.names.is_empty()).map(|image| image.id);
    let patterns = SECRETS.into_iter().chain(CACHES).map(str::to_owned);
    Wanted { images: images.collect(), watch: Watch { set_id: true, patterns: patterns.collect() } }
}

/// Files that open something to whoever has them.
const SECRETS: [&str; 10] = [
    "*/id_rsa",
    "*/id_ecdsa",
    "*/id_ed25519",
    "*/.aws/credentials",
    "*/.docker/config.json",
    "*/.git-credentials",
    "*/.kube/config",
    "*/.netrc",
    "*/.npmrc",
    "*/.pypirc",
];

/// What package managers leave.
const CACHES: [&str; 7] = [
    "/var/cache/apt/archives/*.deb",
    "/var/lib/apt/lists/*_Packages*",
    "/var/cache/apk/*",
    "/var/cache/dnf/*",
    "/root/.cache/*",
    "/root/.npm/*",
    "*/.git/objects",
];

fn unwanted(why: &'static str, patterns: &[&str]) -> Proposal {
    Proposal { why, rule: format!("[[no-path]]\npaths = {}\n", list(&patterns.iter().copied().collect())) }
}

/// Allows every file that is there now.
fn setuid(scene: &Scene) -> String {
    let files = scene.insides.values().flatten().flat_map(|inside| &inside.shown).filter(|shown| runs_as_owner(shown.mode));
    let files: BTreeSet<&str> = files.map(|shown| shown.text.as_str()).collect();
    if files.is_empty() { String::new() } else { format!("allow = {}\n", list(&files)) }
}

/// A list of texts, which TOML writes as JSON does.
fn list(texts: &BTreeSet<&str>) -> String {
    let texts: Vec<String> = texts.iter().map(|text| serde_json::Value::from(*text).to_string()).collect();
    format!("[{}]", texts.join(", "))
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
