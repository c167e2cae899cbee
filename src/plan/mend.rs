//! From what findings say would mend them to what is to be done: what is put where, or taken from where.
//!
//! A mend is as good as what it is proven from. So no mend is planned that changes what another is proven from, or that wants another thing
//! in the same place: then neither is known to be right.

#[cfg(test)]
mod tests;

use super::draft::Drafted;
use super::references;
use super::{Action, Class, Content, Evidence, Kind, New, Object, Owners, RelPath, Role};
use crate::check::{Code, Finding, Mend, Subject};
use crate::graph::Thing;
use crate::id::{ChainId, DirId, LinkId, MountName};
use crate::store::{imagedb, repositories};
use std::collections::{BTreeMap, BTreeSet};

/// Why nothing is done about what a running dockerd may be doing.
const IN_PROGRESS: &str = "dockerd runs and may be in the middle of it";

/// What stands in each place that is to be changed, or why that cannot be told.
pub type Standing = BTreeMap<RelPath, Result<Evidence, String>>;

/// What mends are planned on besides the findings.
#[derive(Debug, Clone)]
pub struct Basis {
    /// What stands in the places.
    pub standing: Standing,
    /// What `repositories.json` says, if a name is to go from it.
    pub references: Option<String>,
    /// To whom belongs what dockerd writes here.
    pub owners: Owners,
}

/// The places that the mends of `findings` would change.
#[must_use]
pub fn places(findings: &[Finding]) -> BTreeSet<RelPath> {
    findings.iter().filter_map(|finding| place(finding.mend.as_ref()?)).collect()
}

/// The actions that mend `findings`, worst first; those that are not to be done after all say why.
pub(super) fn draft(findings: &[Finding], basis: &Basis) -> Vec<Drafted> {
    let mut changes: Vec<Change> = Vec::new();
    for change in findings.iter().filter_map(|finding| Change::of(finding, basis.owners)) {
        // Two findings may be mended by the same.
        if !changes.iter().any(|other| other.place == change.place && other.put == change.put) {
            changes.push(change);
        }
    }
    changes.extend(Change::of_references(findings, basis));
    let obstacles: Vec<Option<String>> = changes.iter().map(|change| change.obstacle(&changes)).collect();
    changes.into_iter().zip(obstacles).map(|(change, obstacle)| change.drafted(&basis.standing, obstacle)).collect()
}

/// What is to be done to one place.
struct Change {
    code: Code,
    kind: &'static str,
    id: String,
    /// What is wrong, in a sentence.
    reason: String,
    place: RelPath,
    /// What is to be there; nothing if what is there is to go.
    put: Option<New>,
    /// What else it is proven from.
    stands_on: BTreeSet<RelPath>,
    /// Why it is not to be done, whatever else is done.
    impossible: Option<String>,
}

impl Change {
    /// What mends `finding`, if something does that is not an entry of a file.
    fn of(finding: &Finding, owners: Owners) -> Option<Self> {
        let mend = finding.mend.as_ref().filter(|mend| !matches!(mend, Mend::NoReference(_)))?;
        let Subject::Thing(thing) = &finding.subject else { return None };
        Some(Self {
            code: finding.code,
            kind: thing.kind(),
            id: thing.to_string(),
            reason: finding.message.clone(),
            place: place(mend)?,
            put: wanted(mend, owners),
            stands_on: stands_on(mend).collect(),
            impossible: finding.in_progress.then(|| IN_PROGRESS.to_owned()),
        })
    }

    /// What takes all names from `repositories.json` that are to go.
    fn of_references(findings: &[Finding], basis: &Basis) -> Option<Self> {
        let gone = |finding: &Finding| if let Some(Mend::NoReference(name)) = &finding.mend { Some(name.clone()) } else { None };
        let names: BTreeSet<String> = findings.iter().filter_map(gone).collect();
        let code = findings.iter().find(|finding| gone(finding).is_some())?.code;
        let of_names = findings.iter().filter(|finding| gone(finding).is_some());
        let messages: Vec<&str> = of_names.clone().map(|finding| finding.message.as_str()).collect();
        let text = basis.references.as_deref().and_then(|text| references::without(text, &names));
        let strange = text.is_none().then(|| "the file is not as dockerd writes it, so that nothing is taken from it".to_owned());
        let in_progress = of_names.clone().any(|finding| finding.in_progress).then(|| IN_PROGRESS.to_owned());
        Some(Self {
            code,
            kind: "reference",
            id: names.into_iter().collect::<Vec<_>>().join(", "),
            reason: messages.join("; "),
            place: RelPath::new(repositories::PATH).ok()?,
            put: Some(New::file(text.unwrap_or_default(), 0o600, basis.owners)),
            stands_on: BTreeSet::new(),
            impossible: strange.or(in_progress),
        })
    }

    /// Why it is not to be done beside `all`, of which it is one.
    fn obstacle(&self, all: &[Self]) -> Option<String> {
        let others = || all.iter().filter(|other| !std::ptr::eq(*other, self));
        if self.impossible.is_some() {
            return self.impossible.clone();
        }
        if others().any(|other| other.place == self.place) {
            return Some("another finding asks for something else in its place".to_owned());
        }
        let undermines = |other: &&Self| self.stands_on.contains(&other.place) || other.stands_on.contains(&self.place);
        let other = others().find(undermines)?;
        Some(format!("it and {} are to be mended, and each is proven from the other", other.place))
    }

    /// Whether what is wanted stands there already: then what found it missing did not see everything.
    fn is_there(&self, evidence: &Evidence) -> bool {
        match self.put.as_ref().map(|new| &new.content) {
            Some(Content::Link(text)) => evidence.text.as_ref() == Some(text),
            Some(Content::Directory) => evidence.kind == Kind::Directory,
            Some(Content::File(_)) | None => false,
        }
    }

    /// The action.
    fn drafted(self, standing: &Standing, obstacle: Option<String>) -> Drafted {
        let mut action = Action::new(Class::Damage(self.code), self.kind, self.id.clone(), self.place.clone());
        action.reason.clone_from(&self.reason);
        let withheld = match standing.get(&self.place) {
            Some(Ok(evidence)) if self.put.is_none() && evidence.kind == Kind::Nothing => Some("it is gone already".to_owned()),
            Some(Ok(evidence)) if self.is_there(evidence) => Some("it is there already".to_owned()),
            Some(Ok(evidence)) => {
                let evidence = evidence.clone();
                action.objects.push(Object { path: self.place, evidence, role: Role::Part, put: self.put });
                None
            }
            Some(Err(why)) => Some(why.clone()),
            None => Some("nobody has looked at it".to_owned()),
        };
        Drafted { action, nodes: Vec::new(), withheld: obstacle.or(withheld) }
    }
}

/// The place that a mend changes.
fn place(mend: &Mend) -> Option<RelPath> {
    match mend {
        Mend::Link(link, _) => link_path(*link),
        Mend::LinkFile(dir, _) => in_dir(*dir, "link"),
        Mend::Lower(dir, _) => in_dir(*dir, "lower"),
        Mend::Work(dir) => in_dir(*dir, "work"),
        Mend::Committed(dir) | Mend::NotCommitted(dir) => in_dir(*dir, "committed"),
        Mend::LayerDiff(chain, _) => in_layer(*chain, "diff"),
        Mend::LayerParent(chain, _) | Mend::NoLayerParent(chain) => in_layer(*chain, "parent"),
        Mend::MountId(name, _) => in_mount(name, "mount-id"),
        Mend::InitId(name, _) => in_mount(name, "init-id"),
        Mend::MountParent(name, _) => in_mount(name, "parent"),
        Mend::NoReference(_) => RelPath::new(repositories::PATH).ok(),
        Mend::NoImageParent(image) => RelPath::new(format!("{}/{}/parent", imagedb::METADATA, image.hex())).ok(),
    }
}

/// What a mend wants to be there, with the modes that dockerd gives; nothing if it wants nothing there.
fn wanted(mend: &Mend, owners: Owners) -> Option<New> {
    let text = |text: String| Some(New::file(text, 0o644, owners));
    match mend {
        Mend::Link(_, dir) => Some(New::link(format!("../{dir}/diff"), owners)),
        Mend::LinkFile(_, link) => text(link.to_string()),
        Mend::Lower(_, lower) if !lower.is_empty() => text(lower.iter().map(|link| format!("l/{link}")).collect::<Vec<_>>().join(":")),
        Mend::Work(_) => Some(New::directory(0o700, owners)),
        Mend::Committed(_) => Some(New::file("", 0o600, owners)),
        Mend::LayerDiff(_, diff) => text(diff.to_string()),
        Mend::LayerParent(_, parent) | Mend::MountParent(_, parent) => text(parent.to_string()),
        Mend::MountId(_, dir) | Mend::InitId(_, dir) => text(dir.to_string()),
        Mend::Lower(..) | Mend::NotCommitted(_) | Mend::NoLayerParent(_) | Mend::NoReference(_) | Mend::NoImageParent(_) => None,
    }
}

/// The places that a mend is proven from and another could change.
fn stands_on(mend: &Mend) -> impl Iterator<Item = RelPath> {
    let places = match mend {
        Mend::Link(_, dir) => vec![in_dir(*dir, "link")],
        Mend::LinkFile(_, link) => vec![link_path(*link)],
        Mend::Lower(_, lower) => lower.iter().map(|&link| link_path(link)).collect(),
        Mend::LayerDiff(chain, _) => vec![in_layer(*chain, "parent")],
        Mend::LayerParent(chain, _) | Mend::NoLayerParent(chain) => vec![in_layer(*chain, "diff")],
        Mend::MountId(name, _) => vec![in_mount(name, "init-id")],
        Mend::InitId(name, _) => vec![in_mount(name, "mount-id")],
        Mend::MountParent(name, _) => vec![in_mount(name, "mount-id"), in_mount(name, "init-id")],
        Mend::Work(_) | Mend::Committed(_) | Mend::NotCommitted(_) | Mend::NoReference(_) | Mend::NoImageParent(_) => Vec::new(),
    };
    places.into_iter().flatten()
}

fn in_dir(dir: DirId, name: &str) -> Option<RelPath> {
    below(&Thing::Dir(dir), name)
}

fn in_layer(chain: ChainId, name: &str) -> Option<RelPath> {
    below(&Thing::Layer(chain), name)
}

fn in_mount(mount: &MountName, name: &str) -> Option<RelPath> {
    below(&Thing::Mount(mount.clone()), name)
}

fn below(thing: &Thing, name: &str) -> Option<RelPath> {
    super::gather::path_of(thing)?.join(name).ok()
}

fn link_path(link: LinkId) -> Option<RelPath> {
    super::gather::path_of(&Thing::Link(link))
}

impl Content {
    /// What it is called in a sentence.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::File(text) if text.is_empty() => "an empty file".to_owned(),
            Self::File(text) => text.clone(),
            Self::Link(text) => format!("a link to {text}"),
            Self::Directory => "a directory".to_owned(),
        }
    }
}
