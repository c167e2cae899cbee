//! What is in a run: put together from its journals and from where each of its parts is found.
//!
//! A part is in its slot, or where it belongs, because it was never taken or is back. If it is neither, it is missing: somebody moved it, or its
//! file system is not mounted. Each part is looked for once, however often journals tell of it.

use super::{RunDir, Trash};
use crate::apply::journal::{Item, Journal, Slot};
use crate::apply::look::{Origin, identify, look_again, open};
use crate::apply::top::Place;
use crate::plan::Kind;
use rustix::fs::{AtFlags, statat};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::fd::OwnedFd;

/// Where a part of something that was taken is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// In its slot; or what was put is in its place.
    Slot,
    /// Where it belongs.
    Home,
    /// Neither.
    Nowhere,
}

/// What journals tell, and what is found of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gathered {
    pub items: Vec<Item>,
    pub missing: BTreeMap<usize, Vec<Slot>>,
    pub untold: BTreeSet<usize>,
}

/// Puts together what the journals of a run, each with its place, tell; `find` says where a part is, whose place is told by then.
pub(super) fn gather(journals: Vec<(Place, Journal)>, mut find: impl FnMut(&Slot) -> Whereabouts) -> Gathered {
    let mut gathered = Gathered { untold: untold(&journals), ..Gathered::default() };
    let here: BTreeSet<Place> = journals.iter().map(|(place, _)| *place).collect();
    let mut items: BTreeMap<usize, (Item, Vec<Slot>)> = BTreeMap::new();
    let mut known = HashSet::new();
    for (journal_place, journal) in journals {
        for mut item in journal.items {
            let number = item.number;
            let slots = std::mem::take(&mut item.objects);
            let (_, found) = items.entry(number).or_insert_with(|| (item, Vec::new()));
            for mut slot in slots {
                let place = *slot.place.get_or_insert(journal_place);
                let is_anothers = place != journal_place && here.contains(&place);
                if is_anothers || !known.insert(slot.number) {
                    continue;
                }
                match find(&slot) {
                    Whereabouts::Slot => found.push(slot),
                    Whereabouts::Home => {}
                    Whereabouts::Nowhere => gathered.missing.entry(number).or_default().push(slot),
                }
            }
        }
    }
    for (number, (mut item, mut found)) in items {
        // Of what is not there, nothing is missed.
        if found.is_empty() {
            continue;
        }
        found.sort_by_key(|slot| slot.number);
        item.objects = found;
        item.number = number;
        gathered.items.push(item);
    }
    gathered
}

/// The items of which old journals, which tell of one place alone, do not tell all parts: slots are numbered through all places, so where a
/// number is left out, a part of the item before or of the one behind it is told elsewhere.
fn untold(journals: &[(Place, Journal)]) -> BTreeSet<usize> {
    let items = || journals.iter().flat_map(|(_, journal)| &journal.items);
    if items().flat_map(|item| &item.objects).any(|slot| slot.place.is_some()) {
        return BTreeSet::new();
    }
    let mut numbers: Vec<(u64, usize)> = items().flat_map(|item| item.objects.iter().map(|slot| (slot.number, item.number))).collect();
    numbers.sort_unstable();
    numbers.dedup_by_key(|(slot, _)| *slot);
    let mut untold = BTreeSet::new();
    untold.extend(numbers.first().filter(|(slot, _)| *slot != 0).map(|(_, item)| *item));
    for pair in numbers.windows(2) {
        if let [(before, one), (behind, other)] = pair
            && before.checked_add(1) != Some(*behind)
        {
            untold.extend([*one, *other]);
        }
    }
    untold
}

/// Whether the run with this journal, in `dir`, was copied: it lies in another inode than when it was written. An old journal does not say
/// which that was; then it was copied if every slot has another inode.
pub(super) fn origin_of(journal: &Journal, dir: &OwnedFd, here: Place) -> Origin {
    if let Some(home) = journal.home {
        let is_it = identify(dir).is_ok_and(|(_, found)| (found.number, found.born) == (home.number, home.born));
        return if is_it { Origin::Here } else { Origin::Copied };
    }
    let slots = journal.items.iter().flat_map(|item| &item.objects);
    let slots = slots.filter(|slot| slot.place.is_none_or(|place| place == here) && slot.evidence.kind != Kind::Nothing);
    let mut differ = false;
    for slot in slots {
        let Some(known) = slot.evidence.inode else { continue };
        match open(dir, slot.name()).and_then(|fd| identify(&fd)) {
            Ok((_, found)) if (found.number, found.born) == (known.number, known.born) => return Origin::Here,
            Ok(_) => differ = true,
            Err(_) => {}
        }
    }
    if differ { Origin::Copied } else { Origin::Here }
}

impl Trash<'_> {
    /// Where the part is that `slot` tells of, whose run has the directories `dirs`.
    pub(super) fn find(&self, dirs: &[RunDir], slot: &Slot, origin: Origin) -> Whereabouts {
        let dir = dirs.iter().find(|dir| slot.place == Some(self.tops.place(dir.top)));
        match (dir, &slot.put) {
            (Some(dir), _) if self.is_done(&dir.fd, slot, origin) => Whereabouts::Slot,
            // What was put aside for it is there, or was discarded when it was undone.
            (Some(_), Some(_)) => Whereabouts::Home,
            _ if self.is_home(slot, origin) => Whereabouts::Home,
            _ => Whereabouts::Nowhere,
        }
    }

    /// Whether a part is where it belongs.
    pub(in crate::apply) fn is_home(&self, slot: &Slot, origin: Origin) -> bool {
        let Ok(parent) = self.tops.parent_of(&slot.path) else { return false };
        let name = slot.path.split().1;
        match slot.evidence.kind {
            Kind::Nothing => statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).is_err_and(|errno| errno == Errno::NOENT),
            Kind::Directory | Kind::File | Kind::Link => look_again(&parent, name, slot, origin).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Evidence;
    use serde_json::json;

    /// The number of a slot, and in which trash it is if that is said.
    type Told = (u64, Option<&'static str>);

    /// The number of an item, and its slots.
    type Of<'a> = (usize, &'a [Told]);

    /// A journal of these items.
    fn journal(items: &[Of<'_>]) -> Journal {
        let evidence = serde_json::to_value(Evidence::link("../x/diff")).unwrap();
        let slot = |&(number, place): &Told| {
            let mut slot = json!({"number": number, "path": format!("overlay2/l/{number}"), "evidence": evidence, "role": "part"});
            place.inspect(|place| slot["place"] = json!(place));
            slot
        };
        let item = |(number, slots): &Of<'_>| {
            let objects: Vec<_> = slots.iter().map(slot).collect();
            json!({"number": number, "class": "dangling-link", "kind": "link", "id": "x", "path": "overlay2/l/x", "bytes": null, "after": [],
                "objects": objects})
        };
        let items: Vec<_> = items.iter().map(item).collect();
        let text = json!({"schema": "layerwise/trash/1", "version": "x", "created": "x", "keep": true, "items": items}).to_string();
        Journal::parse(text.as_bytes()).unwrap()
    }

    /// The items that are in the trash with the numbers of their slots, and the slots that are missing.
    fn told(gathered: &Gathered) -> (Vec<(usize, Vec<u64>)>, Vec<u64>) {
        let numbers = |slots: &[Slot]| slots.iter().map(|slot| slot.number).collect::<Vec<_>>();
        let items = gathered.items.iter().map(|item| (item.number, numbers(&item.objects))).collect();
        (items, gathered.missing.values().flat_map(|slots| numbers(slots)).collect())
    }

    #[test]
    fn a_part_that_is_in_neither_place_is_missing_whether_its_trash_is_there_or_not() {
        let of_both: &[Of<'_>] =
            &[(0, &[(0, Some("data-root")), (1, Some("overlay2"))]), (1, &[(2, Some("overlay2"))]), (2, &[(3, Some("data-root"))])];
        let places = [Place::DataRoot, Place::Overlay2];
        let all = gather(places.map(|place| (place, journal(of_both))).into(), |_| Whereabouts::Slot);
        assert_eq!(told(&all), (vec![(0, vec![0, 1]), (1, vec![2]), (2, vec![3])], vec![]));
        let find = |slot: &Slot| if slot.place == Some(Place::DataRoot) { Whereabouts::Slot } else { Whereabouts::Nowhere };
        let half = gather(vec![(Place::DataRoot, journal(of_both))], find);
        assert_eq!(told(&half), (vec![(0, vec![0]), (2, vec![3])], vec![1, 2]));
        let back =
            gather(vec![(Place::DataRoot, journal(of_both))], |slot| if slot.number == 0 { Whereabouts::Slot } else { Whereabouts::Home });
        assert_eq!(told(&back), (vec![(0, vec![0])], vec![]));
    }

    #[test]
    fn an_old_journal_betrays_by_the_numbers_of_its_slots_what_it_does_not_tell() {
        for (items, untold) in [
            (&[(0, &[(0, None), (1, None)][..]), (1, &[(2, None)])][..], &[][..]),
            (&[(0, &[(0, None)]), (1, &[(2, None)])], &[0, 1]),
            (&[(0, &[(1, None)]), (1, &[(2, None)])], &[0]),
            (&[(0, &[(0, None), (2, None)]), (1, &[(3, None)])], &[0]),
            (&[(0, &[(u64::MAX, None)])], &[0]),
        ] {
            let gathered = gather(vec![(Place::DataRoot, journal(items))], |_| Whereabouts::Slot);
            assert_eq!(gathered.untold, untold.iter().copied().collect(), "{items:?}");
        }
    }

    #[test]
    fn each_slot_is_looked_for_once_however_often_journals_tell_of_it() {
        const MANY: usize = 2_000;
        let repeated: Vec<Of<'_>> = vec![(7, &[(3, None), (3, None), (4, None)]); MANY];
        let mut looked = 0;
        let places = [Place::DataRoot, Place::Image, Place::Overlay2];
        let gathered = gather(places.map(|place| (place, journal(&repeated))).into(), |_| {
            looked += 1;
            Whereabouts::Slot
        });
        assert_eq!((told(&gathered), looked), ((vec![(7, vec![3, 4])], vec![]), 2));
    }
}
