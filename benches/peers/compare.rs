//! The comparison itself: interleaved runs, medians, ratios.

use crate::program::{Answer, CACHED, DU, FLOOR, OURS, PEERS, Program};
use crate::report::Report;
use crate::run::{Run, drop_caches, measure, median};
use crate::walk::{cache_directory, renew_layers};
use std::borrow::Borrow;
use std::error::Error;
use std::path::{Path, PathBuf};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// A program with a number of threads, 0 for what it finds itself.
#[derive(Debug, Clone, Copy)]
struct Runner(Program, usize);

/// A runner and what it took, each time.
#[derive(Debug, Clone)]
struct Ran(Runner, Vec<Run>);

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
        match (self.0.is_parallel, self.1) {
            (false, _) => self.0.name.to_owned(),
            (true, 0) => format!("{}, own number of threads", self.0.name),
            (true, threads) => format!("{}, {threads} threads", self.0.name),
        }
    }

    fn run(self, tree: &Path) -> Outcome<Run> {
        measure(&self.0.command(tree, self.1))
    }
}

impl Ran {
    fn wall(&self) -> f64 {
        median(self.1.iter().map(|run| run.wall).collect())
    }

    fn processor(&self) -> f64 {
        median(self.1.iter().map(|run| run.processor).collect())
    }

    /// The inodes that it counted, if it is us.
    fn inodes(&self) -> Option<f64> {
        self.1.first()?.printed.split_whitespace().nth(1)?.parse().ok()
    }
}

/// The peers that are installed; says of the others where to get them.
pub(crate) fn installed(report: &mut Report) -> Outcome<Vec<Program>> {
    let mut installed = Vec::new();
    for peer in PEERS {
        match peer.version() {
            Ok(version) => {
                report.line(&format!("- {version}"))?;
                installed.push(peer);
            }
            Err(missing) => report.line(&format!("- {missing}"))?,
        }
    }
    Ok(installed)
}

/// The peers whose total for each of `trees` is that of `du`; what the others say is told.
pub(crate) fn agreeing(report: &mut Report, trees: &[&Path], installed: &[Program]) -> Outcome<Vec<Program>> {
    let mut agreeing = installed.to_vec();
    for tree in trees {
        let total = |program: Program| -> Outcome<u64> {
            let printed = Runner(program, 2).run(tree)?.printed;
            program.total(&printed).ok_or_else(|| format!("{} printed no total: {printed}", program.name).into())
        };
        let (expected, ours) = (total(DU)?, total(OURS)?);
        if ours != expected {
            return Err(format!("layerwise counts {ours} and du {expected} below {}: nothing to compare", tree.display()).into());
        }
        report.line(&format!("- du and layerwise count {expected} bytes below {}", tree.display()))?;
        for peer in std::mem::take(&mut agreeing) {
            let counted = total(peer)?;
            // Some leave out the root, or a few links: no less work.
            let is_close = counted.abs_diff(expected) < expected / 1000;
            if counted != expected {
                let verdict = if is_close { "close enough" } else { "left out" };
                report.line(&format!("- {} counts {counted} bytes where du counts {expected}: {verdict}", peer.name))?;
            }
            agreeing.extend(is_close.then_some(peer));
        }
    }
    Ok(agreeing)
}

impl Comparison {
    /// Writes the whole table.
    pub(crate) fn write(&self, report: &mut Report) -> Outcome<()> {
        report.line("\n| | layerwise | against | ratio | target |\n|---|---|---|---|---|")?;
        let large = self.warm(report, &self.large, "1 million inodes")?;
        let small = self.warm(report, &self.small, "100 thousand inodes")?;
        growth(report, &small, &large)?;
        self.memory(report)?;
        self.cached(report)?;
        for (tree, size, target) in [(&self.small, "100 thousand inodes", "≤ 0.85"), (&self.large, "1 million inodes", "≤ 0.65")] {
            if nix::unistd::geteuid().is_root() {
                self.cold(report, tree, size, target)?;
            } else {
                report.row(&[&format!("cold, {size}"), "only root can drop the caches", "", "", target])?;
            }
        }
        Ok(())
    }

    /// Runs each runner once in turn, again and again.
    fn interleaved(tree: &Path, runners: &[Runner], runs: usize, before: impl Fn() -> Outcome<()>) -> Outcome<Vec<Ran>> {
        let mut ran: Vec<_> = runners.iter().map(|&runner| Ran(runner, Vec::new())).collect();
        for _ in 0..runs {
            for Ran(runner, runs) in &mut ran {
                before()?;
                runs.push(runner.run(tree)?);
            }
        }
        Ok(ran)
    }

    /// All in memory: what we, the floor and `du` took.
    fn warm(&self, report: &mut Report, tree: &Path, size: &str) -> Outcome<Vec<Ran>> {
        let own = [Runner(OURS, 1), Runner(DU, 1), Runner(FLOOR, 1), Runner(OURS, 2), Runner(FLOOR, 2)];
        let peers = self.peers.iter().filter(|peer| peer.is_parallel).map(|&peer| Runner(peer, 2));
        let runners: Vec<_> = own.into_iter().chain(peers).collect();
        runners.first().map(|runner| runner.run(tree)).transpose()?;
        let ran = Self::interleaved(tree, &runners, self.runs, || Ok(()))?;
        let [one, du, one_floor, two, two_floor, peers @ ..] = &ran[..] else { return Err("no runs".into()) };
        let kind = |answer| peers.iter().filter(move |peer| peer.0.0.answer == answer);
        let warm = format!("warm, {size}");
        against(report, &format!("{warm}, 2 threads, those that give one total"), two, kind(Answer::Total), (Ran::wall, "≤ 0.60"))?;
        against(
            report,
            &format!("{warm}, 2 threads, those that tell directories apart"),
            two,
            kind(Answer::Directories),
            (Ran::wall, "≤ 0.50"),
        )?;
        against(report, &format!("{warm}, 1 thread"), one, [du], (Ran::wall, "≤ 0.95"))?;
        against(report, &format!("{warm}, 1 thread, processor time"), one, [du], (Ran::processor, "≤ 0.90"))?;
        against(report, &format!("{warm}, 1 thread, the floor"), one, [one_floor], (Ran::wall, "≤ 1.10"))?;
        against(report, &format!("{warm}, 2 threads, the floor"), two, [two_floor], (Ran::wall, "≤ 1.10"))?;
        Ok([one, two, one_floor, two_floor, du].map(Clone::clone).to_vec())
    }

    /// Nothing in memory: we with what we find ourselves, each peer with its own best number of threads.
    ///
    /// Every number is tried once; the three that are best go on.
    fn cold(&self, report: &mut Report, tree: &Path, size: &str, target: &'static str) -> Outcome<()> {
        const NUMBERS: [usize; 3] = [8, 32, 64];
        const BEST: usize = 3;
        let numbers = |peer: &Program| if peer.is_parallel { &NUMBERS[..] } else { &[1] };
        let all: Vec<_> = self.peers.iter().flat_map(|peer| numbers(peer).iter().map(|&threads| Runner(*peer, threads))).collect();
        let mut tried = Self::interleaved(tree, &all, 1, drop_caches)?;
        tried.sort_by(|a, b| a.wall().total_cmp(&b.wall()));
        let best = tried.iter().take(BEST).map(|ran| ran.0);
        let runners: Vec<_> = [Runner(OURS, 0), Runner(FLOOR, 64)].into_iter().chain(best).collect();
        let ran = Self::interleaved(tree, &runners, self.runs, drop_caches)?;
        let [ours, floor, peers @ ..] = &ran[..] else { return Err("no runs".into()) };
        against(report, &format!("cold, {size}, {}", ours.0.label()), ours, peers, (Ran::wall, target))?;
        against(report, &format!("cold, {size}, processor time"), ours, peers.iter().take(1), (Ran::processor, ""))?;
        against(report, &format!("cold, {size}, the floor"), ours, [floor], (Ran::wall, ""))
    }

    /// The most memory that a walk takes.
    fn memory(&self, report: &mut Report) -> Outcome<()> {
        for (how, threads, tree, owners, target) in [
            (OURS, 2, &self.large, "2,000", "≤ 40 MB"),
            (OURS, 2, &self.many, "20,000", "≤ 40 MB"),
            (OURS, 64, &self.many, "20,000", "≤ 40 MB"),
            (CACHED, 2, &self.many, "20,000", "with all records, which a scan does not read"),
        ] {
            let runner = Runner(how, threads);
            // The second run with a cache is the one that has it.
            runner.run(tree)?;
            let memory = runner.run(tree)?.memory;
            let what = format!("peak memory, 1 million inodes, {owners} layer directories, {}", runner.label());
            report.row(&[&what, &format!("{memory:.1} MB"), "", "", target])?;
        }
        Ok(())
    }

    /// The second run with a cache, when one layer in a hundred is new, against `du`.
    fn cached(&self, report: &mut Report) -> Outcome<()> {
        for (tree, layers, target) in [(&self.large, "2,000", "≤ 0.05"), (&self.many, "20,000", "")] {
            drop(std::fs::remove_dir_all(cache_directory(tree)));
            Runner(CACHED, 2).run(tree)?;
            let renew = || renew_layers(tree).map(drop);
            let ran = Self::interleaved(tree, &[Runner(CACHED, 2), Runner(DU, 1)], self.runs, renew)?;
            let [ours, du] = &ran[..] else { return Err("no runs".into()) };
            let what = format!("warm, 1 million inodes, {layers} layers of which 1 % are new, --cached, 2 threads");
            against(report, &what, ours, [du], (Ran::wall, target))?;
        }
        Ok(())
    }
}

/// How a run is judged, and what is aimed at.
type Measure = (fn(&Ran) -> f64, &'static str);

/// Writes our figure against the least of the others, and against those of all others below it.
fn against<R: Borrow<Ran>>(
    report: &mut Report,
    what: &str,
    ours: &Ran,
    others: impl IntoIterator<Item = R>,
    (figure, target): Measure,
) -> Outcome<()> {
    let own = figure(ours);
    let mut others: Vec<_> = others.into_iter().map(|other| (other.borrow().0.label(), figure(other.borrow()))).collect();
    others.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut first = (what, target);
    for (other, theirs) in others {
        report.row(&[first.0, &format!("{own:.3} s"), &format!("{other} {theirs:.3} s"), &format!("{:.2}", own / theirs), first.1])?;
        first = ("", "");
    }
    Ok(())
}

/// What an inode takes in the large tree against the small one: us, and others to see what of it is the kernel's.
fn growth(report: &mut Report, small: &[Ran], large: &[Ran]) -> Outcome<()> {
    let counted = |rans: &[Ran]| rans.iter().find_map(Ran::inodes).unwrap_or(f64::NAN);
    let inodes = [counted(small), counted(large)];
    for (small, large) in small.iter().zip(large) {
        let [at_small, at_large] = [(small, inodes[0]), (large, inodes[1])].map(|(ran, inodes)| ran.processor() * 1e9 / inodes);
        let what = format!("processor time an inode, 1 million against 100 thousand, {}", large.0.label());
        let ratio = format!("{:.2}", at_large / at_small);
        let target = if large.0.0.answer == Answer::Owners { "≤ 1.05" } else { "" };
        report.row(&[&what, &format!("{at_large:.0} ns"), &format!("{at_small:.0} ns"), &ratio, target])?;
    }
    Ok(())
}
