//! `layerwise df` beside `du`, and what nothing may call garbage.

use serde_json::Value;

use super::at_each_moment;
use crate::du::Du;
use crate::layerwise::{number, text};

#[test]
fn the_total_is_what_du_counts() {
    at_each_moment("the_total_is_what_du_counts", |seen| {
        assert_eq!(Du::said_by(&seen.layerwise.df["total"]), seen.du, "layerwise and du, {}", seen.moment);
    });
}

#[test]
fn the_total_is_what_du_counts_where_the_layers_are_mounted() {
    at_each_moment("the_total_is_what_du_counts_where_the_layers_are_mounted", |seen| {
        if let Some((du, df)) = &seen.inside {
            assert_eq!(Du::said_by(&df["total"]), *du, "layerwise and du, {}", seen.moment);
        }
    });
}

#[test]
fn the_classes_sum_to_the_total() {
    at_each_moment("the_classes_sum_to_the_total", |seen| {
        let classes = seen.layerwise.df["classes"].as_array().unwrap();
        for key in ["bytes", "apparent_bytes", "inodes"] {
            let sum: u64 = classes.iter().map(|class| number(class, key)).sum();
            assert_eq!(sum, number(&seen.layerwise.df["total"], key), "{key}, {}: {classes:?}", seen.moment);
        }
    });
}

#[test]
fn where_nothing_leaked_nothing_is_garbage() {
    at_each_moment("where_nothing_leaked_nothing_is_garbage", |seen| {
        let class = |name: &str| -> &Value {
            let classes = seen.layerwise.df["classes"].as_array().unwrap();
            classes.iter().find(|class| text(class, "class") == name).unwrap_or_else(|| panic!("no class {name}"))
        };
        assert_eq!(Du::said_by(class("garbage")), Du { bytes: 0, inodes: 0 }, "{}: {:?}", seen.moment, seen.layerwise.findings);
        // That the image of one container was removed from under it is worth a notice, and no damage.
        let damage: Vec<_> = seen.layerwise.findings.iter().filter(|finding| finding["severity"] != "notice").collect();
        assert_eq!(damage, Vec::<&Value>::new(), "{}", seen.moment);
        for name in ["image-layers", "container-layers", "container-files", "build-cache", "volumes", "metadata"] {
            assert!(Du::said_by(class(name)).inodes > 0, "class {name} is empty, {}", seen.moment);
        }
    });
}
