//! What is thought between reading and printing: the graph, the verdicts, the account, and the cache's file.
//!
//! `cargo bench --bench graph` writes a data-root of two thousand layers in images of ten, with containers and volumes, below the directory for
//! temporary files, and reads it once; nothing that is measured touches the disk.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use layerwise::demo::{Builder, ContainerSpec, ImageSpec, LayerSpec, Result, Tree};
use layerwise::dir::Dir;
use layerwise::graph::Graph;
use layerwise::graph::verdict::Verdicts;
use layerwise::inventory::Inventory;
use layerwise::usage::account::Account;
use layerwise::usage::cache::committed;
use layerwise::usage::scan::{Options, Progress, scan};
use std::hint::black_box;
use std::path::Path;

/// How many layers there are, about.
const LAYERS: usize = 2000;
/// How many of them an image has beside the one that all share.
const OWN: usize = 10;

/// Writes images of which every second has a container.
fn write(path: &Path) -> Result<()> {
    let mut root = Builder::create(path)?;
    root.batch(|root| {
        let base = root.layer(None, LayerSpec::without_tar(Tree::new("base")))?;
        for number in 0..LAYERS / OWN {
            let mut top = base.clone();
            for step in 0..OWN {
                top = root.layer(Some(&top), LayerSpec::without_tar(Tree::new(format!("{number}/{step}")).file("file", 100)))?;
            }
            let image = root.image(&ImageSpec::new(&top).tag(&format!("image{number}:1")))?;
            if number % 2 == 0 {
                root.container(&ContainerSpec::new(&format!("container{number}"), &image).volume(&format!("volume{number}"), "/data"))?;
            }
        }
        Ok(())
    })
}

fn think(criterion: &mut Criterion) {
    let Ok(place) = tempfile::tempdir() else { return };
    let path = place.path().join("docker");
    let Ok(root) = write(&path).map_err(drop).and_then(|()| Dir::root(&path).map_err(drop)) else { return };
    let inventory = Inventory::read(&root, None);
    let measured = scan(&root, &Options::default(), &Progress::default());
    let graph = Graph::build(&inventory);
    let verdicts = Verdicts::reach(&graph, &inventory);
    let mut group = criterion.benchmark_group("think");
    group.throughput(Throughput::Elements(u64::try_from(inventory.layerdb.layers.len()).unwrap_or_default()));
    group.bench_function("graph", |bencher| bencher.iter(|| Graph::build(black_box(&inventory))));
    group.bench_function("verdicts", |bencher| bencher.iter(|| Verdicts::reach(black_box(&graph), &inventory)));
    group.bench_function("account", |bencher| {
        let account = |measured| Account::new(measured, &inventory, &graph, &verdicts);
        bencher.iter_batched(|| measured.clone(), account, BatchSize::LargeInput);
    });
    group.bench_function("committed", |bencher| bencher.iter(|| committed(black_box(&inventory))));
    group.finish();
}

criterion_group!(benches, think);
criterion_main!(benches);
