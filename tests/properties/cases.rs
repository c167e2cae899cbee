//! How many cases a property is tried with, and which.

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// So many cases, ten times as many with `PROPTEST_CASES=2560` in the environment; a failure prints its recipe, and no file remembers it.
///
/// They are the same in every run, so that what passes for one passes for all; whoever asks for another number of them gets new ones.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    let explores = ["PROPTEST_CASES", "PROPTEST_RNG_SEED"].iter().any(|name| std::env::var_os(name).is_some());
    let rng_seed = if explores { usual.rng_seed } else { RngSeed::Fixed(20_261_124) };
    ProptestConfig { cases: (cases * usual.cases / 256).max(1), failure_persistence: None, max_shrink_iters: 400, rng_seed, ..usual }
}
