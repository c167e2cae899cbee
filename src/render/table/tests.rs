use super::*;

fn heading(title: &str, align: Align, fit: Fit) -> Heading {
    Heading { title: title.to_owned(), align, fit }
}

fn table(rows: &[[&str; 4]]) -> Table {
    let mut table = Table::new(vec![
        heading("ID", Align::Left, Fit::Keep),
        heading("REFERENCES", Align::Left, Fit::Shorten),
        heading("SIZE", Align::Right, Fit::Keep),
        heading("CREATED BY", Align::Left, Fit::Shorten),
    ]);
    for row in rows {
        table.push(row.map(str::to_owned));
    }
    table
}

fn terminal(width: usize) -> Style {
    Style { width: Some(width), colour: Colour::Never }
}

#[test]
fn aligns_in_dockers_style() {
    let table = table(&[["4f4fb700ef54", "alpine:3.20", "7.8MB", "/bin/sh"], ["a", "<none>", "12.35MB", ""]]);
    let text = "ID             REFERENCES       SIZE   CREATED BY\n\
                4f4fb700ef54   alpine:3.20     7.8MB   /bin/sh\n\
                a              <none>        12.35MB\n";
    assert_eq!(table.clone().render(&Style::default()), text);
    assert_eq!(table.render(&terminal(49)), text);
}

#[test]
fn ends_right_aligned_rows_at_their_last_digit() {
    let mut table = Table::new(vec![heading("NAME", Align::Left, Fit::Keep), heading("COUNT", Align::Right, Fit::Keep)]);
    table.push(["a".to_owned(), "12".to_owned()]);
    assert_eq!(table.render(&Style::default()), "NAME   COUNT\na         12\n");
}

#[test]
fn shortens_the_widest_texts_to_fit() {
    let rows = [["4f4fb700ef54", "registry.example/team/application:2024", "7.8MB", "RUN apt-get update && apt-get install"]];
    for width in 46..110 {
        let text = table(&rows).render(&terminal(width));
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= width, "{width}: {text}");
        assert!(widest + 2 > width.min(101), "{width} is not used: {text}");
        assert!(text.contains("4f4fb700ef54   "), "{text}");
        assert!(text.contains("   7.8MB   "), "{text}");
        assert_eq!(text.lines().count(), 2);
    }
    assert_eq!(
        table(&rows).render(&terminal(64)).lines().nth(1).unwrap(),
        "4f4fb700ef54   registry.example/t…   7.8MB   RUN apt-get update…"
    );
    assert!(table(&rows).render(&Style::default()).ends_with("&& apt-get install\n"));
}

#[test]
fn leaves_columns_out_where_texts_could_not_be_read_any_more() {
    let mut table = Table::new(vec![
        heading("ID", Align::Left, Fit::Keep),
        heading("INODES", Align::Right, Fit::Omit(1)),
        heading("SIZE", Align::Right, Fit::Keep),
        heading("COPIES", Align::Right, Fit::Omit(2)),
        heading("CREATED BY", Align::Left, Fit::Shorten),
    ]);
    table.push(["4f4fb700ef54", "12", "7.8MB", "3", "RUN apt-get update && apt-get install"].map(str::to_owned));
    let header = |width| table.clone().render(&terminal(width)).lines().next().unwrap().to_owned();
    let widest = |width| table.clone().render(&terminal(width)).lines().map(|line| line.chars().count()).max().unwrap();
    for (width, titles) in [
        (100, "ID             INODES    SIZE   COPIES   CREATED BY"),
        (61, "ID             INODES    SIZE   COPIES   CREATED BY"),
        (60, "ID             INODES    SIZE   CREATED BY"),
        (52, "ID             INODES    SIZE   CREATED BY"),
        (51, "ID              SIZE   CREATED BY"),
        (40, "ID              SIZE   CREATED BY"),
    ] {
        assert_eq!(header(width), titles, "{width}");
        assert!(widest(width) <= width);
    }
    assert_eq!(table.clone().render(&Style::default()).lines().next(), Some("ID             INODES    SIZE   COPIES   CREATED BY"));
}

#[test]
fn keeps_identifiers_and_headers_however_narrow_the_terminal() {
    let text = table(&[["4f4fb700ef54", "a:1", "7.8MB", "text that is long"]]).render(&terminal(3));
    assert_eq!(text, "ID             REFERENCES    SIZE   CREATED BY\n4f4fb700ef54   a:1          7.8MB   text that…\n");
}

#[test]
fn counts_columns_of_a_terminal_not_characters() {
    let rows = [["1", "日本語イメージ", "1B", "x"], ["2", "e\u{301}e\u{301}", "22B", "y"]];
    let text = "ID   REFERENCES       SIZE   CREATED BY\n\
                1    日本語イメージ     1B   x\n\
                2    e\u{301}e\u{301}                22B   y\n";
    assert_eq!(table(&rows).render(&Style::default()), text);
    assert_eq!(cut("日本語", 5), "日本…");
    assert_eq!(cut("日本語", 4), "日…");
    assert_eq!(cut("日本語", 6), "日本語");
    assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    assert_eq!(cut("abc", 0), "…");
    assert_eq!(cut("│   ├── abc", 10), "│   ├── a…");
}

#[test]
fn keeps_each_row_on_one_line_whatever_it_holds() {
    let hostile = ["a\nb", "\u{1b}[2J\u{202e}", "\t", &"long ".repeat(40_000)];
    let text = table(&[hostile, hostile]).render(&Style::default());
    assert_eq!(text.lines().count(), 3);
    assert!(text.lines().skip(1).all(|line| line.starts_with(r"a\nb   \x1b[2J\u{202e}") && line.ends_with("long long")));
    assert!(!text.contains(['\t', '\u{1b}', '\u{202e}']));
}

#[test]
fn does_not_pad_all_rows_to_one_monstrous_text() {
    let long = "x".repeat(1_000_000);
    let mut rows = vec![["1", "a", "1B", "b"]; 5000];
    rows[7] = ["1", &long, "1B", &long];
    let text = table(&rows).render(&Style::default());
    assert_eq!(text.lines().count(), 5001);
    assert!(text.len() < 5001 * 1100 + long.len());
    assert!(text.contains(&format!("{}…   ", "x".repeat(WIDEST - 1))));
    assert!(text.contains(&long), "the last column is whole");
}

#[test]
fn aligns_rows_of_different_blocks_alike() {
    let mut rows = vec![["1", "a", "1B", "b"]; 3000];
    rows[2999] = ["1", "abcdefghijkl", "1.111GB", "b"];
    let text = table(&rows).render(&Style::default());
    let columns: std::collections::BTreeSet<_> = text.lines().skip(1).map(|line| line.rfind('b')).collect();
    assert_eq!(columns.len(), 1);
}

#[test]
fn colours_only_the_header_and_only_when_told() {
    let style = Style { width: None, colour: Colour::Always };
    let text = table(&[["1", "a", "1B", "b"]]).render(&style);
    assert!(text.starts_with("\u{1b}[1mID   REFERENCES   SIZE   CREATED BY\u{1b}[0m\n1 "));
    assert_eq!(text.matches('\u{1b}').count(), 2);
}

#[test]
fn survives_odd_shapes() {
    assert_eq!(Table::new(Vec::new()).render(&Style::default()), "");
    let mut empty = Table::new(Vec::new());
    empty.push(["dropped".to_owned()]);
    assert_eq!(empty.render(&terminal(0)), "\n");
    let mut ragged = Table::new(vec![heading("", Align::Left, Fit::Keep), heading("", Align::Right, Fit::Keep)]);
    ragged.push([]);
    ragged.push(["a", "1", "dropped"].map(str::to_owned));
    assert_eq!(ragged.render(&Style::default()), "\na   1\n");
}
