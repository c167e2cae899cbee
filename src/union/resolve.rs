//! Which of the layers shows under a name, and what that is merged of: the rules of overlayfs, on whatever tells what a layer has.

use super::entry::{Entry, Nature};
use super::{join, split};

/// Tells what layers have; the layers are numbered from the top.
pub trait Look {
    /// What the layer has at `path`.
    fn look(&self, layer: usize, path: &[u8]) -> Option<Entry>;
    /// How many layers there are.
    fn layers(&self) -> usize;
}

/// A place in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The layer, counted from the top.
    pub layer: usize,
    /// Where it is in the layer.
    pub path: Vec<u8>,
}

/// What shows under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What provides everything but content.
    pub top: Part,
    /// What it is.
    pub entry: Entry,
    /// Of a directory, all that it is merged of, top first. Of anything else, what has its content, which a damaged store may have lost.
    pub parts: Vec<Part>,
}

/// What shows under `name` in a directory that is merged of `parts`.
pub fn resolve(look: &impl Look, parts: &[Part], name: &[u8]) -> Option<Found> {
    let mut search = Search::Beside(parts, name.to_vec());
    let mut found: Option<Found> = None;
    while let Some(met) = search.next(look) {
        let Met { part, entry, is_last } = met;
        let (nature, redirect) = (entry.nature, entry.redirect.clone());
        let layer = part.layer;
        match &mut found {
            _ if nature == Nature::Whiteout => break,
            None => {
                let own = if nature == Nature::Stub { Vec::new() } else { vec![part.clone()] };
                found = Some(Found { top: part, entry, parts: own });
            }
            Some(above) if above.entry.is_directory() && entry.is_directory() => above.parts.push(part),
            Some(above) if above.entry.nature == Nature::Stub && nature == Nature::Plain && entry.is_file() => above.parts.push(part),
            // A file that has its content in yet another one.
            Some(above) if above.entry.nature == Nature::Stub && nature == Nature::Stub => {}
            Some(_) => break,
        }
        if is_last || matches!(nature, Nature::Opaque | Nature::Plain) {
            break;
        }
        search.follow(layer, redirect.as_deref());
    }
    found
}

/// Where the layers below are yet to be asked.
enum Search<'a> {
    /// In these directories, for this name.
    Beside(&'a [Part], Vec<u8>),
    /// From this layer on down, for this path from the root.
    FromRoot(usize, Vec<u8>),
}

/// Something that a search came upon.
struct Met {
    part: Part,
    entry: Entry,
    /// Whether a directory above it hides all layers below.
    is_last: bool,
}

impl Search<'_> {
    fn next(&mut self, look: &impl Look) -> Option<Met> {
        match self {
            Self::Beside(parts, name) => loop {
                let (first, rest) = parts.split_first()?;
                *parts = rest;
                let path = join(&first.path, name);
                if let Some(entry) = look.look(first.layer, &path) {
                    return Some(Met { part: Part { layer: first.layer, path }, entry, is_last: false });
                }
            },
            Self::FromRoot(layer, path) => loop {
                let here = *layer;
                if here >= look.layers() {
                    return None;
                }
                *layer += 1;
                let own = path.clone();
                match descend(look, here, path) {
                    Descent::Blocked | Descent::Nothing { is_last: true } => return None,
                    Descent::Nothing { is_last: false } => {}
                    Descent::Arrived { entry, is_last } => return Some(Met { part: Part { layer: here, path: own }, entry, is_last }),
                }
            },
        }
    }

    /// Looks elsewhere from here on, if that is what the mark of what was found in `layer` says.
    fn follow(&mut self, layer: usize, redirect: Option<&[u8]>) {
        let Some(redirect) = redirect else { return };
        match (redirect.strip_prefix(b"/"), &mut *self) {
            (Some(path), _) => *self = Self::FromRoot(layer + 1, path.to_vec()),
            (None, Self::Beside(_, name)) => *name = redirect.to_vec(),
            (None, Self::FromRoot(_, path)) => *path = join(split(path).0, redirect),
        }
    }
}

/// How a path ended in one layer.
enum Descent {
    /// Something that is no directory is in the way, also of layers below.
    Blocked,
    /// The layer does not have it.
    Nothing {
        /// Whether a directory on the way hides all layers below.
        is_last: bool,
    },
    Arrived {
        entry: Entry,
        is_last: bool,
    },
}

/// Goes down `path` in one layer; a directory on the way that was renamed changes the path for the layers below.
fn descend(look: &impl Look, layer: usize, path: &mut Vec<u8>) -> Descent {
    let own = path.clone();
    let mut is_last = false;
    for (slash, _) in own.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        let (above, rest) = (own.get(..slash).unwrap_or_default(), own.get(slash + 1..).unwrap_or_default());
        let Some(entry) = look.look(layer, above) else { return Descent::Nothing { is_last } };
        match entry.nature {
            Nature::Opaque => is_last = true,
            Nature::Merged => {}
            Nature::Whiteout | Nature::Stub | Nature::Plain => return Descent::Blocked,
        }
        if let Some(redirect) = entry.redirect.as_deref() {
            let renamed = redirect.strip_prefix(b"/").map_or_else(|| join(split(above).0, redirect), <[u8]>::to_vec);
            *path = join(&renamed, rest);
        }
    }
    match look.look(layer, &own) {
        Some(entry) => Descent::Arrived { entry, is_last },
        None => Descent::Nothing { is_last },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dir::Kind;
    use crate::dir::tree::Inode;
    use std::collections::BTreeMap;

    /// Layers, top first: a path, what it is (`d`irectory, `o`paque, `f`ile, `s`tub, `w`hiteout) and where it redirects to.
    struct Layers(Vec<BTreeMap<&'static str, Entry>>);

    impl Layers {
        fn new(layers: &[&[(&'static str, char, &str)]]) -> Self {
            let entry = |kind, redirect: &str| Entry {
                inode: inode(if matches!(kind, 'd' | 'o') { 0o040_755 } else { 0o100_644 }),
                nature: match kind {
                    'd' => Nature::Merged,
                    'o' => Nature::Opaque,
                    's' => Nature::Stub,
                    'w' => Nature::Whiteout,
                    _ => Nature::Plain,
                },
                redirect: (!redirect.is_empty()).then(|| redirect.as_bytes().into()),
            };
            Self(layers.iter().map(|layer| layer.iter().map(|&(path, kind, redirect)| (path, entry(kind, redirect))).collect()).collect())
        }

        /// What shows at the root under `name`, as layer and path of all parts.
        fn at_root(&self, name: &str) -> Option<Vec<String>> {
            let root: Vec<Part> = (0..self.0.len()).map(|layer| Part { layer, path: Vec::new() }).collect();
            let found = resolve(self, &root, name.as_bytes())?;
            Some(found.parts.iter().map(|part| format!("{}:{}", part.layer, String::from_utf8_lossy(&part.path))).collect())
        }
    }

    impl Look for Layers {
        fn look(&self, layer: usize, path: &[u8]) -> Option<Entry> {
            self.0.get(layer)?.get(std::str::from_utf8(path).ok()?).cloned()
        }

        fn layers(&self) -> usize {
            self.0.len()
        }
    }

    fn inode(mode: u32) -> Inode {
        let (number, user, group, links, size, allocated) = (1, 0, 0, 1, 0, 0);
        Inode { number, kind: Kind::File, mode, user, group, links, size, allocated, modified: (0, 0), device: (0, 0) }
    }

    #[test]
    fn upper_layers_hide_and_directories_merge() {
        let layers = Layers::new(&[
            &[("a", 'd', ""), ("b", 'w', ""), ("c", 'd', ""), ("e", 'f', "")],
            &[("a", 'o', ""), ("b", 'f', ""), ("c", 'f', ""), ("e", 'd', "")],
            &[("a", 'd', ""), ("c", 'd', ""), ("d", 'f', "")],
        ]);
        let shown = |name| layers.at_root(name).map(|parts| parts.join(" "));
        assert_eq!(shown("a").as_deref(), Some("0:a 1:a"));
        assert_eq!(shown("b"), None);
        assert_eq!(shown("c").as_deref(), Some("0:c"));
        assert_eq!(shown("d").as_deref(), Some("2:d"));
        assert_eq!(shown("e").as_deref(), Some("0:e"));
    }

    #[test]
    fn redirects_are_followed_from_layer_to_layer() {
        let layers = Layers::new(&[
            &[("new", 'd', "/x/old"), ("far", 'd', "/p/q"), ("shut", 'd', "/o/q"), ("barred", 'd', "/f/q"), ("side", 'd', "other")],
            &[("x", 'd', "y"), ("p", 'd', ""), ("p/q", 'd', "r"), ("o", 'o', ""), ("f", 'f', ""), ("other", 'd', "/p/q")],
            &[("x/old", 'd', ""), ("y", 'd', ""), ("y/old", 'd', ""), ("p", 'd', ""), ("p/q", 'd', ""), ("p/r", 'd', "")],
            &[
                ("y", 'd', ""),
                ("y/old", 'd', ""),
                ("o", 'd', ""),
                ("o/q", 'd', ""),
                ("f", 'd', ""),
                ("f/q", 'd', ""),
                ("p", 'd', ""),
                ("p/q", 'd', ""),
            ],
        ]);
        let shown = |name| layers.at_root(name).map(|parts| parts.join(" "));
        // What is above it was renamed too, one layer down.
        assert_eq!(shown("new").as_deref(), Some("0:new 2:y/old 3:y/old"));
        assert_eq!(shown("far").as_deref(), Some("0:far 1:p/q 2:p/r"));
        assert_eq!(shown("shut").as_deref(), Some("0:shut"));
        assert_eq!(shown("barred").as_deref(), Some("0:barred"));
        assert_eq!(shown("side").as_deref(), Some("0:side 1:other 2:p/q 3:p/q"));
    }

    #[test]
    fn a_stub_has_its_content_where_it_came_from() {
        let layers = Layers::new(&[
            &[("a", 's', ""), ("b", 's', "/d/f"), ("c", 's', "")],
            &[("a", 's', "old"), ("d", 'd', ""), ("c", 'd', "")],
            &[("old", 'f', ""), ("d", 'd', ""), ("d/f", 'f', ""), ("c", 'f', "")],
        ]);
        let shown = |name| layers.at_root(name).map(|parts| parts.join(" "));
        assert_eq!(shown("a").as_deref(), Some("2:old"));
        assert_eq!(shown("b").as_deref(), Some("2:d/f"));
        // Its content is lost.
        assert_eq!(shown("c").as_deref(), Some(""));
    }
}
