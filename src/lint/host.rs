//! Rules about the host.

use super::amount::{Amount, Limit};
use super::evaluate::Found;
use super::policy::Check;
use super::scene::Host;
use crate::render::size::{self, Digits};
use crate::render::words;

/// What the host has of what is asked for; nothing if the check is not about it.
pub(super) fn look(check: &Check, host: &Host) -> Option<Found> {
    let file_system = "the file system does not say";
    match check {
        Check::NoGarbage => Some(garbage(host.garbage).doubted(host.unread.as_deref())),
        Check::MinFreeSpace(limit) => Some(host.space.map_or_else(|| Found::unknown(file_system), |space| free(space, *limit, "bytes"))),
        Check::MinFreeInodes(limit) => Some(match host.inodes {
            None => Found::unknown(file_system),
            Some((_, 0)) => Found::is(true, "the file system makes inodes as it needs them".to_owned()),
            Some(inodes) => free(inodes, *limit, "inodes"),
        }),
        _ => None,
    }
}

/// What is told where images are in archives.
pub(super) fn there_is_none() -> Found {
    Found::is(false, "archives are on no host".to_owned()).fix("leave the rule to a policy for data-roots")
}

fn garbage((count, bytes): (u64, u64)) -> Found {
    let message = format!("{}, {}, belong to nothing", words::count(count, "thing"), size::human(bytes, Digits::Four));
    Found::at_most(Amount::Count(count), Amount::Count(0), message)
        .fix("look at it with `layerwise prune --dry-run`, and take it back with `layerwise prune`")
}

fn free((free, total): (u64, u64), limit: Limit, what: &str) -> Found {
    let (measured, limit) = match limit {
        Limit::Bytes(number) if what == "inodes" => (Amount::Count(free), Amount::Count(number)),
        limit => (limit.measure_down(free, total), limit.amount()),
    };
    let shown = |number| if what == "inodes" { format!("{number} inodes") } else { size::human(number, Digits::Four) };
    let message = format!("{} of {} are free", shown(free), shown(total));
    Found::at_least(measured, limit, message)
        .fix("`layerwise df` says where they went, `layerwise images --sort exclusive_bytes` which image to remove first")
}
