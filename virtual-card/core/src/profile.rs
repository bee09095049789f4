//! What a card is made with unless its maker says otherwise. The values are those of the vendor's Inspect screen.

use apdu::Atr;

/// The answer to reset: T=0 only, ten historical bytes of the MPCOS family with units of 4 bytes.
//= CD-01
pub const ATR: [u8; 15] = [
    0x3B, 0x7A, 0x94, 0x00, 0x00, 0x80, 0x65, 0xA2, 0x01, 0x01, 0x01, 0x3D, 0x72, 0xD6, 0x43,
];

/// Family, card name, operating system, program and chip, a byte each.
pub const PRODUCT: [u8; 5] = [0xA2, 0x01, 0x09, 0x01, 0x38];

/// The tag that the vendor writes at personalisation.
pub const CARD_TYPE: [u8; 4] = *b"SmOe";

/// MMPN: the seventh wrong PIN blocks.
//= CD-03
pub const PRESENTATIONS_MAX: u8 = 7;

/// An erased card keeps PIN and seal.
//= SC-05
pub const ERASE_KEEPS_SEAL: bool = true;

/// The answer to reset, read.
pub(crate) fn atr() -> Atr {
    Atr::try_from(&ATR[..]).expect("the constant is an answer to reset")
}
