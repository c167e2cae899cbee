//! Who should own a file on the disk, given whom its header names.

/// How owners in headers become owners on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owners {
    /// They are the same.
    Same,
    /// dockerd remaps users: these are the ids of root, and the others follow (`userns-remap`).
    Shifted {
        /// Root's user.
        user: u32,
        /// Root's group.
        group: u32,
    },
    /// dockerd runs without root: root is the one who runs it, and the others follow from somewhere in `/etc/subuid` that the disk does not
    /// tell; so they only have to agree with each other.
    Rootless(Rootless),
}

/// What is known of the mapping of a dockerd without root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rootless {
    user: Range,
    group: Range,
}

/// A mapping of the id 0, and of all above it by one distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    root: u32,
    distance: Option<i64>,
}

impl Range {
    fn matches(&mut self, stated: u64, found: u32) -> bool {
        if stated == 0 {
            return found == self.root;
        }
        let Ok(stated) = i64::try_from(stated) else { return false };
        let distance = i64::from(found).saturating_sub(stated);
        *self.distance.get_or_insert(distance) == distance
    }
}

impl Owners {
    /// The mapping of a dockerd without root, which the user and group run who own the data-root.
    #[must_use]
    pub const fn rootless((user, group): (u32, u32)) -> Self {
        Self::Rootless(Rootless { user: Range { root: user, distance: None }, group: Range { root: group, distance: None } })
    }

    /// Whether a file that a header gives to `stated` is rightly `found` on the disk.
    pub fn match_up(&mut self, stated: (u64, u64), found: (u32, u32)) -> bool {
        match self {
            Self::Same => (u64::from(found.0), u64::from(found.1)) == stated,
            Self::Shifted { user, group } => {
                let shifted = |id: u64, by: u32| id.checked_add(u64::from(by));
                (Some(u64::from(found.0)), Some(u64::from(found.1))) == (shifted(stated.0, *user), shifted(stated.1, *group))
            }
            Self::Rootless(ranges) => {
                let user = ranges.user.matches(stated.0, found.0);
                ranges.group.matches(stated.1, found.1) && user
            }
        }
    }

    /// Whether devices are left out, because who unpacked the layer may not make any.
    #[must_use]
    pub const fn lack_devices(&self) -> bool {
        matches!(self, Self::Rootless(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_mapped_as_dockerd_maps_them() {
        assert!(Owners::Same.match_up((1, 2), (1, 2)) && !Owners::Same.match_up((1, 2), (1, 3)));
        let mut shifted = Owners::Shifted { user: 100_000, group: 200_000 };
        assert!(shifted.match_up((0, 0), (100_000, 200_000)) && shifted.match_up((7, 8), (100_007, 200_008)));
        assert!(!shifted.match_up((7, 8), (7, 8)) && !shifted.match_up((u64::MAX, 0), (0, 200_000)));
    }

    #[test]
    fn without_root_all_but_root_have_one_distance() {
        let mut owners = Owners::rootless((1000, 1000));
        assert!(owners.match_up((0, 0), (1000, 1000)) && !owners.match_up((0, 0), (0, 0)));
        assert!(owners.match_up((1, 1), (165_536, 165_536)) && owners.match_up((8, 0), (165_543, 1000)));
        assert!(!owners.match_up((8, 0), (165_544, 1000)) && !owners.match_up((1, 1), (1, 1)));
    }
}
