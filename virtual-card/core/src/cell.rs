//! The non-volatile cells of a card, and a write to one of them. Decides nothing; see the image for what they mean.

use core::fmt;

use apdu::SecretBytes;

use crate::pin::PhysicalPin;

/// One cell. A byte is written whole or not at all; a cell of several bytes can be left half written by a cut of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// MMPN, the wrong presentations that block: one byte, 1..=15.
    PresentationsMax,
    /// SCR, the wrong presentations since the last right one: one byte.
    TryCounter,
    /// The PIN that a format writes: eight bytes, a digit each.
    FormatPin,
    /// The PIN that the one change writes: eight bytes, a digit each. Counts once LOCK1 is sealed, and not before.
    ChangedPin,
    /// The tag of four characters.
    CardType,
    /// LOCK1, which guards the PIN: one byte whose bits are only ever set, but for an erasure.
    Lock1,
    /// LOCK2, which guards label and shadow: one byte whose bits are only ever set, but for an erasure.
    Lock2,
    /// How much of the label's area is label: one byte, 0..=64.
    LabelLen,
    /// The label's area, 64 bytes.
    Label,
    /// How much of the shadow's area is shadow: one byte.
    ShadowLen,
    /// The shadow's area, 255 bytes.
    Shadow,
}

/// What the driver must make durable before it tells the card so. Only a card makes one; its bytes never print.
#[derive(Clone, PartialEq, Eq)]
pub struct CellWrite {
    cell: Cell,
    offset: u8,
    erases: bool,
    content: Content,
}

#[derive(Clone, PartialEq, Eq)]
enum Content {
    Byte([u8; 1]),
    Pin(PhysicalPin),
    Bytes(SecretBytes),
}

impl CellWrite {
    pub(crate) const fn byte(cell: Cell, byte: u8) -> Self {
        Self {
            cell,
            offset: 0,
            erases: false,
            content: Content::Byte([byte]),
        }
    }

    /// A lock that is erased and then written: the one way in which a bit of it is cleared.
    pub(crate) const fn erasing(cell: Cell, byte: u8) -> Self {
        Self {
            cell,
            offset: 0,
            erases: true,
            content: Content::Byte([byte]),
        }
    }

    pub(crate) const fn pin(cell: Cell, pin: PhysicalPin) -> Self {
        Self {
            cell,
            offset: 0,
            erases: false,
            content: Content::Pin(pin),
        }
    }

    pub(crate) fn bytes_at(cell: Cell, offset: u8, bytes: Vec<u8>) -> Self {
        Self {
            cell,
            offset,
            erases: false,
            content: Content::Bytes(SecretBytes::from(bytes)),
        }
    }

    /// Which cell.
    pub const fn cell(&self) -> Cell {
        self.cell
    }

    /// Where in the cell the bytes begin, 0..=254.
    pub const fn offset(&self) -> u8 {
        self.offset
    }

    /// What is to stand there.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Byte(byte) => byte,
            Content::Pin(pin) => pin.nibbles(),
            Content::Bytes(bytes) => bytes.expose(),
        }
    }

    /// Whether the bits of a lock are replaced and not only set.
    pub const fn erases(&self) -> bool {
        self.erases
    }

    /// What is written if the power goes after so many bytes of it.
    #[must_use]
    pub fn torn_after(&self, bytes: usize) -> Self {
        self.part(0, bytes.min(self.bytes().len()))
    }

    /// What is written if only the bytes from this one on are.
    #[must_use]
    pub fn without_first(&self, bytes: usize) -> Self {
        let len = self.bytes().len();
        self.part(bytes.min(len), len)
    }

    fn part(&self, from: usize, to: usize) -> Self {
        let skipped = u8::try_from(from).expect("no cell has more than 255 bytes");
        Self {
            cell: self.cell,
            offset: self.offset + skipped,
            erases: self.erases,
            content: Content::Bytes(SecretBytes::from(self.bytes()[from..to].to_vec())),
        }
    }
}

impl fmt::Debug for CellWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CellWrite({:?}, {} bytes)", self.cell, self.bytes().len())
    }
}
