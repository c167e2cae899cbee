//! Everybody who works on the data-root at the same time.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Pool, duration, old, old_things, pool_of};
use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::{Builder, Engine};
use crate::judge;
use crate::layerwise::{Layerwise, Ran};
use crate::registry::ADDRESS;

/// What all that work at the same time share.
pub(super) struct Stage<'a> {
    engine: &'a Engine,
    end: Instant,
    /// Nobody is to remove what is not named while somebody else is about to name it: dockerd itself does not stand that.
    removing_all: RwLock<()>,
    over: AtomicBool,
    done: AtomicUsize,
}

impl<'a> Stage<'a> {
    pub(super) fn new(engine: &'a Engine, duration: Duration) -> Self {
        let end = Instant::now() + duration;
        Self { engine, end, removing_all: RwLock::new(()), over: AtomicBool::new(false), done: AtomicUsize::new(0) }
    }

    /// Lets everybody come to an end.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Does `work` again and again, with a number for each time.
    pub(super) fn repeat(&self, work: fn(&Self, usize)) {
        let mut number = 0;
        while Instant::now() < self.end && !self.over.load(Ordering::SeqCst) {
            work(self, number);
            self.done.fetch_add(1, Ordering::SeqCst);
            number += 1;
        }
    }

    /// Runs `docker`, which must succeed.
    fn docker(&self, line: &str) -> String {
        self.succeed(&mut self.engine.docker_command(line))
    }

    fn succeed(&self, command: &mut Command) -> String {
        let output = command.output().unwrap();
        if !output.status.success() {
            // Whoever else fails now does so for other reasons.
            self.over.store(true, Ordering::SeqCst);
            panic!("{command:?}: {}\n{}", String::from_utf8_lossy(&output.stderr), self.engine.log());
        }
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn build_image(&self, builder: Builder, name: &str) {
        let dockerfile = format!("FROM classic:1\nCOPY file /file\nRUN echo {name} >/{name} && rm /etc/motd-too\n");
        let context = self.engine.context(name, &[("Dockerfile", &dockerfile), ("file", name)]);
        self.succeed(&mut self.engine.build_command(builder, &format!("-t {name}:1"), &context));
        fs::remove_dir_all(context).unwrap();
    }

    pub(super) fn build(&self, number: usize) {
        let _named = self.removing_all.read().unwrap();
        let builder = if number.is_multiple_of(2) { Classic } else { BuildKit };
        let name = format!("built-{number}");
        self.build_image(builder, &name);
        self.succeed(&mut judge::reading(self.engine, &format!("{name}:1"), &format!("/{name} /file"), &format!("{name}\n{name}")));
        self.docker(&format!("rmi {name}:1"));
    }

    pub(super) fn push_and_pull(&self, number: usize) {
        let _named = self.removing_all.read().unwrap();
        let name = format!("pushed-{number}");
        let remote = format!("{ADDRESS}/{name}:1");
        self.build_image(Classic, &name);
        self.docker(&format!("tag {name}:1 {remote}"));
        self.docker(&format!("push {remote}"));
        self.docker(&format!("rmi {remote} {name}:1"));
        self.docker(&format!("pull {remote}"));
        self.succeed(&mut judge::reading(self.engine, &remote, &format!("/{name}"), &name));
        self.docker(&format!("rmi {remote}"));
    }

    pub(super) fn run_and_commit(&self, number: usize) {
        let _named = self.removing_all.read().unwrap();
        let name = format!("run-{number}");
        let script = format!("echo {name} >/{name}; cat /bin/busybox >/copy");
        self.succeed(self.engine.docker_command(&format!("run --name {name} --network none stages:1 sh -c")).arg(script));
        self.docker(&format!("commit {name} {name}:1"));
        self.docker(&format!("rm {name}"));
        self.succeed(&mut judge::reading(self.engine, &format!("{name}:1"), &format!("/{name}"), &name));
        self.docker(&format!("rmi {name}:1"));
    }

    /// Spreads the removals over the time that there is.
    pub(super) fn remove_old_things(&self, number: usize) {
        if number < old_things() {
            let name = old(number);
            // An image without a name is one that `docker system prune` takes too, while `docker rmi` is at it.
            let _named = self.removing_all.read().unwrap();
            // `docker system prune` takes containers that do not run.
            drop(self.engine.docker_command(&format!("rm {name}")).output().unwrap());
            self.docker(&format!("rmi {name}:1"));
        }
        self.wait(duration() / u32::try_from(old_things() + 2).unwrap());
    }

    pub(super) fn prune_system(&self, number: usize) {
        self.wait(Duration::from_secs(3));
        let _alone = self.removing_all.write().unwrap();
        self.docker(if number.is_multiple_of(2) { "system prune --force" } else { "builder prune --all --force" });
    }

    fn wait(&self, time: Duration) {
        let end = (Instant::now() + time).min(self.end);
        while Instant::now() < end && !self.over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Brings one thing after the other from `pool` to where it was.
    pub(super) fn bring_garbage(&self, pool: Pool) {
        let (root, kept) = (self.engine.data_root(), pool_of(self.engine));
        let pause = duration() / u32::try_from(pool.0.len() + 1).unwrap();
        // However it ends: somebody expects all of it to be collected.
        for (link, directory) in pool.0 {
            for path in [link, directory] {
                fs::rename(kept.join(&path), root.join(&path)).unwrap();
            }
            self.wait(pause);
        }
    }

    /// Collects until all else is over, and once more then.
    pub(super) fn collect(&self) -> Figures {
        let mut figures = Figures::default();
        loop {
            // Nobody writes any more then, so nothing keeps it from proving what is dead.
            let is_last = self.over.load(Ordering::SeqCst);
            let ran = Layerwise::on(&self.engine.data_root()).run("prune --online --force");
            if !figures.count(&ran) || is_last && ran.status != Some(0) {
                self.end();
                panic!("{ran:?}");
            }
            if is_last {
                figures.done = self.done.load(Ordering::SeqCst);
                return figures;
            }
        }
    }
}

/// What was done and how it went.
#[derive(Debug, Default)]
#[allow(dead_code, reason = "they are printed")]
pub(super) struct Figures {
    /// Things that dockerd did beside it.
    done: usize,
    /// Runs by their exit status.
    runs: BTreeMap<i32, usize>,
    /// Actions by what became of them.
    actions: BTreeMap<String, usize>,
    /// Why nothing at all could be proven dead.
    refused: BTreeMap<String, usize>,
    /// Why something was skipped.
    skipped: BTreeMap<String, usize>,
}

impl Figures {
    /// Counts a run; says whether it left something only because that was gone, in use or being written by then.
    fn count(&mut self, ran: &Ran) -> bool {
        let status = ran.status.unwrap_or(-1);
        *self.runs.entry(status).or_default() += 1;
        let outcome = &ran.document["outcome"];
        for action in outcome["actions"].as_array().into_iter().flatten() {
            let became = action["status"].as_str().unwrap_or_default();
            *self.actions.entry(became.to_owned()).or_default() += 1;
            if became == "skipped" {
                *self.skipped.entry(without_ids(action["why"].as_str().unwrap_or_default())).or_default() += 1;
            }
        }
        let refusal = ran.talk.lines().find_map(|line| line.split_once("nothing can be proven dead: "));
        match (status, refusal) {
            (0, _) => true,
            (4, Some((_, why))) => {
                *self.refused.entry(without_ids(why)).or_default() += 1;
                true
            }
            (5, _) => outcome["failed"] == 0 && !self.actions.contains_key("failed"),
            _ => false,
        }
    }
}

/// A sentence, with `…` for what is another one each time.
fn without_ids(sentence: &str) -> String {
    let words =
        sentence.split(' ').map(|word| if word.len() > 24 && word.contains(|digit: char| digit.is_ascii_digit()) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
