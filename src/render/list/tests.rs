use super::super::column::{Ids, Sizes};
use super::super::size::Digits;
use super::*;
use jiff::Timestamp;
use serde_json::json;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

const COLUMNS: [Column; 6] = [
    Column::new("references", "REFERENCES", Kind::References),
    Column::new("id", "IMAGE ID", Kind::Id),
    Column::new("layers", "LAYERS", Kind::Count),
    Column::new("docker_size", "SIZE", Kind::Bytes(Digits::Three)),
    Column::new("created_by", "CREATED BY", Kind::Text).wide(),
    Column::new("note", "NOTE", Kind::Text).hidden(),
];

fn listing() -> Listing<'static> {
    let document = json!({
        "schema": "layerwise/images/1",
        "unreadable": [],
        "items": [
            {"id": A, "references": ["alpine:3.20"], "layers": ["x"], "docker_size": 7_797_760, "created_by": "ADD file"},
            {"id": B, "references": [], "layers": ["x", "y"], "docker_size": 12_345_678, "created_by": "RUN a\nlong thing"},
        ],
    });
    Listing { document, items: "items", columns: &COLUMNS, fields: None }
}

fn view(format: &str) -> View {
    View {
        format: format.parse().unwrap(),
        extent: Extent::Usual,
        sort: None,
        filters: Filters::default(),
        digests: false,
        look: Look { ids: Ids::Short, sizes: Sizes::Human, now: Timestamp::UNIX_EPOCH },
        style: Style::default(),
    }
}

fn printed(view: &View) -> String {
    list(listing(), view).unwrap()
}

#[test]
fn prints_tables_like_docker() {
    let text = "REFERENCES    IMAGE ID       LAYERS     SIZE\n\
                alpine:3.20   aaaaaaaaaaaa        1    7.8MB\n\
                <none>        bbbbbbbbbbbb        2   12.3MB\n";
    assert_eq!(printed(&view("table")), text);
}

#[test]
fn shows_more_when_asked() {
    let wide = View { extent: Extent::Wide, ..view("table") };
    assert!(printed(&wide).ends_with("bbbbbbbbbbbb        2   12.3MB   RUN a\\nlong thing\n"));
    let raw = View { look: Look { sizes: Sizes::Raw, ..wide.look }, ..view("table") };
    assert!(printed(&raw).contains("   12345678\n"));
    let full = View { look: Look { ids: Ids::Full, ..wide.look }, style: Style { width: Some(20), ..Style::default() }, ..view("table") };
    assert!(printed(&full).contains(&format!("<none>        {B}        2   12.3MB   RUN a\\nlong thing\n")));
    let narrow = View { extent: Extent::Wide, style: Style { width: Some(59), ..Style::default() }, ..view("table") };
    assert!(printed(&narrow).ends_with("12.3MB   RUN a\\nlong…\n"), "{}", printed(&narrow));
}

#[test]
fn prints_identifiers_only() {
    let quiet = View { extent: Extent::Ids, ..view("table") };
    assert_eq!(printed(&quiet), "aaaaaaaaaaaa\nbbbbbbbbbbbb\n");
    let full = View { look: Look { ids: Ids::Full, ..quiet.look }, ..quiet };
    assert_eq!(printed(&full), format!("{A}\n{B}\n"));
    let template = View { extent: Extent::Ids, ..view("{{.DockerSize}}") };
    assert_eq!(printed(&template), "7797760\n12345678\n");
}

#[test]
fn prints_the_whole_document_as_json() {
    let text = printed(&view("json"));
    assert_eq!(text.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), listing().document);
}

#[test]
fn prints_an_item_a_line() {
    let text = printed(&view("jsonl"));
    let items: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::Array(items), listing().document["items"]);
}

#[test]
fn prints_templates() {
    assert_eq!(printed(&view(r"{{short .ID}}\t{{len .Layers}}{{.Note}}")), "aaaaaaaaaaaa\t1\nbbbbbbbbbbbb\t2\n");
    assert_eq!(
        printed(&view(r#"table {{short .ID}}\t{{join .References ","}}\t{{.DockerSize}} bytes\t{{.CreatedBy}}"#)),
        "IMAGE ID       REFERENCES    SIZE bytes       CREATED BY\n\
         aaaaaaaaaaaa   alpine:3.20   7797760 bytes    ADD file\n\
         bbbbbbbbbbbb                 12345678 bytes   RUN a\\nlong thing\n"
    );
    let error = list(listing(), &view("{{.Size}}")).unwrap_err().to_string();
    assert!(error.starts_with("unknown field Size, did you mean docker_size? (there are created_by, docker_size, id,"), "{error}");
}

#[test]
fn filters_and_sorts_in_every_format() {
    for (format, text) in [("table {{.DockerSize}}", "SIZE\n12345678\n7797760\n"), ("{{.DockerSize}}", "12345678\n7797760\n")] {
        let view = View { sort: Some("size".parse().unwrap()), ..view(format) };
        assert_eq!(printed(&view), text);
    }
    let filters: Filters = std::iter::once("docker_size>10MB".parse().unwrap()).collect();
    let view = |format| View { filters: filters.clone(), ..view(format) };
    assert_eq!(printed(&view("{{.DockerSize}}")), "12345678\n");
    assert_eq!(printed(&view("jsonl")).lines().count(), 1);
    assert_eq!(printed(&view("table")).lines().count(), 2);
    let document: Value = serde_json::from_str(&printed(&view("json"))).unwrap();
    assert_eq!(document["items"].as_array().unwrap().len(), 1);
    assert_eq!(document["schema"], "layerwise/images/1");
}

#[test]
fn prints_headers_of_an_empty_list_and_still_checks_names() {
    let empty = |view: &View| list(Listing { document: json!({"items": []}), ..listing() }, view);
    assert_eq!(empty(&view("table")).unwrap(), "REFERENCES   IMAGE ID   LAYERS   SIZE\n");
    assert_eq!(empty(&view("table {{.ID}}")).unwrap(), "IMAGE ID\n");
    assert_eq!(empty(&view("jsonl")).unwrap(), "");
    assert_eq!(empty(&view("json")).unwrap(), "{\"items\":[]}\n");
    assert!(empty(&View { sort: Some("nothing".parse().unwrap()), ..view("json") }).is_err());
    assert!(empty(&View { filters: std::iter::once("nothing=1".parse().unwrap()).collect(), ..view("json") }).is_err());
}

#[test]
fn prints_single_reports() {
    let report = json!({"bytes": 5, "layers": []});
    assert_eq!(single(&report, &"table".parse().unwrap()).unwrap(), None);
    assert_eq!(single(&report, &"json".parse().unwrap()).unwrap().as_deref(), Some("{\"bytes\":5,\"layers\":[]}\n"));
    assert_eq!(single(&report, &"{{.Bytes}}".parse().unwrap()).unwrap().as_deref(), Some("5\n"));
    assert_eq!(single(&report, &"table {{.Bytes}}".parse().unwrap()).unwrap().as_deref(), Some("BYTES\n5\n"));
}
