//! Chance that can be repeated.

use std::env;
use std::time::Duration;

/// A sequence of numbers that follows from a seed: `SplitMix64`.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The chance of `test`, whose seed is told.
    pub(crate) fn of(test: &str) -> Self {
        let seed = env::var("LAYERWISE_TEST_SEED").map_or(1, |seed| seed.parse().expect("LAYERWISE_TEST_SEED is a number"));
        eprintln!("{test}: LAYERWISE_TEST_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    /// One of `items`.
    pub(crate) fn one_of<'items, T>(&mut self, items: &'items [T]) -> &'items T {
        &items[self.below(items.len())]
    }

    /// A time below `end`.
    pub(crate) fn time_below(&mut self, end: Duration) -> Duration {
        Duration::from_micros(self.next() % u64::try_from(end.as_micros()).unwrap())
    }
}

/// How much of something that could go on for ever is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounds {
    /// So many.
    Some(usize),
    /// All that there are.
    All,
}

impl Rounds {
    /// As many as the environment asks for, else `usual`.
    pub(crate) fn wanted(usual: usize) -> Self {
        match env::var("LAYERWISE_TEST_ROUNDS").as_deref() {
            Ok("all") => Self::All,
            Ok(number) => Self::Some(number.parse().expect("LAYERWISE_TEST_ROUNDS is a number or `all`")),
            Err(_) => Self::Some(usual),
        }
    }
}
