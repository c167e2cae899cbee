//! What several archives have together.

use super::layer::{self, Read};
use super::manifest::{self, Described};
use super::source::Source;
use crate::dir::{Cause, Operation, ReadError};
use crate::id::{ChainId, DiffId, Digest, DirId, ImageId, LinkId};
use crate::inventory::Inventory;
use crate::render::escape::brief;
use crate::store::Told;
use crate::store::imagedb::{Config, Image};
use crate::store::layerdb;
use crate::store::overlay2::LayerDir;
use crate::store::place::{Area, Owner};
use crate::union::index::Index;
use crate::union::{Layer, Layers};
use crate::unreadable::{Pins, Unreadable, keep};
use crate::usage::scan::Measured;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// The most layers that an image can have here; dockerd takes 125.
const MOST_LAYERS: usize = 1024;

/// What was read of archives.
#[derive(Debug)]
pub struct Archives {
    /// Their images and layers, as if they had been loaded.
    pub inventory: Inventory,
    /// What the layers would occupy.
    pub measured: Measured,
    /// What is in the layers.
    pub stock: Stock,
}

/// The layers of archives.
#[derive(Debug, Clone, Default)]
pub struct Stock(BTreeMap<DirId, Arc<Index>>);

impl Layers for Stock {
    fn layer(&self, dir: DirId) -> Result<Option<Layer>, ReadError> {
        Ok(self.0.get(&dir).map(|index| Layer::of(Arc::clone(index), self.place(dir))))
    }

    fn place(&self, dir: DirId) -> PathBuf {
        dir.to_string().into()
    }
}

/// How many places of a layer are remembered: one where it is whole is enough.
const MOST_PLACES: usize = 64;

/// A file: the number of the archive, and its own name there.
type File = (usize, Vec<u8>);

/// Where a layer lies, and by which digest it is stored there, if that is its name.
type Place = (File, Option<Digest>);

/// The images that were found, and where their layers lie.
#[derive(Debug, Default)]
struct Gathered {
    images: BTreeMap<ImageId, Image>,
    references: BTreeMap<String, ImageId>,
    places: BTreeMap<DiffId, Vec<Place>>,
    unreadable: Vec<Unreadable>,
}

impl Archives {
    /// Reads archives to their ends.
    ///
    /// # Errors
    /// When one is not there, or does not say what it has; whatever else is wrong with them is data.
    pub fn read(paths: &[PathBuf]) -> Result<Self, ReadError> {
        let sources: Vec<Source> = paths.iter().map(|path| Source::open(path)).collect::<Result<_, _>>()?;
        let mut gathered = Gathered::default();
        for (number, source) in sources.iter().enumerate() {
            for described in manifest::read(source, &mut gathered.unreadable)? {
                gathered.add((number, source), described);
            }
        }
        let layers = read_layers(&sources, &gathered.places, &mut gathered.unreadable);
        let mut archives = Self { inventory: Inventory::default(), measured: Measured::default(), stock: Stock::default() };
        for image in gathered.images.values() {
            archives.load(&image.config.diff_ids, &layers);
        }
        let Gathered { images, references, mut unreadable, .. } = gathered;
        unreadable.sort_unstable();
        unreadable.dedup();
        // From 23.0 on dockerd counts every image where it says what is shared.
        let has_engine_id = true;
        let own = Inventory { archives: paths.to_vec(), references, images, unreadable, has_engine_id, ..Inventory::default() };
        archives.inventory = Inventory { layerdb: archives.inventory.layerdb, overlay2: archives.inventory.overlay2, ..own };
        Ok(archives)
    }

    /// Makes the records that dockerd would make of an image's layers, as far as those are there.
    fn load(&mut self, diffs: &[DiffId], layers: &BTreeMap<DiffId, Arc<Index>>) {
        let mut lower: Vec<LinkId> = Vec::new();
        let mut parent = None;
        for (chain, diff) in ChainId::chain(diffs).zip(diffs) {
            let (dir, link) = (directory(chain), link(chain));
            if let Some(index) = layers.get(diff)
                && !self.stock.0.contains_key(&dir)
            {
                let usage = index.usage();
                let told = parent.map_or(Told::Absent, Told::Is);
                let (diff, cache_id, size) = (Told::Is(*diff), Told::Is(dir), Told::Is(usage.content_bytes));
                let record = layerdb::Layer { chain, diff, parent: told, cache_id, size, stamp: None };
                self.inventory.layerdb.layers.insert(chain, record);
                let below = if lower.is_empty() { Told::Absent } else { Told::Is(lower.clone()) };
                let own = LayerDir { id: dir, link, lower: below, diff: true, temporary: Vec::new(), stamp: None };
                self.inventory.overlay2.dirs.insert(dir, own);
                self.inventory.overlay2.links.extend(link.map(|link| (link, Some(dir))));
                self.stock.0.insert(dir, Arc::clone(index));
                self.measured.owners.insert(Owner::new(Area::LayerDiff, dir.to_string().as_bytes()), usage);
                self.measured.total += usage;
            }
            if let Some(link) = link {
                lower.insert(0, link);
            }
            parent = Some(chain);
        }
    }
}

impl Gathered {
    /// Adds an image, if it is what the archive says.
    fn add(&mut self, (number, source): (usize, &Source), described: Described) {
        let read = read_image(source, &described);
        let image = keep(read, Pins::Images, &mut self.unreadable);
        // Names of an image whose config is lost are names of something that is not there.
        let id = image
            .as_ref()
            .map(|image| image.id)
            .or_else(|| described.config.digest.map(|digest| ImageId::from_bytes(*digest.hex().bytes())));
        self.name(source, &described.names, id);
        let Some(image) = image else { return };
        for (diff, blob) in image.config.diff_ids.iter().zip(described.layers) {
            let places = self.places.entry(*diff).or_default();
            // Many names may lead to one file, which is read once.
            let place = ((number, source.real_name(blob.name.as_bytes())), blob.digest);
            if places.len() < MOST_PLACES && !places.contains(&place) {
                places.push(place);
            }
        }
        self.images.entry(image.id).or_insert(image);
    }

    /// Adds the names of an image; one that stands for another image already keeps that.
    fn name(&mut self, source: &Source, names: &[String], id: Option<ImageId>) {
        for (name, id) in names.iter().zip(std::iter::repeat(id)).filter_map(|(name, id)| Some((name, id?))) {
            let other = *self.references.entry(name.clone()).or_insert(id);
            if other != id {
                let why = format!("{} is a name of {other} and of {id}: it is left to the former", brief(name));
                self.unreadable.push(Unreadable::malformed(source.place(b""), why, Pins::Images));
            }
        }
    }
}

fn read_image(source: &Source, described: &Described) -> Result<Image, ReadError> {
    let failed = |cause| source.error(described.config.name.as_bytes(), Operation::Parse, cause);
    let content = manifest::read_blob(source, &described.config)?;
    let config = Config::parse(&content).map_err(failed)?;
    let (stated, found) = (config.diff_ids.len(), described.layers.len());
    if stated != found {
        return Err(failed(Cause::Malformed(format!("the config names {stated} layers, and the manifest {found}"))));
    }
    if stated > MOST_LAYERS {
        return Err(failed(Cause::Malformed(format!("it names {stated} layers: no engine takes more than {MOST_LAYERS}"))));
    }
    Ok(Image { id: ImageId::of(&content), config, parent: None, last_updated: None })
}

/// Reads every layer from the first place where it is whole, and no place twice; what is wrong with it elsewhere is told.
fn read_layers(
    sources: &[Source],
    places: &BTreeMap<DiffId, Vec<Place>>,
    unreadable: &mut Vec<Unreadable>,
) -> BTreeMap<DiffId, Arc<Index>> {
    let mut layers = BTreeMap::new();
    let mut known: BTreeMap<&File, Result<Read, ReadError>> = BTreeMap::new();
    for round in 0.. {
        let open: Vec<_> = places.iter().filter(|(diff, _)| !layers.contains_key(*diff)).collect();
        let open: Vec<_> = open.into_iter().filter_map(|(diff, places)| Some((*diff, places.get(round)?))).collect();
        if open.is_empty() {
            break;
        }
        let next: BTreeSet<&File> = open.iter().map(|(_, (file, _))| file).filter(|file| !known.contains_key(file)).collect();
        known.par_extend(next.into_par_iter().filter_map(|file| Some((file, read_layer(sources.get(file.0)?, &file.1)))));
        for (diff, (file, digest)) in open {
            let Some((read, source)) = known.get(file).zip(sources.get(file.0)) else { continue };
            let lost = match read.as_ref().map(|read| read.of(diff, *digest)) {
                Ok(Ok(index)) => {
                    layers.insert(diff, index);
                    continue;
                }
                Ok(Err(why)) => Unreadable::new(source.error(&file.1, Operation::Read, Cause::Malformed(why)), Pins::Nothing),
                Err(error) => {
                    Unreadable { error: error.cause.to_string(), operation: error.operation, path: error.path.clone(), pins: Pins::Nothing }
                }
            };
            unreadable.push(lost);
        }
    }
    layers
}

fn read_layer(source: &Source, name: &[u8]) -> Result<Read, ReadError> {
    let file = source.file(name)?;
    let file = file.ok_or_else(|| source.error(name, Operation::Open, Cause::Malformed("it is not in the archive".to_owned())))?;
    layer::read(file).map_err(|error| source.error(name, Operation::Read, error.into()))
}

/// What stands for the directory that a layer would have: its chain, which nobody is shown as a directory.
fn directory(chain: ChainId) -> DirId {
    DirId::Hex(chain.hex())
}

/// The link that would lead there.
fn link(chain: ChainId) -> Option<LinkId> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied();
    let text: Vec<u8> = chain.hex().bytes().iter().take(26).filter_map(letter).collect();
    LinkId::try_from(text.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::made::Made;
    use super::*;

    #[test]
    fn a_file_is_one_whatever_leads_to_it() {
        let diffs: Vec<_> = (0..4).map(|number: u8| DiffId::of(&[number]).to_string()).collect();
        let config = serde_json::json!({ "rootfs": { "type": "layers", "diff_ids": diffs } }).to_string();
        let digest = Digest::of(b"something else");
        let stored = format!("blobs/sha256/{}", digest.hex());
        let layers = ["a/layer.tar", "./a//layer.tar", "b/layer.tar", &stored];
        let manifest = serde_json::json!([{ "Config": "config", "Layers": layers }]).to_string();
        let tar = Made::default().file("a/layer.tar", "x").symlink("b/layer.tar", "../a/layer.tar").hard_link(&stored, "b/layer.tar");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("archive");
        std::fs::write(&path, tar.file("config", &config).file("manifest.json", &manifest).finish()).unwrap();
        let source = Source::open(&path).unwrap();
        let mut gathered = Gathered::default();
        for described in manifest::read(&source, &mut gathered.unreadable).unwrap() {
            gathered.add((0, &source), described);
        }
        let places: Vec<_> = gathered.places.values().flatten().collect();
        let files: BTreeSet<_> = places.iter().map(|(file, _)| file).collect();
        assert_eq!((places.len(), files), (4, BTreeSet::from([&(0, b"a/layer.tar".to_vec())])), "it is read once");
        let digests: BTreeSet<_> = places.iter().filter_map(|(_, digest)| *digest).collect();
        assert_eq!(digests, BTreeSet::from([digest]), "and held against each name that is a digest");
    }

    #[test]
    fn a_name_of_two_images_is_left_to_the_first_and_told() {
        let directory = tempfile::tempdir().unwrap();
        let archive = |name: &str| {
            let config = serde_json::json!({ "comment": name, "rootfs": { "type": "layers", "diff_ids": [] } }).to_string();
            let tar = Made::default().file("manifest.json", r#"[{"Config":"config","RepoTags":["app:1"]}]"#).file("config", &config);
            let path = directory.path().join(name);
            std::fs::write(&path, tar.finish()).unwrap();
            (path, ImageId::of(config.as_bytes()))
        };
        let (one, other) = (archive("one"), archive("other"));
        for [(first, image), (second, _)] in [[&one, &other], [&other, &one]] {
            let inventory = Archives::read(&[first.clone(), second.clone()]).unwrap().inventory;
            assert_eq!((inventory.images.len(), inventory.references.get("app:1")), (2, Some(image)));
            assert_eq!(inventory.unreadable.iter().map(|lost| &lost.path).collect::<Vec<_>>(), [second]);
        }
        assert!(Archives::read(&[one.0.clone(), one.0]).unwrap().inventory.unreadable.is_empty(), "it may be given twice");
    }
}
