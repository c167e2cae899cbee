//! The comparison itself: interleaved runs, medians, ratios.

use crate::program::{Answer, DU, FLOOR, OURS, PEERS, Program};
use crate::run::{Run, drop_caches, measure, median};
use std::error::Error;
use std::path::{Path, PathBuf};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A program with a number of threads, 0 for what it finds itself.
#[derive(Debug, Clone, Copy)]
struct Runner(Program, usize);

/// Whether the caches hold the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cache {
    Warm,
    Cold,
}

/// What is looked at of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Wall,
    Processor,
}

/// One question: our figure for a tree against the least of others.
#[derive(Debug)]
struct Question<'t> {
    what: String,
    tree: &'t Path,
    cache: Cache,
    figure: Figure,
    target: &'static str,
}

/// What is compared.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// The peers that are installed and count the same.
    pub(crate) peers: Vec<Program>,
    pub(crate) runs: usize,
    pub(crate) small: PathBuf,
    pub(crate) large: PathBuf,
    /// One with many more owners.
    pub(crate) many: PathBuf,
}

impl Runner {
    fn label(self) -> String {
        if self.1 == 0 { self.0.name.to_owned() } else { format!("{} ({} threads)", self.0.name, self.1) }
    }
}

/// The peers whose total for `tree` is that of `du`; what the others say is printed.
pub(crate) fn agreeing(tree: &Path, installed: &[Program]) -> Outcome<Vec<Program>> {
    let total = |program: Program| -> Outcome<u64> {
        let printed = measure(&program.command(tree, 2))?.printed;
        program.total(&printed).ok_or_else(|| format!("{} printed no total: {printed}", program.name).into())
    };
    let expected = total(DU)?;
    if total(OURS)? != expected {
        return Err(format!("layerwise counts {} and du {expected}: nothing to compare", total(OURS)?).into());
    }
    let mut agreeing = Vec::new();
    for &peer in installed {
        let counted = total(peer)?;
        // Some leave out the root, or a few links: no less work.
        let is_close = counted.abs_diff(expected) < expected / 1000;
        if counted != expected {
            let verdict = if is_close { "close enough" } else { "left out" };
            println!("- {} counts {counted} bytes where du counts {expected}: {verdict}", peer.name);
        }
        agreeing.extend(is_close.then_some(peer));
    }
    Ok(agreeing)
}

impl Comparison {
    /// Prints the whole table.
    pub(crate) fn print(&self, is_root: bool) -> Outcome<()> {
        println!("\n| what | layerwise | against | ratio | target |\n|---|---|---|---|---|");
        for (tree, size) in [(&self.large, "1 million inodes"), (&self.small, "100 thousand inodes")] {
            self.warm(tree, size)?;
        }
        for (tree, size, target) in [(&self.large, "1 million inodes", "≤ 0.65"), (&self.small, "100 thousand inodes", "≤ 0.85")] {
            if is_root {
                self.cold(tree, size, target)?;
            } else {
                println!("| cold, {size} | only root can drop the caches | | | {target} |");
            }
        }
        self.growth()?;
        self.memory()
    }

    fn warm(&self, tree: &Path, size: &str) -> Outcome<()> {
        let question = |what: &str, figure, target| Question { what: format!("{what}, {size}"), tree, cache: Cache::Warm, figure, target };
        let parallel =
            |answer| self.peers.iter().filter(move |peer| peer.answer == answer).map(|&peer| Runner(peer, 2)).collect::<Vec<_>>();
        let ours = |threads| Runner(OURS, threads);
        self.ask(&question("warm, 2 threads, those that give one total", Figure::Wall, "≤ 0.60"), ours(2), &parallel(Answer::Total))?;
        self.ask(
            &question("warm, 2 threads, those that tell directories apart", Figure::Wall, "≤ 0.50"),
            ours(2),
            &parallel(Answer::Directories),
        )?;
        self.ask(&question("warm, 1 thread", Figure::Wall, "≤ 0.95"), ours(1), &[Runner(DU, 1)])?;
        self.ask(&question("warm, 1 thread, processor time", Figure::Processor, "≤ 0.90"), ours(1), &[Runner(DU, 1)])?;
        self.ask(&question("warm, 1 thread, the floor", Figure::Wall, "≤ 1.10"), ours(1), &[Runner(FLOOR, 1)])?;
        self.ask(&question("warm, 2 threads, the floor", Figure::Wall, "≤ 1.10"), ours(2), &[Runner(FLOOR, 2)])
    }

    /// Each peer with several numbers of threads, of which the best counts, and us with what we find ourselves.
    fn cold(&self, tree: &Path, size: &str, target: &'static str) -> Outcome<()> {
        let threads = |peer: &Program| if peer.is_parallel { &[8, 32][..] } else { &[1] };
        let others: Vec<_> = self.peers.iter().flat_map(|peer| threads(peer).iter().map(|&threads| Runner(*peer, threads))).collect();
        let question = Question { what: format!("cold, {size}"), tree, cache: Cache::Cold, figure: Figure::Wall, target };
        self.ask(&question, Runner(OURS, 0), &others)
    }

    /// Runs each runner once in turn, again and again; the runs of each.
    fn interleaved(&self, tree: &Path, runners: &[Runner], cache: Cache) -> Outcome<Vec<Vec<Run>>> {
        let mut runs = vec![Vec::new(); runners.len()];
        if let Some(first) = runners.first().filter(|_| cache == Cache::Warm) {
            measure(&first.0.command(tree, first.1))?;
        }
        for _ in 0..self.runs {
            for (runner, runs) in runners.iter().zip(&mut runs) {
                if cache == Cache::Cold {
                    drop_caches()?;
                }
                runs.push(measure(&runner.0.command(tree, runner.1))?);
            }
        }
        Ok(runs)
    }

    /// Prints our median against the least median of the others, and those of all others below it.
    fn ask(&self, question: &Question<'_>, ours: Runner, others: &[Runner]) -> Outcome<()> {
        let runners: Vec<_> = std::iter::once(ours).chain(others.iter().copied()).collect();
        let runs = self.interleaved(question.tree, &runners, question.cache)?;
        let figure = |run: &Run| if question.figure == Figure::Wall { run.wall } else { run.processor };
        let mut medians = runs.iter().map(|runs| median(runs.iter().map(figure).collect()));
        let own = medians.next().unwrap_or(f64::NAN);
        let mut others: Vec<_> = others.iter().zip(medians).collect();
        others.sort_by(|a, b| a.1.total_cmp(&b.1));
        let first = (question.what.as_str(), question.target);
        for ((runner, other), (what, target)) in others.into_iter().zip(std::iter::once(first).chain(std::iter::repeat(("", "")))) {
            println!("| {what} | {own:.3} s | {} {other:.3} s | {:.2} | {target} |", runner.label(), own / other);
        }
        Ok(())
    }

    /// What an inode takes in the large tree against the small one.
    fn growth(&self) -> Outcome<()> {
        for threads in [1, 2] {
            let mut each = Vec::new();
            for tree in [&self.small, &self.large] {
                let runs = self.interleaved(tree, &[Runner(OURS, threads)], Cache::Warm)?;
                let inodes: f64 =
                    runs.iter().flatten().next().and_then(|run| run.printed.split_whitespace().nth(1)?.parse().ok()).unwrap_or(f64::NAN);
                each.push(median(runs.iter().flatten().map(|run| run.processor).collect()) * 1e9 / inodes);
            }
            let [small, large] = each[..] else { return Ok(()) };
            println!(
                "| processor time an inode, {threads} threads | {large:.0} ns at 1 million | {small:.0} ns at 100 thousand | {:.2} | ≤ 1.05 |",
                large / small
            );
        }
        Ok(())
    }

    fn memory(&self) -> Outcome<()> {
        for (runner, tree) in [(Runner(OURS, 2), &self.many), (Runner(OURS, 32), &self.many), (Runner(OURS, 2), &self.large)] {
            let runs = self.interleaved(tree, &[runner], Cache::Warm)?;
            let most = runs.iter().flatten().map(|run| run.memory).fold(0.0, f64::max);
            let owners = if tree == &self.many { "20,000" } else { "2,000" };
            println!("| peak memory, 1 million inodes, {owners} layer directories, {} threads | {most:.1} MB | | | ≤ 40 MB |", runner.1);
        }
        Ok(())
    }
}

/// The peers that are installed; says of the others where to get them.
pub(crate) fn installed() -> Vec<Program> {
    PEERS
        .into_iter()
        .filter(|peer| peer.version().map(|version| println!("- {version}")).map_err(|missing| println!("- {missing}")).is_ok())
        .collect()
}
