//! Writes of one command in their order. Knows no cell's meaning; the order is the command's, and what it promises
//! when the power goes between two writes, or in the middle of one, stands in `docs/card.md`.

use std::collections::VecDeque;

use crate::{cell::CellWrite, pin::PinVerified};

/// What is left to write before a command is done.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    writes: VecDeque<CellWrite>,
    /// Whether the PIN is verified when all is written.
    pub(crate) verified_after: Option<PinVerified>,
}

impl Plan {
    pub(crate) fn new(
        writes: impl IntoIterator<Item = CellWrite>,
        verified_after: Option<PinVerified>,
    ) -> Self {
        Self {
            writes: writes.into_iter().collect(),
            verified_after,
        }
    }

    pub(crate) fn next(&mut self) -> Option<CellWrite> {
        self.writes.pop_front()
    }
}
