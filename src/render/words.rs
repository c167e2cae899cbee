//! Numbers before nouns, and texts made short enough for a list.

use super::column::{Ids, short_id};

/// How much of a step's command a list shows; its beginning says what it does.
const STEP: usize = 80;

/// Puts a number before a noun: `1 layer`, `3 layers`, `2 directories`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// The length of a list as a number to count with.
#[must_use]
pub fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Puts the command of a build step on one line; unless whole texts are wanted, without what every step has, and cut.
///
/// Builders write commands with the line breaks, tabs and backslashes that the Dockerfile has, and name the shell that runs them.
#[must_use]
pub fn step(command: &str, ids: Ids) -> String {
    let words = |text: &str| text.split_whitespace().filter(|word| *word != "\\").map(str::to_owned).collect::<Vec<_>>();
    if ids == Ids::Full {
        return words(command).join(" ");
    }
    let command = command.trim();
    let command = command.strip_suffix("# buildkit").unwrap_or(command);
    let (start, rest) = match command.strip_prefix("RUN /bin/sh -c ").or_else(|| command.strip_prefix("/bin/sh -c ")) {
        None => ("", command),
        Some(rest) => rest.strip_prefix("#(nop) ").map_or(("RUN", rest), |step| ("", step)),
    };
    let words = std::iter::once(start.to_owned()).filter(|start| !start.is_empty()).chain(words(rest));
    let mut line = String::new();
    for word in words {
        line.extend((!line.is_empty()).then_some(' '));
        line.push_str(&word);
        if let Some((cut, _)) = line.char_indices().nth(STEP) {
            line.truncate(cut);
            line.push('…');
            break;
        }
    }
    line
}

/// Names an image by the first of its names and how many more there are, or by all of them if whole texts are wanted.
#[must_use]
pub fn names(references: &[String], ids: Ids) -> String {
    match (references, ids) {
        ([], _) => "<none>".to_owned(),
        (all, Ids::Full) => all.join(", "),
        ([only], Ids::Short) => name(only),
        ([first, more @ ..], Ids::Short) => format!("{} +{}", name(first), more.len()),
    }
}

/// A name with its digest, if it has one, cut as identifiers are.
fn name(reference: &str) -> String {
    const DIGEST: &str = "@sha256:";
    match reference.split_once(DIGEST) {
        Some((repository, digest)) => format!("{repository}{DIGEST}{}", short_id(digest, Ids::Short)),
        None => reference.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_a_step_on_one_line() {
        let command = "RUN /bin/sh -c apt-get update \\\n\t&& apt-get install \\\n  psql # buildkit";
        assert_eq!(step(command, Ids::Full), "RUN /bin/sh -c apt-get update && apt-get install psql # buildkit");
        assert_eq!(step(command, Ids::Short), "RUN apt-get update && apt-get install psql");
        assert_eq!(step("/bin/sh -c #(nop)  CMD [\"sh\"]", Ids::Short), "CMD [\"sh\"]");
        assert_eq!(step("/bin/sh -c make", Ids::Short), "RUN make");
        assert_eq!(step("COPY . / # buildkit", Ids::Short), "COPY . /");
        assert_eq!(step(&"ä".repeat(81), Ids::Short), "ä".repeat(80) + "…");
        assert_eq!(step(&"ä".repeat(80), Ids::Short), "ä".repeat(80));
        assert_eq!(step(" \n", Ids::Short), "");
    }

    #[test]
    fn names_an_image_by_one_name() {
        let digest = format!("app@sha256:{}", "0123456789abcdef".repeat(4));
        for (references, shown) in
            [(&[][..], "<none>"), (&["app:1"], "app:1"), (&["app:1", "app:2", "b:3"], "app:1 +2"), (&[&digest], "app@sha256:0123456789ab")]
        {
            let references: Vec<String> = references.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(names(&references, Ids::Short), shown);
        }
        assert_eq!(names(&["a:1".to_owned(), digest.clone()], Ids::Full), format!("a:1, {digest}"));
    }

    #[test]
    fn counts_in_english() {
        for (number, noun, text) in [(0, "layer", "0 layers"), (1, "layer", "1 layer"), (3, "thing", "3 things")] {
            assert_eq!(count(number, noun), text);
        }
        assert_eq!(count(2, "directory"), "2 directories");
        assert_eq!(count(2, "key"), "2 keys");
    }
}
