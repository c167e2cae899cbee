//! `layerwise waste` on images that a real dockerd built.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde_json::Value;

use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::Engine;
use crate::fixture;
use crate::layerwise::{Layerwise, number, text, texts};

const DOCKERFILE: &str = "FROM base:1\n\
    COPY large /large\n\
    COPY large /again\n\
    RUN busybox chmod 600 /large\n\
    RUN echo more >>/again\n\
    RUN mkdir /cache && cp /bin/busybox /cache/a && cp /bin/busybox /cache/b\n\
    RUN rm -r /cache\n";

/// What `du` would say of a layer's directory: bytes and inodes.
fn stored(root: &std::path::Path, dir: &str) -> (u64, u64) {
    let mut seen = std::collections::BTreeMap::new();
    for entry in walkdir::WalkDir::new(root.join("overlay2").join(dir).join("diff")) {
        let stat = fs::symlink_metadata(entry.unwrap().path()).unwrap();
        seen.insert(stat.ino(), stat.blocks() * 512);
    }
    (seen.values().sum(), u64::try_from(seen.len()).unwrap())
}

#[test]
fn what_builds_waste_is_told_with_the_steps_that_do() {
    let Some(mut engine) = Engine::start("what_builds_waste_is_told_with_the_steps_that_do") else { return };
    fixture::fill(&mut engine);
    let large = "large\n".repeat(20_000);
    let context = engine.context("wasteful", &[("Dockerfile", DOCKERFILE), ("large", &large)]);
    for (builder, name) in [(Classic, "classic"), (BuildKit, "buildkit")] {
        engine.build(builder, &format!("-t wasteful:{name}"), &context);
    }
    let root = engine.data_root();
    let layerwise = Layerwise::on(&root);
    for name in ["classic", "buildkit"] {
        let answer = layerwise.ask("waste", &[&format!("wasteful:{name}")]);
        let told = |path: &str| -> &Value {
            let found = answer["paths"].as_array().unwrap().iter().find(|item| text(item, "path") == path);
            found.unwrap_or_else(|| panic!("{name}: {path} is not told: {answer}"))
        };
        for (path, why, stored_by, hidden_by) in [
            ("/large", "unchanged", "/large", "chmod 600"),
            ("/again", "overwritten", "/again", "echo more"),
            ("/cache", "deleted", "mkdir /cache", "rm -r /cache"),
        ] {
            let item = told(path);
            assert_eq!(text(item, "why"), why, "{item}");
            assert!(text(item, "hidden_by_step").contains(hidden_by), "{item}");
            // What COPY is called differs from builder to builder.
            assert!(path != "/cache" || text(item, "stored_by_step").contains(stored_by), "{item}");
            assert!(number(item, "bytes") >= 120_000, "{item}");
        }
    }
    all_add_up(&layerwise, &root);
}

/// Every image stores what its directories do, and shows or wastes all of it.
fn all_add_up(layerwise: &Layerwise, root: &std::path::Path) {
    let answer = layerwise.ask("waste", &[]);
    let layers = answer["layers"].as_array().unwrap();
    let mut all = 0;
    for layer in layers {
        assert_eq!((number(layer, "bytes"), number(layer, "inodes")), stored(root, text(layer, "dir")), "{layer}");
        all += number(layer, "bytes");
    }
    assert_eq!(number(&answer["totals"], "bytes"), all);
    let known = layerwise.items("images --all", &[]);
    let items = answer["items"].as_array().unwrap();
    // The images between the steps of a classic build show what the finished one has deleted: they are no reason to keep it.
    let left_out = known.iter().filter(|image| !items.iter().any(|item| text(item, "id") == text(image, "id")));
    let left_out: Vec<&str> = left_out.map(|image| text(image, "id")).collect();
    assert!(!left_out.is_empty() && items.len() + left_out.len() == known.len(), "{left_out:?}");
    for id in left_out {
        let image = known.iter().find(|image| text(image, "id") == id).unwrap();
        assert!(texts(image, "references").is_empty() && known.iter().any(|other| other["parent"] == image["id"]), "{image}");
    }
    for item in items {
        let image = known.iter().find(|image| text(image, "id") == text(item, "id")).expect("the image");
        let own = |key: &str| -> u64 {
            let chains = texts(image, "layers");
            layers.iter().filter(|layer| chains.contains(&text(layer, "chain_id"))).map(|layer| number(layer, key)).sum()
        };
        assert_eq!((number(item, "bytes"), number(item, "inodes")), (own("bytes"), own("inodes")), "{item}");
        assert_eq!(number(item, "visible_bytes") + number(item, "wasted_bytes"), number(item, "bytes"), "{item}");
        assert_eq!(number(item, "visible_inodes") + number(item, "wasted_inodes"), number(item, "inodes"), "{item}");
    }
}
