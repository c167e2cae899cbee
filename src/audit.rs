//! One look at a data-root: what was read, what keeps what, what is garbage, and, if it was asked for, what everything weighs.

use crate::graph::Graph;
use crate::graph::verdict::{Assumptions, Verdicts};
use crate::inventory::Inventory;
use crate::usage::account::Account;
use crate::usage::scan::Measured;

/// Everything that the reports are made from.
#[derive(Debug)]
pub struct Audit {
    /// What was read.
    pub inventory: Inventory,
    /// What keeps what.
    pub graph: Graph,
    /// What is in use and what is garbage.
    pub verdicts: Verdicts,
    /// What everything weighs; `None` when nothing was measured.
    pub account: Option<Account>,
}

impl Audit {
    /// Draws the conclusions from what was read and measured.
    #[must_use]
    pub fn new(inventory: Inventory, measured: Option<Measured>) -> Self {
        Self::with(inventory, measured, &Assumptions::default())
    }

    /// As [`Audit::new`], where somebody has said more than the disk does.
    #[must_use]
    pub fn with(inventory: Inventory, measured: Option<Measured>, assumptions: &Assumptions) -> Self {
        let graph = Graph::build(&inventory);
        let verdicts = Verdicts::reach_with(&graph, &inventory, assumptions);
        let account = measured.map(|measured| Account::new(measured, &inventory, &graph, &verdicts));
        Self { inventory, graph, verdicts, account }
    }
}
