//! When a process was started: `/proc/<pid>/stat` counts from the boot, `/proc/stat` says when that was.
//!
//! ```text
//! /proc/<pid>/stat    26296 (docker) d) S 26290 …      the name may hold anything; field 22 is the start in clock ticks since the boot
//! /proc/stat          btime 1735689600                 the boot in seconds since 1970, the rest of the second cut off
//! ```
//!
//! Both are cut off, so the sum is never after the true start, and up to a second and a tick before it. That is the careful side: what is
//! born after it counts as young. A clock that was set forward after the start would shift it the other way; see
//! [`super::Daemon::started`] for what is done about that.

/// The fields behind the name of a process, and the place of its start among them.
const START: usize = 19;

/// The start of a process, in clock ticks since the boot.
#[must_use]
pub fn parse_start(stat: &[u8]) -> Option<u64> {
    let name_ends = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(stat.get(name_ends..)?.get(1..)?).ok()?;
    rest.split_ascii_whitespace().nth(START)?.parse().ok()
}

/// The boot in `/proc/stat`, in seconds since 1970.
#[must_use]
pub fn parse_boot(stat: &[u8]) -> Option<i64> {
    let line = stat.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
    std::str::from_utf8(line).ok()?.trim_ascii().parse().ok()
}

/// The time at which something began that began `ticks` after `boot`, in seconds and nanoseconds since 1970.
#[must_use]
pub fn started(boot: i64, ticks: u64, ticks_per_second: u64) -> Option<(i64, u32)> {
    let seconds = i64::try_from(ticks.checked_div(ticks_per_second)?).ok()?;
    let nanoseconds = (ticks % ticks_per_second).checked_mul(1_000_000_000)?.checked_div(ticks_per_second)?;
    Some((boot.checked_add(seconds)?, u32::try_from(nanoseconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_the_22nd_field_whatever_the_name() {
        for name in ["dockerd", "a b", "x) S 1 2 3", ")", "("] {
            let stat = format!("77 ({name}) S 1 77 77 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 14 0 123456 1000 200");
            assert_eq!(parse_start(stat.as_bytes()), Some(123_456), "{name}");
        }
        for stat in ["", "77 (x", "77 (x) S 1 2", ")"] {
            assert_eq!(parse_start(stat.as_bytes()), None, "{stat}");
        }
    }

    #[test]
    fn the_boot_is_a_line_of_its_own() {
        assert_eq!(parse_boot(b"cpu 1 2\nbtime 1735689600\nprocesses 5\n"), Some(1_735_689_600));
        assert_eq!(parse_boot(b"cpu 1 2\nxbtime 5\n"), None);
    }

    #[test]
    fn a_start_is_cut_off_never_rounded_up() {
        assert_eq!(started(100, 299, 100), Some((102, 990_000_000)));
        assert_eq!(started(100, 2, 3), Some((100, 666_666_666)));
        assert_eq!(started(100, 5, 0), None);
        assert_eq!(started(i64::MAX, 500, 100), None);
        assert_eq!(started(0, u64::MAX, 1), None);
    }
}
