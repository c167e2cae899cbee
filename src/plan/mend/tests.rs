//! Mends that get in each other's way.

use super::*;
use crate::id::DiffId;

const LINK: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn dir() -> DirId {
    "aa".repeat(32).parse().unwrap()
}

fn link() -> LinkId {
    LINK.parse().unwrap()
}

fn chain() -> ChainId {
    format!("sha256:{}", "bb".repeat(32)).parse().unwrap()
}

fn diff(byte: u8) -> DiffId {
    DiffId::from_bytes([byte; 32])
}

fn finding(thing: Thing, mend: Mend) -> Finding {
    Finding::new(Code::MissingLink, thing, "it is damaged").mend(Some(mend))
}

/// Why each of the mends is not to be done; nothing stands in any of the places.
fn withheld(findings: &[Finding]) -> Vec<Option<String>> {
    let nothing = || Evidence { kind: Kind::Nothing, inode: None, text: None };
    let standing = places(findings).into_iter().map(|place| (place, Ok(nothing()))).collect();
    let owners = Owners { dockerd: (0, 0), containers: (0, 0) };
    draft(findings, &Basis { standing, references: None, owners }).into_iter().map(|drafted| drafted.withheld).collect()
}

#[test]
fn of_two_that_are_proven_from_each_other_neither_is_mended() {
    let of_the_link = finding(Thing::Link(link()), Mend::Link(link(), dir()));
    let of_the_file = finding(Thing::Dir(dir()), Mend::LinkFile(dir(), link()));
    let [first, second] = &withheld(&[of_the_link.clone(), of_the_file.clone()])[..] else { panic!() };
    for (why, other) in [(first, format!("overlay2/{}/link", dir())), (second, format!("overlay2/l/{LINK}"))] {
        assert_eq!(why.as_deref(), Some(&*format!("it and {other} are to be mended, and each is proven from the other")));
    }
    assert_eq!([withheld(&[of_the_link]), withheld(&[of_the_file])], [[None], [None]], "alone, each is");
}

#[test]
fn what_another_is_proven_from_is_not_changed_either() {
    // `lower` is written from the links that it names, so that it is not written while one of them is to be made anew.
    let of_lower = finding(Thing::Dir("cc".repeat(32).parse().unwrap()), Mend::Lower("cc".repeat(32).parse().unwrap(), vec![link()]));
    let of_the_link = finding(Thing::Link(link()), Mend::Link(link(), dir()));
    assert!(withheld(&[of_lower.clone(), of_the_link]).iter().all(Option::is_some));
    let of_work = finding(Thing::Dir(dir()), Mend::Work(dir()));
    assert_eq!(withheld(&[of_lower, of_work]), [None, None], "what has nothing to do with it hinders nothing");
}

#[test]
fn of_two_that_want_different_things_in_a_place_neither_is_mended() {
    let wants = |byte| finding(Thing::Layer(chain()), Mend::LayerDiff(chain(), diff(byte)));
    let why = Some("another finding asks for something else in its place".to_owned());
    assert_eq!(withheld(&[wants(1), wants(2)]), [why.clone(), why]);
    assert_eq!(withheld(&[wants(1), wants(1)]), [None], "the same is asked for once");
}

#[test]
fn what_may_be_in_progress_is_left_and_so_is_what_stands_on_it() {
    let of_the_link = Finding { in_progress: true, ..finding(Thing::Link(link()), Mend::Link(link(), dir())) };
    let of_the_file = finding(Thing::Dir(dir()), Mend::LinkFile(dir(), link()));
    let [first, second] = &withheld(&[of_the_link, of_the_file])[..] else { panic!() };
    assert_eq!(first.as_deref(), Some(IN_PROGRESS));
    assert!(second.is_some());
}
