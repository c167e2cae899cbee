//! The verdict on what something left behind: no record knows it, so it goes by where it lies and by what it would be needed for.
//!
//! What lies in something that is dead is dead with it. All else is dead unless a dockerd is at work on it, a mount or a process has it
//! (edges of the graph tell), nothing can be proven at all, or it may be the last copy of what it was to replace.

use super::doubt::Doubt;
use super::garbage::Garbage;
use super::verdict::{Judge, Verdict};
use super::{NodeId, Thing};
use crate::store::leftovers::{Leftover, What};
use crate::unreadable::Pins;

/// Why a file that was being written may be needed.
const LAST_COPY: &str = "the file that it was to replace is missing or makes no sense: it may be all that is left of it";

impl Judge<'_> {
    /// Names the trash, which is layerwise's own: whatever is not known of Docker's things, what lies in it was taken.
    pub(super) fn name_the_trash(&mut self) {
        for node in self.open(|thing| matches!(thing, Thing::Trash(_))) {
            self.set(node, Verdict::Garbage(Garbage::Trash));
        }
    }

    /// Keeps what a running dockerd may be writing or trying out at this moment.
    pub(super) fn keep_what_is_at_work(&mut self) {
        let Some(running) = &self.inventory.running else { return };
        self.keep(self.open(Thing::is_leftover), Doubt { pins: Pins::Nothing, why: running.why_at_work() });
    }

    /// Says of every leftover still open whether it is dead.
    pub(super) fn classify_leftovers(&mut self) {
        if self.inventory.leftovers.is_empty() {
            return;
        }
        for node in self.in_the_dead() {
            self.name_leftover(node);
        }
        let is_last = |thing: &Thing| self.inventory.leftover(thing).is_some_and(|leftover| leftover.what == What::LastCopy);
        let last = self.open(|thing| thing.is_leftover() && is_last(thing));
        if !last.is_empty() {
            self.keep(last, Doubt { pins: Pins::Nothing, why: LAST_COPY.to_owned() });
        }
        for node in self.open(Thing::is_leftover) {
            self.name_leftover(node);
        }
    }

    /// The leftovers that lie in what is itself garbage, and go with it.
    fn in_the_dead(&self) -> Vec<NodeId> {
        let is_dead = |node| matches!(self.verdict(node), Some(Verdict::Garbage(_)));
        let around = self.graph.things().filter(|&(node, thing)| matches!(thing, Thing::Dir(_) | Thing::Image(_)) && is_dead(node));
        let inside = around.flat_map(|(_, thing)| self.inventory.leftovers_in(thing)).filter_map(Leftover::thing);
        inside.filter_map(|thing| self.graph.node(&thing)).collect()
    }

    fn name_leftover(&mut self, node: NodeId) {
        if let (true, Some(garbage)) = (self.is_open(node), self.graph.thing(node).and_then(Garbage::of_leftover)) {
            self.set(node, Verdict::Garbage(garbage));
        }
    }
}
