use super::*;
use crate::render::json;
use serde_json::json;

fn item() -> Value {
    json!({
        "id": "sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1",
        "references": ["alpine:3.20", "app:1"],
        "docker_size": 7_797_760,
        "shared": true,
        "parent": null,
        "none": [],
        "name": "Web\n\u{1b}[1m",
        "total": {"bytes": 5, "Inodes": 0},
        "held_by": [{"kind": "image", "id": "a"}, {"kind": "lease", "id": "b"}],
    })
}

fn fill(template: &str) -> Result<String, TemplateError> {
    Template::parse(template)?.render(&item(), &["id", "note"])
}

#[test]
fn fills_in_what_docker_users_write() {
    for (template, text) in [
        ("", ""),
        ("plain", "plain"),
        ("{{.DockerSize}} {{.docker_size}} {{ .Docker_Size }}", "7797760 7797760 7797760"),
        ("{{.Total.Bytes}}/{{.total.inodes}}", "5/0"),
        ("{{.Shared}} {{.Parent}}|{{.Parent.Anything}}|{{.Note}}", "true ||"),
        ("{{.References}} {{.None}}", "[alpine:3.20 app:1] []"),
        ("{{json .References}}", r#"["alpine:3.20","app:1"]"#),
        ("{{json .Name}}", r#""Web\n\u001b[1m""#),
        ("{{.Name}}", r"Web\n\x1b[1m"),
        (r"{{.Shared}}\t{{.Shared}}\n", "true\ttrue\n"),
        (r#"{{len .References}} {{len .None}} {{len .Parent}} {{len "abc"}}"#, "2 0 0 3"),
        (r#"{{index .References 1}} {{index .Total "bytes"}} {{json (index .HeldBy 1 "kind")}}"#, r#"app:1 5 "lease""#),
        (r#"{{join .References ","}}{{join .None ","}}{{join .References "\n"}}"#, "alpine:3.20,app:1alpine:3.20\napp:1"),
        (r"{{upper .Name}} {{lower `ABC`}}", r"WEB\n\x1b[1M abc"),
        ("{{size .DockerSize}} {{short .ID}}", "7.798MB 4f4fb700ef54"),
        ("{{if .Shared}}yes{{else}}no{{end}} {{if .Parent}}yes{{end}}", "yes "),
        ("{{if .Parent}}a{{else if .None}}b{{else if .Shared}}c{{else}}d{{end}}", "c"),
        ("{{range .References}}<{{.}}>{{end}}", "<alpine:3.20><app:1>"),
        ("{{range .HeldBy}}{{.Kind}}={{.ID}};{{end}}", "image=a;lease=b;"),
        ("{{range .None}}x{{else}}nothing{{end}}{{range .Parent}}x{{end}}", "nothing"),
        ("{{range .Total}}{{.}},{{end}}", "0,5,"),
        (r#"{{if eq .Total.Bytes 5}}five{{end}}{{if ne (index .References 0) "x"}}!{{end}}"#, "five!"),
        (r"{{if and .Shared (not .Parent)}}a{{end}}{{or .Parent .Total.Bytes}}", "a5"),
        ("{{.References | len}} {{.ID | short | upper}}", "2 4F4FB700EF54"),
        ("a {{- .Shared -}} b", "atrueb"),
        ("a{{/* }} ignored */}}b", "ab"),
        (r#"{{"}}"}}{{`\n`}}{{"\"\\"}}"#, r#"}}\n"\"#),
        ("{{3}} {{-4}} {{1.5}} {{true}}", "3 -4 1.5 true"),
        ("{{.}}", &json::compact(&item())),
    ] {
        assert_eq!(fill(template).as_deref(), Ok(text), "{template}");
    }
}

#[test]
fn does_what_go_and_docker_do() {
    for (template, text) in [
        (r#"{{printf "%-5s|%5s|%.2s" .Shared "ab" "xyz"}}"#, "true |   ab|xy"),
        (
            r#"{{printf "%d %05d %x %q %t %.1f %v%%" .DockerSize 42 255 "a\"b" true 1.55 .References}}"#,
            r#"7797760 00042 ff "a\"b" true 1.6 [alpine:3.20 app:1]%"#,
        ),
        (r#"{{print "a" 1 2 "b"}}{{println "x" 3}}"#, "a1 2bx 3\n"),
        (r"{{truncate .ID 10}} {{truncate `ab` 5}}", "sha256:4f4 ab"),
        (r#"{{pad "x" 1 2}}|{{pad "" 1 2}}"#, " x  |"),
        (r#"{{index (split (index .References 0) ":") 1}} {{join (split "a-b" "-") "+"}}"#, "3.20 a+b"),
        (r#"{{title "hello big world"}}"#, "Hello Big World"),
        (r#"{{slice "abcdef" 1 3}} {{slice .References 1}}"#, "bc [app:1]"),
        (r#"{{gt .DockerSize 5}} {{ge 5 5}} {{lt "a" "b"}} {{le -1 1.5}} {{gt -1 1}}"#, "true true true true false"),
        (r"{{with .Total}}{{.Bytes}}{{else}}none{{end}}{{with .Parent}}x{{else}}none{{end}}", "5none"),
        (r"{{with $x := .Total}}{{$x.Bytes}}{{end}}", "5"),
        (r"{{$x := .Total.Bytes}}{{$x}}{{$x = 7}}{{$x}}", "57"),
        (r"{{range $i, $e := .References}}{{$i}}={{$e}};{{$.Shared}} {{end}}", "0=alpine:3.20;true 1=app:1;true "),
        (
            r"{{range $e := .References}}{{$e}};{{end}}{{range $k, $v := .Total}}{{$k}}={{$v}};{{end}}",
            "alpine:3.20;app:1;Inodes=0;bytes=5;",
        ),
        (r"{{if $x := .Total.Bytes}}{{$x}}{{end}}", "5"),
        (r"{{$.Total.Bytes}}", "5"),
        (r#"{{printf "%s" .Name}}{{truncate .Name 5}}"#, r"Web\n\x1b[1mWeb\n\x1b"),
    ] {
        assert_eq!(fill(template).as_deref(), Ok(text), "{template}");
    }
}

#[test]
fn dockers_fields_are_known_by_their_exact_names() {
    let fields = json!({"ID": "4f4f", "Size": "7.8MB"});
    let fill = |template: &str| Template::parse(template).unwrap().render_with(&item(), &["id"], fields.as_object().unwrap()).unwrap();
    assert_eq!(fill("{{.ID}} {{.Size}} {{$.ID}}"), "4f4f 7.8MB 4f4f");
    assert!(fill("{{.id}}").starts_with("sha256:"));
    assert!(fill("{{json .}}").contains("docker_size"));
    assert!(!fill("{{json .}}").contains("7.8MB"));
    let template = Template::parse("{{with .Name}}{{$.ID}}{{end}}").unwrap();
    assert!(template.names("ID") && template.names("Name") && !template.names("id"));
}

#[test]
fn is_bounded_in_time_and_memory() {
    let ranges = |depth: usize| format!("{}x{}", "{{range $.References}}".repeat(depth), "{{end}}".repeat(depth));
    assert_eq!(fill(&ranges(3)).as_deref(), Ok("xxxxxxxx"));
    assert_eq!(fill(&ranges(40)).unwrap_err().to_string(), "cannot fill in the template: it takes more than 1000000 steps");
    let double = "{{$x := \"xxxxxxxx\"}}".to_owned() + &"{{$x = print $x $x}}".repeat(60);
    assert_eq!(fill(&double).unwrap_err().to_string(), "cannot fill in the template: it makes more than 67108864 bytes");
}

#[test]
fn explains_what_is_wrong() {
    for (template, error) in [
        ("ab{{.ID", "cannot read the template at character 3: {{ without }}"),
        ("{{}}", "cannot read the template at character 1: a value is missing"),
        ("{{if .ID}}x", "cannot read the template at character 1: if without end"),
        ("x{{end}}", "cannot read the template at character 2: end without if, with or range"),
        ("{{else}}", "cannot read the template at character 1: else without if, with or range"),
        ("{{if .ID}}{{else}}{{else}}{{end}}", "cannot read the template at character 19: else after else"),
        ("{{range .ID}}{{else if .ID}}{{end}}", "cannot read the template at character 14: else if in a range"),
        ("{{$x}}", "cannot read the template at character 1: there is no variable $x"),
        ("{{$x = 1}}", "cannot read the template at character 1: there is no variable $x"),
        ("{{if $x := 1}}{{end}}{{$x}}", "cannot read the template at character 22: there is no variable $x"),
        ("{{printf \"%d\" .Name}}", "cannot fill in the template: printf cannot print this value with %d"),
        ("{{printf \"%1001d\" 1}}", "cannot fill in the template: printf makes nothing wider than 1000"),
        ("{{printf \"%s\"}}", "cannot fill in the template: printf has no value for %s"),
        ("{{lt .Name 1}}", "cannot fill in the template: lt, le, gt and ge compare two numbers or two texts"),
        ("{{slice .References 3}}", "cannot fill in the template: slice goes beyond the end"),
        ("{{ .A ? }}", "cannot read the template at character 7: unexpected ?"),
        ("{{with .ID}}", "cannot read the template at character 1: with without end"),
        ("{{define}}", "cannot read the template at character 1: define is not supported"),
        ("{{.ID .ID}}", "cannot read the template at character 1: two values without a function"),
        ("{{.ID | .ID}}", "cannot read the template at character 1: a function is missing after |"),
        ("{{(.ID}}", "cannot read the template at character 1: ( without )"),
        ("{{.ID)}}", "cannot read the template at character 1: ) without ("),
        ("{{.a..b}}", "cannot read the template at character 3: a field's name is missing after the dot"),
        ("{{\"\\q\"}}", "cannot read the template at character 3: unknown escape \\q"),
        ("{{1x}}", "cannot read the template at character 3: 1x is not a number"),
        ("{{join .ID \",\"}}", "cannot fill in the template: join needs a list"),
        ("{{index .References 2}}", "cannot fill in the template: there is no element 2"),
        ("{{json}}", "cannot fill in the template: json does not take 0 values"),
        ("{{.ID.Sub}}", "cannot fill in the template: there is no .Sub in a value that has no fields"),
        ("{{range .ID}}{{end}}", "cannot fill in the template: range needs a list"),
        ("{{.Total.Byte}}", "unknown field Byte, did you mean bytes? (there are Inodes, bytes)"),
        (
            "{{.DockerSiz}}",
            "unknown field DockerSiz, did you mean docker_size? \
             (there are docker_size, held_by, id, name, none, note, parent, references, shared, total)",
        ),
    ] {
        assert_eq!(fill(template).unwrap_err().to_string(), error, "{template}");
    }
    let unknown = fill("{{jsn .}}").unwrap_err().to_string();
    assert!(unknown.starts_with("cannot read the template at character 1: unknown function jsn, did you mean json? (there are json, len,"));
}

#[test]
fn makes_headers_of_fields() {
    let header = |template: &str| {
        let title = |key: &str| same(key, "id").then(|| "IMAGE ID".to_owned());
        Template::parse(template).unwrap().header(title)
    };
    assert_eq!(header(r"{{.ID}}\t{{.DockerSize}}\t{{json .held_by}}"), "IMAGE ID\tDOCKER SIZE\tHELD BY");
    assert_eq!(header(r"{{if .Shared}}{{.Shared}}{{else}}-{{end}}\t{{range .References}}{{.}} {{end}}"), "SHARED\tREFERENCES");
    assert_eq!(header(r#"{{.Total.Bytes}}: {{join .References "\t"}} {{"x"}}{{.}}"#), "TOTAL BYTES: REFERENCES ");
}

#[test]
fn is_bounded_in_depth() {
    let nested = |depth: usize| format!("{}x{}", "{{if .Shared}}".repeat(depth), "{{end}}".repeat(depth));
    assert_eq!(fill(&nested(DEEPEST)).as_deref(), Ok("x"));
    assert!(fill(&nested(DEEPEST + 1)).unwrap_err().to_string().contains("nested more than"));
    assert!(fill(&nested(100_000)).is_err());
    for (open, close) in [("(", ")"), ("(", ""), ("len (", ")"), ("", " | len")] {
        let template = format!("{{{{{}.References{}}}}}", open.repeat(100_000), close.repeat(100_000));
        assert!(fill(&template).is_err(), "{open}{close}");
    }
    let parts = "{{else if .Parent}}x".repeat(50_000);
    assert_eq!(fill(&format!("{{{{if .Parent}}}}x{parts}{{{{else}}}}y{{{{end}}}}")).as_deref(), Ok("y"));
}

#[test]
fn reads_a_megabyte() {
    for (piece, expected) in [("{{.Shared}}", "true"), ("{{/* x */}}", ""), ("}}", "}}"), (r"\t", "\t")] {
        let times = 1_000_000 / piece.len();
        assert_eq!(fill(&piece.repeat(times)).unwrap(), expected.repeat(times));
    }
    for piece in ["{{", "{{\"", "{{`", "{{/*", "{{-", "{{.", "{{ 1", "\\"] {
        drop(fill(&piece.repeat(1_000_000 / piece.len())));
    }
    assert_eq!(fill(&format!("{{{{eq {}}}}}", "1 ".repeat(20_000))).as_deref(), Ok("true"));
}

#[test]
fn never_panics_on_pieces_in_any_order() {
    let pieces = [
        "{{", "}}", "if ", "with ", "$x", ":=", "=", ",", "$", "printf ", "else ", "end", "range ", ".A", ".", "\"", "`", "(", ")", "|",
        "- ", " -", "/*", "*/", "\\", "1", "json ", "é",
    ];
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let mut template = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            template.push_str(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
        }
        drop(fill(&template));
    }
}
