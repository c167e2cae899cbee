//! The lists and the tree, as people see them.

use crate::sample::{json, layerwise, printed, table};

#[test]
fn images() {
    assert_eq!(
        table(&printed(&["images", "--no-scan"])),
        [
            "REPOSITORY | TAG | IMAGE ID | CREATED | LAYERS | SIZE | SHARED | EXCLUSIVE | RECLAIMABLE | INODES | CONTAINERS",
            "site | latest | 593512ac9c76 | AGO | 3 | - | - | - | - | - | 0",
            "tool | latest | d2f53d236881 | AGO | 1 | - | - | - | - | - | 1",
            "shop/worker | 2 | 85e5bbda3573 | AGO | 3 | - | - | - | - | - | 2",
            "registry.example:5000/shop/api | 2 +1 | 96c089919d96 | AGO | 4 | - | - | - | - | - | 2",
            "python | 3 | 12734d6570e2 | AGO | 2 | - | - | - | - | - | 0",
            "debian | 12 +2 | c9b109a1a458 | AGO | 1 | - | - | - | - | - | 0",
        ]
    );
    let all = printed(&["images", "--no-scan", "--all", "--quiet"]);
    assert_eq!(all.lines().filter(|line| *line == "b60b08803472").count(), 1, "{all}");
    assert_eq!(all.lines().count(), 7, "{all}");
}

#[test]
fn layers() {
    assert_eq!(
        table(&printed(&["layers", "--no-scan", "--sort", "depth:asc", "--filter", "state=in-use"])),
        [
            "LAYER | DIRECTORY | DEPTH | IMAGES | CONTAINERS | BUILDS | STATE | SIZE | INODES | COPIES | CREATED BY",
            "6be5022fb763 | 4bdf31f013c9 | 1 | 6 | 4 | 5 | in-use | - | - | 1 | ADD debian",
            "981d3c91f9fa | 47f98d0dfe38 | 1 | 1 | 1 | 0 | in-use | - | - | 1 | COPY tool /",
            "99fbf589527a | d232978d3b88 | 2 | 1 | 2 | 0 | in-use | - | - | 1 | RUN apt-get install psql",
            "a397daa91b4b | 27e3a2af81ad | 2 | 4 | 2 | 5 | in-use | - | - | 1 | RUN apt-get install python3",
            "570f7438a8f0 | 5f9xu49kysxn | 3 | 1 | 0 | 1 | in-use | - | - | 1 | COPY site /var/www",
            "a5d96c3b2f29 | 99ea0b331b7e | 3 | 1 | 2 | 0 | in-use | - | - | 2 | COPY shop /srv/shop",
            "ec73fee2c502 | a0ac0e551281 | 3 | 2 | 2 | 0 | in-use | - | - | 1 | RUN pip install flask",
            "8cbbe1d77889 | 7813ee0e6615 | 4 | 2 | 2 | 0 | in-use | - | - | 2 | COPY shop /srv/shop",
        ]
    );
    assert_eq!(
        printed(&["layers", "--no-scan", "--filter", "state=garbage", "--quiet", "--no-trunc"]),
        "sha256:58128cd4a1213975db98c957f0dfb817cba3659ed7d8ba43756c37f31bf54d2b\n\
         sha256:acc23ae062910d2aa8b166af4d906de152df2c398b0d331a568e97f73d4938fb\n\
         sha256:c90751fd097ed1d96cfcad64b980ef62bf4b44861c8da902c2b2a6162d388e18\n"
    );
}

#[test]
fn containers() {
    assert_eq!(
        table(&printed(&["containers", "--no-scan", "--sort", "name"])),
        [
            "CONTAINER ID | NAME | IMAGE | STATUS | CREATED | SIZE | INODES | LOGS | RW DIRECTORY",
            "3f65d1ae1f86 | 3f65d1ae1f86 | - | unreadable | - | - | - | - | -",
            "11fdf7f298c4 | migrate | shop/worker:2 | exited | AGO | - | - | - | f3a6d164d0a5",
            "fae813cc857d | next | shop/api:2 | created | AGO | - | - | - | d24db7d73662",
            "0651bcfcbc89 | stuck | tool:latest | dead | AGO | - | - | - | 6da42402bfca",
            "b76f7bc2cd03 | web | shop/api:2 | running | AGO | - | - | - | 1c9c4eb1185d",
            "4e9c4e483399 | worker | shop/worker:2 | paused | AGO | - | - | - | 5da32e5a344c",
        ]
    );
    // The same key twice means either, different keys mean both.
    let filters = ["--filter", "status=exited", "--filter", "status=dead", "--filter", "image_name=tool*"];
    assert_eq!(printed(&[&["containers", "--no-scan", "-q"], &filters[..]].concat()), "0651bcfcbc89\n");
}

#[test]
fn build_cache() {
    assert_eq!(
        table(&printed(&["build-cache", "--no-scan"])),
        [
            "CACHE ID | TYPE | DIRECTORY | SIZE | INODES | LAST USED | USAGE | IN USE | SHARED | DESCRIPTION",
            "2d9m5ef0yfgw | source.local | 2d9m5ef0yfgw | - | - | AGO | 1 | false | false | local source for context",
            "e32g7qpbcwko | exec.cachemount | e32g7qpbcwko | - | - | AGO | 1 | false | false | cached mount /root/.cache from exec /bin/sh -c make",
            "ituny4txhv0e | source.local | ituny4txhv0e | - | - | AGO | 1 | false | false | local source for dockerfile",
            "loq3pcl52w71 | regular | 5f9xu49kysxn | - | - | AGO | 1 | false | true | fileop target",
            "nnr68ieu58t8 | regular | 27e3a2af81ad | - | - | AGO | 1 | false | true | pulled from an image",
            "o6mfopycvb30 | regular | vdt91roiqjle | - | - | AGO | 1 | false | false | mount / from exec /bin/sh -c make test",
            "ok2rjwjaeqa0 | regular | 7ehab9mdnwxb | - | - | AGO | 1 | false | false | mount / from exec /bin/sh -c make all",
        ]
    );
}

#[test]
fn tree() {
    let drawn = printed(&["tree", "--no-scan", "--ascii", "--all"]);
    let columns = |line: &str| line.split("   ").next().unwrap_or_default().trim_end().to_owned();
    let shape: Vec<_> = drawn.lines().map(|line| if line.starts_with([' ', '|', '`']) { line.to_owned() } else { columns(line) }).collect();
    let first = |line: &String| {
        let end = line.find("kB").or_else(|| line.find("MB")).map_or(line.len(), |at| line[..at].rfind("  ").unwrap_or(at));
        line[..end].trim_end().to_owned()
    };
    assert_eq!(
        shape.iter().map(first).collect::<Vec<_>>(),
        [
            "LAYER",
            "6be5022fb763",
            "|-- debian:12 +2",
            "|-- 99fbf589527a",
            "|   a5d96c3b2f29",
            "|   `-- shop/worker:2",
            "`-- a397daa91b4b",
            "    |-- python:3",
            "    |-- 570f7438a8f0",
            "    |   `-- site:latest",
            "    `-- ec73fee2c502",
            "        8cbbe1d77889",
            "        |-- registry.example:5000/shop/api:2 +1",
            "        `-- <none> b60b08803472",
            "981d3c91f9fa",
            "`-- tool:latest",
        ]
    );
    let short = printed(&["tree", "--no-scan"]);
    assert!(short.contains("├── 2 layers to a5d96c3b2f29"), "{short}");
    assert!(short.lines().all(|line| !line.contains("99fbf589527a")), "{short}");
    let one = table(&printed(&["tree", "--no-scan", "tool:latest"]));
    assert_eq!(
        one,
        ["LAYER | SIZE | INODES | IMAGES | CREATED BY", "981d3c91f9fa | 160kB | - | 1 | COPY tool /", "└── tool:latest | 160kB | -"]
    );
    let ran = layerwise(&["tree", "web"]);
    assert_eq!((ran.status, ran.errors.as_str()), (2, "layerwise: web is a container, not an image\n"));
}

#[test]
fn every_key_of_an_item_may_be_sorted_by_filtered_by_and_printed() {
    for (command, items) in [
        ("images", "items"),
        ("layers", "items"),
        ("containers", "items"),
        ("build-cache", "items"),
        ("check", "findings"),
        ("roots", "items"),
    ] {
        let document = json(&[command]);
        for key in document[items][0].as_object().unwrap().keys() {
            let ran = layerwise(&[command, "--sort", key, "--filter", &format!("{key}!=nothing"), "--format", &format!("{{{{.{key}}}}}")]);
            // What is a number cannot be compared with a text, but it has a column.
            assert!(!ran.errors.contains("unknown"), "{command} {key}: {}", ran.errors);
        }
    }
}
