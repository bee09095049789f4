//! The non-volatile cells of a card, and a write to one of them. Decides nothing; see the image for what they mean.

use core::fmt;

use apdu::SecretBytes;

/// One cell, written whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// MMPN, the wrong presentations that block: one byte, 1..=15.
    PresentationsMax,
    /// SCR, the wrong presentations since the last right one: one byte.
    TryCounter,
    /// The physical PIN, eight digits.
    Pin,
    /// LOCK1, which guards the PIN: one byte whose bits are only ever set.
    Lock1,
    /// LOCK2, which guards label and shadow: one byte whose bits are only ever set.
    Lock2,
    /// How much of the label's area is label: one byte, 0..=64.
    LabelLen,
    /// The label's area. A shorter write leaves what stands behind it.
    Label,
    /// How much of the shadow's area is shadow: one byte.
    ShadowLen,
    /// The shadow's area. A shorter write leaves what stands behind it.
    Shadow,
}

/// What the driver must make durable before it tells the card so. Only a card makes one; its bytes never print.
#[derive(Clone, PartialEq, Eq)]
pub struct CellWrite {
    cell: Cell,
    bytes: SecretBytes,
}

impl CellWrite {
    pub(crate) fn byte(cell: Cell, byte: u8) -> Self {
        Self {
            cell,
            bytes: SecretBytes::from(vec![byte]),
        }
    }

    /// Which cell.
    pub const fn cell(&self) -> Cell {
        self.cell
    }

    /// What is to stand in it.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.expose()
    }
}

impl fmt::Debug for CellWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CellWrite({:?}, {} bytes)", self.cell, self.bytes.len())
    }
}
