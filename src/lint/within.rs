//! Rules about what is inside of an image.

use super::amount::{Amount, Limit};
use super::evaluate::{Found, Place};
use super::inside::{Hidden, Inside, Shown};
use super::policy::Check;
use super::scene::{Image, Scene};
use crate::id::ChainId;
use crate::render::size::{self, Digits};
use crate::render::words;
use crate::union::waste::runs_as_owner;
use std::sync::Arc;

/// How many places stand in a message.
const TOLD: usize = 3;

/// How many stand in what machines read.
const MOST: usize = 100;

/// What an image has inside of what is asked for; nothing if the check is about something else.
pub(super) fn look(check: &Check, scene: &Scene, image: &Image) -> Option<Found> {
    if !check.is_about_inside() {
        return None;
    }
    let inside = match scene.insides.get(&image.id) {
        Some(Ok(inside)) => inside,
        Some(Err(why)) => return Some(Found::unknown(why)),
        None => return Some(Found::unknown("nobody looked into its layers")),
    };
    let within = Within { scene, inside };
    let found = match check {
        Check::MaxWaste(limit) => within.max_waste(*limit),
        Check::MinEfficiency(limit) => within.min_efficiency(*limit),
        Check::MaxUserWaste(limit) => within.max_user_waste(*limit),
        Check::NoSetuid { allow } => {
            within.no_setuid(inside.shown.iter().filter(|shown| runs_as_owner(shown.mode) && !allow.contain(&shown.text)))
        }
        Check::NoPath { paths, allow } => {
            within.no_path(inside.shown.iter().filter(|shown| paths.contain(&shown.text) && !allow.contain(&shown.text)))
        }
        _ => return None,
    };
    Some(found.doubted(inside.doubt.as_deref()))
}

struct Within<'s> {
    scene: &'s Scene,
    inside: &'s Inside,
}

impl<'s> Within<'s> {
    fn max_waste(&self, limit: Limit) -> Found {
        let Inside { stored, wasted, .. } = *self.inside;
        let message = format!("{} of {} are seen by no container{}", human(wasted), human(stored), self.worst());
        self.blame(Found::at_most(limit.measure_up(wasted, stored), limit.amount(), message))
    }

    fn min_efficiency(&self, limit: u64) -> Found {
        let percent = self.inside.lengths.efficiency_percent();
        let message = format!("its efficiency is {percent}%{}", self.worst());
        self.blame(Found::at_least(Amount::Percent(percent), Amount::Percent(limit), message))
    }

    fn max_user_waste(&self, limit: u64) -> Found {
        let lengths = self.inside.lengths;
        let [repeated, above_base] = [lengths.repeated, lengths.above_base].map(|sum| human(u64::try_from(sum).unwrap_or(u64::MAX)));
        let message =
            format!("{repeated} are in paths that several layers have, beside {above_base} above the lowest layer{}", self.worst());
        self.blame(Found::at_most(Amount::Percent(lengths.user_waste_percent()), Amount::Percent(limit), message))
    }

    /// What hides most, in words.
    fn worst(&self) -> String {
        let told = self.inside.worst.iter().take(TOLD).map(|hidden| {
            let Hidden { path, why, bytes, stored_in, hidden_by, .. } = hidden;
            let (stored, by) = (self.made(*stored_in, "stored by"), self.made(*hidden_by, "hidden by"));
            format!("; {path}, {}, {}{stored}{by}", human(*bytes), why.name())
        });
        told.collect()
    }

    fn blame(&self, found: Found) -> Found {
        let fix = self.inside.worst.first().map_or_else(
            || "`layerwise waste` says what is hidden by what".to_owned(),
            |hidden| format!("{}: {}", hidden.path, hidden.advice),
        );
        let place = |hidden: &Hidden| Place {
            bytes: Some(hidden.bytes),
            hidden_by: hidden.hidden_by,
            hidden_by_step: self.step(hidden.hidden_by).map(str::to_owned),
            ..self.place(&hidden.path, hidden.stored_in)
        };
        found.fix(fix).at(self.inside.worst.iter().map(place).collect())
    }

    fn no_setuid(&self, files: impl Iterator<Item = &'s Arc<Shown>>) -> Found {
        let files: Vec<_> = files.collect();
        let count = words::to_u64(files.len());
        let tell = |shown: &&Arc<Shown>| format!("{} ({:o}){}", shown.path, shown.mode & 0o7777, self.made(shown.layer, "made by"));
        let message = listed(&format!("{} setuid or setgid", words::count(count, "file")), files.iter().map(tell));
        let found = Found::at_most(Amount::Count(count), Amount::Count(0), message);
        found.fix("`chmod ug-s` in the step that makes them (later it stores them again), or name them in `allow`").at(self.places(&files))
    }

    fn no_path(&self, paths: impl Iterator<Item = &'s Arc<Shown>>) -> Found {
        let paths: Vec<_> = paths.collect();
        let count = words::to_u64(paths.len());
        let tell = |shown: &&Arc<Shown>| format!("{}{}", shown.path, self.made(shown.layer, "made by"));
        let message = listed(&format!("{} not wanted", words::count(count, "path")), paths.iter().map(tell));
        let found = Found::at_most(Amount::Count(count), Amount::Count(0), message);
        found
            .fix("leave it out of the step that makes it (.dockerignore, a build secret, a cache mount), or delete it there: a later step only hides it")
            .at(self.places(&paths))
    }

    fn places(&self, shown: &[&Arc<Shown>]) -> Vec<Place> {
        shown.iter().take(MOST).map(|shown| self.place(&shown.path, shown.layer)).collect()
    }

    fn place(&self, path: &str, layer: Option<ChainId>) -> Place {
        Place { path: path.to_owned(), layer, step: self.step(layer).map(str::to_owned), ..Place::default() }
    }

    fn step(&self, layer: Option<ChainId>) -> Option<&str> {
        self.scene.layers.get(&layer?)?.step.as_deref()
    }

    /// Which step made a layer, behind a comma.
    fn made(&self, layer: Option<ChainId>, verb: &str) -> String {
        let step = self.step(layer).map(|step| format!("`{step}`"));
        let step = step.or_else(|| layer.map(|layer| format!("layer {}", super::scene::short(&layer))));
        step.map(|step| format!(", {verb} {step}")).unwrap_or_default()
    }
}

/// A count and the first of what was counted.
fn listed(count: &str, all: impl Iterator<Item = String>) -> String {
    all.take(TOLD).fold(count.to_owned(), |text, one| text + "; " + &one)
}

fn human(bytes: u64) -> String {
    size::human(bytes, Digits::Four)
}
