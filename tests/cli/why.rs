//! `why`, `inspect` and `freed`: every way of naming something, and what is said of it.

use crate::sample::{binary, json, layerwise, printed, root, run};

#[test]
fn an_image_is_held_by_its_names_and_containers() {
    assert_eq!(
        printed(&["why", "shop/worker:2"]),
        "image sha256:85e5bbda35734698f381679d4e1d9dfdfbc2f78ca9fe6c658fbc950305db86d1
  path: image/overlay2/imagedb/content/sha256/85e5bbda35734698f381679d4e1d9dfdfbc2f78ca9fe6c658fbc950305db86d1
  verdict: in-use
  class: image-layers
  held by:
    reference shop/worker:2: reference
    container 11fdf7f298c4 (migrate): created from
    container 4e9c4e483399 (worker): created from
"
    );
}

#[test]
fn garbage_says_why_it_is() {
    assert_eq!(
        printed(&["why", "DTBL4BTISJH5LWFE2R52N2XI4B", "58128cd4"]),
        "link DTBL4BTISJH5LWFE2R52N2XI4B
  path: overlay2/l/DTBL4BTISJH5LWFE2R52N2XI4B
  verdict: garbage (dangling-link): this link leads to a directory that is not there
  class: garbage
  held by: nothing
layer sha256:58128cd4a1213975db98c957f0dfb817cba3659ed7d8ba43756c37f31bf54d2b
  path: image/overlay2/layerdb/sha256/58128cd4a1213975db98c957f0dfb817cba3659ed7d8ba43756c37f31bf54d2b
  verdict: garbage (broken-layer-record): dockerd cannot load this layer and nothing needs it, but it keeps the layer from being pulled again
  class: garbage
  held by: nothing
"
    );
}

#[test]
fn a_thing_may_be_named_in_every_way() {
    let web = "b76f7bc2cd0353e3309dc2b40ec6856dabdd6d72b826f0f098cc90754681590a";
    let rw = "1c9c4eb1185d8f6c4ea2eceb486d6b64df91f4a340ab30406a481db0018abd0a";
    let below = |path: &str| root().join(path).to_str().unwrap().to_owned();
    for (text, kind, id) in [
        ("debian:bookworm", "image", "sha256:c9b109a1a45834065164f3a37c414717f6f6aa7249bc784225b4cbb7a410ec9f"),
        ("sha256:c9b109a1", "image", "sha256:c9b109a1a45834065164f3a37c414717f6f6aa7249bc784225b4cbb7a410ec9f"),
        ("c9b109a1", "image", "sha256:c9b109a1a45834065164f3a37c414717f6f6aa7249bc784225b4cbb7a410ec9f"),
        ("web", "container", web),
        ("b76f7bc2cd03", "container", web),
        (web, "container", web),
        (rw, "directory", rw),
        ("1c9c4eb1", "directory", rw),
        (&format!("{rw}-init"), "directory", &format!("{rw}-init")),
        (&below(&format!("overlay2/{rw}/diff/srv/shop/app.py")), "directory", rw),
        (&below(&format!("overlay2/{rw}")), "directory", rw),
        (&below(&format!("containers/{web}/config.v2.json")), "container", web),
        (&below("overlay2/l/DTBL4BTISJH5LWFE2R52N2XI4B"), "link", "DTBL4BTISJH5LWFE2R52N2XI4B"),
        ("DTBL4BT", "link", "DTBL4BTISJH5LWFE2R52N2XI4B"),
        ("6be5022fb763", "layer", "sha256:6be5022fb7632c9148c79822fc3be69d7aa7a53a55b7b67ab34ef8ecb170b9e2"),
        ("ituny4txhv0e", "directory", "ituny4txhv0e1r3evficjdace"),
        ("loq3pcl52w71", "cache-record", "loq3pcl52w71"),
        ("orders", "volume", "orders"),
        (&below("volumes/orders/_data/db"), "volume", "orders"),
        (&below("image/vfs"), "inactive-store", "vfs"),
        (&below("image/overlay2/repositories.json"), "metadata", "image/overlay2"),
        (&below(""), "metadata", "."),
        (&below("image/../volumes/orders"), "volume", "orders"),
        ("docker.io/shop/worker:2", "image", "sha256:85e5bbda3573"),
        ("docker.io/library/tool", "image", "sha256:d2f53d236881"),
        ("l/DTBL4BTISJH5LWFE2R52N2XI4B", "link", "DTBL4BTISJH5LWFE2R52N2XI4B"),
        (&format!("overlay2/{rw}/diff/srv/shop/app.py"), "directory", rw),
        (&format!("{rw}/"), "directory", rw),
    ] {
        let answer = json(&["why", text]);
        let item = &answer["items"][0];
        assert_eq!(item["target"], text.replace(root().to_str().unwrap(), "ROOT"));
        assert_eq!(item["kind"], kind, "{text}");
        assert!(item["id"].as_str().unwrap().starts_with(id), "{text}: {}", item["id"]);
    }
}

#[test]
fn a_path_may_start_where_one_is() {
    let rw = "1c9c4eb1185d8f6c4ea2eceb486d6b64df91f4a340ab30406a481db0018abd0a";
    let why = |from: &str, path: &str| {
        let mut command = binary();
        command
            .current_dir(root().join(from))
            .args(["--copy", "why", "--format", "{{.kind}} {{.id}}", path])
            .env("LAYERWISE_DATA_ROOT", root());
        run(&mut command).output
    };
    let directory = format!("directory {rw}\n");
    assert_eq!(why(&format!("overlay2/{rw}/diff"), "."), directory);
    assert_eq!(why("overlay2", &format!("./{rw}/diff")), directory);
    assert_eq!(why(&format!("overlay2/{rw}/diff/srv"), "../.."), directory);
    assert_eq!(why("volumes", "orders/_data"), "volume orders\n");
    // A name stays one, whatever lies where one is.
    assert_eq!(why("overlay2", "shop/worker:2"), "image sha256:85e5bbda35734698f381679d4e1d9dfdfbc2f78ca9fe6c658fbc950305db86d1\n");
    assert_eq!(why("", "."), "metadata .\n");
    // What is said to lie here is not looked for elsewhere.
    assert_eq!(why("", ".."), "");
    assert_eq!(why("volumes", &format!("./{rw}/diff")), "");
}

#[test]
fn what_is_nothing_or_several_things_is_not_guessed() {
    let ran = layerwise(&["why", "zzz"]);
    let hint = "hint: give a name, an id or its beginning, a directory of overlay2/, a link, or a path below the data-root\n";
    assert_eq!((ran.status, ran.output.as_str()), (1, ""));
    assert_eq!(ran.errors, format!("layerwise: nothing here is called zzz\n{hint}"));
    for (text, similar) in
        [("debian", "debian:12, debian:bookworm"), ("shop/woker:2", "shop/worker:2"), ("migate", "migrate"), ("order", "orders")]
    {
        let ran = layerwise(&["why", text]);
        assert_eq!(ran.errors, format!("layerwise: nothing here is called {text}, did you mean {similar}?\n{hint}"));
    }
    let ran = layerwise(&["why", "5"]);
    assert_eq!((ran.status, ran.output.as_str()), (1, ""));
    assert_eq!(
        ran.errors,
        "layerwise: 5 may mean 7 things:
  image sha256:593512ac9c76373de8e18606aad72be49659f48557342d64cea6570cd0208bde
  mount 5f89f720c6c25f7abb58b84e96d91fb9c64697af6f88244c86f8815efff4d037
  layer sha256:570f7438a8f0fbc3218c1a0a31670b76c1f8eae67d52e58f8c4aeef10f1261f6
  layer sha256:58128cd4a1213975db98c957f0dfb817cba3659ed7d8ba43756c37f31bf54d2b
  directory 5da32e5a344ccc5d761fb656201f56a277f582d5612751fde41275522ba40c98
  directory 5f9xu49kysxnqrjbwdgwvp20r
  link 5DWNUWDYH2U7ZPAYOMMXP6MBDD
hint: give more of the id
"
    );
    let ran = layerwise(&["why", "a\nlayerwise: b\u{1b}[2J"]);
    assert_eq!(ran.errors, format!("layerwise: nothing here is called a\\nlayerwise: b\\x1b[2J\n{hint}"));
    // What is found of several is answered all the same.
    let ran = layerwise(&["why", "zzz", "tool:latest"]);
    assert_eq!(ran.status, 1);
    assert!(ran.output.starts_with("image sha256:d2f53d236881"));
    let ran = layerwise(&["why", root().join("overlay2/nothing").to_str().unwrap()]);
    assert_eq!((ran.status, ran.errors.as_str()), (1, "layerwise: ROOT/overlay2/nothing does not exist\n"));
}

#[test]
fn inspect_tells_everything() {
    let answer = json(&["inspect", "shop/worker:2", "web", "--no-scan"]);
    let [image, web] = [&answer["items"][0], &answer["items"][1]];
    assert_eq!(image["details"]["layers"].as_array().unwrap().len(), 3);
    assert_eq!(image["details"]["layers"][1]["created_by"], "RUN apt-get install psql");
    assert_eq!(image["held_by"].as_array().unwrap().len(), 3);
    assert_eq!(web["details"]["volumes"][0], "orders");
    let pretty = layerwise(&["inspect", "web", "--no-scan"]);
    assert!(pretty.output.lines().count() > 20, "a person's JSON has lines");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&pretty.output).unwrap()["items"][0]["details"], web["details"]);
}

#[test]
fn freed_says_what_goes_and_what_stays() {
    let freed = json(&["freed", "shop/worker:2", "worker", "migrate"]);
    assert_eq!(freed["layers"].as_array().unwrap().len(), 2);
    assert_eq!(freed["images"].as_array().unwrap().len(), 1);
    assert_eq!(freed["containers"].as_array().unwrap().len(), 2);
    assert!(freed["bytes"].as_u64().unwrap() > 400_000);
    assert_eq!(freed["kept_because"][0]["id"], "sha256:6be5022fb7632c9148c79822fc3be69d7aa7a53a55b7b67ab34ef8ecb170b9e2");
    let kept = json(&["freed", "shop/worker:2"]);
    assert_eq!((&kept["bytes"], kept["images"].as_array().unwrap().len()), (&0.into(), 0));
    let text = printed(&["freed", "shop/worker:2", "--no-scan"]);
    assert!(text.contains("\nWould go: 0 images, 0 containers, 0 layers\nWould stay: image 85e5bbda3573"), "{text}");
    let ran = layerwise(&["freed", "orders"]);
    assert_eq!((ran.status, ran.errors.as_str()), (2, "layerwise: orders is a volume: only images and containers can be removed\n"));
}
