//! The image of a card: all its non-volatile cells as one value. Runs no command; its text form stands in `text`.

mod text;

use core::fmt;

use apdu::{Csn, LifeCycle, SecretBytes, mpcos};

pub use text::InvalidImage;

use crate::{
    cell::{Cell, CellWrite},
    pin::{PhysicalPin, PinVerified},
    profile,
};

/// A card without power. Everything in it survives removal; its secrets never print in `Debug`, though its text form
/// holds them in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardImage {
    csn: Csn,
    product: [u8; 5],
    card_type: [u8; 4],
    lock1: u8,
    lock2: u8,
    presentations_max: u8,
    try_counter: u8,
    format_pin: PhysicalPin,
    changed_pin: PhysicalPin,
    erase_keeps_seal: bool,
    label_len: u8,
    label: SecretBytes,
    shadow_len: u8,
    shadow: SecretBytes,
}

/// What a card of the rig is made with.
#[derive(Clone, PartialEq, Eq)]
pub struct Personalisation<'a> {
    /// Whoever makes several cards sees that no two print alike.
    pub csn: Csn,
    /// Eight digits.
    pub pin: &'a str,
    /// 0 to 64 bytes; empty is a card without a label.
    pub label: &'a str,
    /// 0 to 255 bytes; empty is a card without a shadow.
    pub shadow: &'a [u8],
    /// Four letters or digits; [`profile::CARD_TYPE`] if nothing speaks for others.
    pub card_type: [u8; 4],
    /// MMPN, 1..=15; [`profile::PRESENTATIONS_MAX`] if nothing speaks for another.
    pub presentations_max: u8,
}

/// Bit of LOCK1 and LOCK2: the area holds what a format wrote.
pub(crate) const LOCK_INITIALISED: u8 = 0x02;
/// Bit of LOCK1 and LOCK2: the area never changes again. In LOCK1 it is also what makes the changed PIN count.
pub(crate) const LOCK_SEALED: u8 = 0x01;
/// The most that the nibble of `63Cx` can tell.
//= CD-11
pub(crate) const PRESENTATIONS_MAX_LIMIT: u8 = 15;
const LABEL_BYTES_MAX: usize = mpcos::LABEL_BYTES_MAX;
const SHADOW_BYTES_MAX: usize = mpcos::SHADOW_BYTES_MAX;

impl CardImage {
    /// A card as it comes: no PIN, no label, no shadow.
    pub fn virgin(csn: Csn) -> Self {
        Self {
            csn,
            product: profile::PRODUCT,
            card_type: profile::CARD_TYPE,
            lock1: 0,
            lock2: 0,
            presentations_max: profile::PRESENTATIONS_MAX,
            try_counter: 0,
            format_pin: PhysicalPin::of_characters([0; 8]),
            changed_pin: PhysicalPin::of_characters([0; 8]),
            erase_keeps_seal: profile::ERASE_KEEPS_SEAL,
            label_len: 0,
            label: SecretBytes::default(),
            shadow_len: 0,
            shadow: SecretBytes::default(),
        }
    }

    /// A formatted card with a PIN that can still be changed once, and a shadow if one is given.
    pub fn personalised(with: &Personalisation<'_>) -> Result<Self, InvalidPersonalisation> {
        let pin = PhysicalPin::of_digits(with.pin).ok_or(InvalidPersonalisation::Pin)?;
        let label_len = len_within(with.label.len(), LABEL_BYTES_MAX);
        let shadow_len = len_within(with.shadow.len(), SHADOW_BYTES_MAX);
        if !is_card_type(&with.card_type) {
            return Err(InvalidPersonalisation::CardType);
        }
        if !(1..=PRESENTATIONS_MAX_LIMIT).contains(&with.presentations_max) {
            return Err(InvalidPersonalisation::PresentationsMax {
                number: with.presentations_max,
            });
        }
        Ok(Self {
            card_type: with.card_type,
            lock1: LOCK_INITIALISED,
            lock2: LOCK_INITIALISED,
            presentations_max: with.presentations_max,
            format_pin: pin,
            label_len: label_len.ok_or(InvalidPersonalisation::Label {
                len: with.label.len(),
            })?,
            label: SecretBytes::from(with.label.as_bytes().to_vec()),
            shadow_len: shadow_len.ok_or(InvalidPersonalisation::Shadow {
                len: with.shadow.len(),
            })?,
            shadow: SecretBytes::from(with.shadow.to_vec()),
            ..Self::virgin(with.csn)
        })
    }

    /// The same card with these bytes as family, card name, operating system, program and chip.
    #[must_use]
    pub const fn with_product(mut self, product: [u8; 5]) -> Self {
        self.product = product;
        self
    }

    /// The same card with this tag; a virgin card keeps it until it is formatted.
    pub fn with_card_type(mut self, card_type: [u8; 4]) -> Result<Self, InvalidPersonalisation> {
        if !is_card_type(&card_type) {
            return Err(InvalidPersonalisation::CardType);
        }
        self.card_type = card_type;
        Ok(self)
    }

    /// The same card, whose ERASE keeps PIN and seal, or restores the PIN of the format and the one change of it.
    //= SC-05
    #[must_use]
    pub const fn with_erase_keeps_seal(mut self, keeps: bool) -> Self {
        self.erase_keeps_seal = keeps;
        self
    }

    /// One cell is written, or a part of it. The bits of a lock are only ever set, unless the write erases it; a
    /// shorter area leaves what stands behind it. Panics on a write beyond the cell, which no card makes.
    pub fn apply(&mut self, write: &CellWrite) {
        let bytes = write.bytes();
        let offset = usize::from(write.offset());
        let erases = write.erases();
        match write.cell() {
            Cell::PresentationsMax => set(&mut self.presentations_max, bytes),
            Cell::TryCounter => set(&mut self.try_counter, bytes),
            Cell::FormatPin => self.format_pin.overlay(offset, bytes),
            Cell::ChangedPin => self.changed_pin.overlay(offset, bytes),
            Cell::CardType => self.card_type[offset..offset + bytes.len()].copy_from_slice(bytes),
            Cell::Lock1 => set_lock(&mut self.lock1, bytes, erases),
            Cell::Lock2 => set_lock(&mut self.lock2, bytes, erases),
            Cell::LabelLen => set(&mut self.label_len, bytes),
            Cell::Label => overlay(&mut self.label, offset, bytes),
            Cell::ShadowLen => set(&mut self.shadow_len, bytes),
            Cell::Shadow => overlay(&mut self.shadow, offset, bytes),
        }
    }

    /// The serial number.
    pub const fn csn(&self) -> Csn {
        self.csn
    }

    /// Family, card name, operating system, program and chip, a byte each.
    pub const fn product(&self) -> [u8; 5] {
        self.product
    }

    /// The tag of four characters.
    pub const fn card_type(&self) -> [u8; 4] {
        self.card_type
    }

    /// LOCK1, which guards the PIN.
    pub const fn lock1(&self) -> u8 {
        self.lock1
    }

    /// LOCK2, which guards label and shadow.
    pub const fn lock2(&self) -> u8 {
        self.lock2
    }

    /// Where the card stands in its life: what LOCK1 says, so that the two can never disagree.
    pub const fn life_cycle(&self) -> LifeCycle {
        if self.lock1 & LOCK_INITIALISED == 0 {
            LifeCycle::Virgin
        } else if self.lock1 & LOCK_SEALED == 0 {
            LifeCycle::PostFormat
        } else {
            LifeCycle::Sealed
        }
    }

    /// SCR, the wrong presentations since the last right one.
    pub const fn try_counter(&self) -> u8 {
        self.try_counter
    }

    /// MMPN, the wrong presentations that block, 1..=15.
    pub const fn presentations_max(&self) -> u8 {
        self.presentations_max
    }

    /// Presentations that are left, 0..=15.
    pub const fn tries_left(&self) -> u8 {
        self.presentations_max.saturating_sub(self.try_counter)
    }

    /// Whether the PIN is blocked for ever.
    //= CD-03
    pub const fn is_blocked(&self) -> bool {
        self.tries_left() == 0
    }

    /// Bytes of shadow, 0..=255; this alone is no secret.
    pub const fn shadow_len(&self) -> u8 {
        self.shadow_len
    }

    /// Whether an erasure leaves PIN and seal as they are.
    pub const fn erase_keeps_seal(&self) -> bool {
        self.erase_keeps_seal
    }

    /// Whether label and shadow never change again.
    pub(crate) const fn is_data_sealed(&self) -> bool {
        self.lock2 & LOCK_SEALED != 0
    }

    /// The PIN that counts. The seal decides, so that one bit changes both.
    //= CD-06
    pub(crate) const fn pin(&self) -> &PhysicalPin {
        if self.lock1 & LOCK_SEALED == 0 {
            &self.format_pin
        } else {
            &self.changed_pin
        }
    }

    /// Bytes of the label's area that were ever written.
    pub(crate) fn label_area_len(&self, _: PinVerified) -> usize {
        self.label.len()
    }

    /// Bytes of the shadow's area that were ever written.
    pub(crate) fn shadow_area_len(&self, _: PinVerified) -> usize {
        self.shadow.len()
    }

    pub(crate) const fn label_len(&self, _: PinVerified) -> u8 {
        self.label_len
    }

    //= CD-07
    pub(crate) fn label(&self, _: PinVerified) -> &[u8] {
        &self.label.expose()[..usize::from(self.label_len)]
    }

    //= CD-07
    pub(crate) fn shadow(&self, _: PinVerified) -> &[u8] {
        &self.shadow.expose()[..usize::from(self.shadow_len)]
    }
}

/// A byte is written whole or not at all.
fn set(cell: &mut u8, bytes: &[u8]) {
    match bytes {
        [] => {}
        [byte] => *cell = *byte,
        _ => panic!("the card writes one byte to a cell of one byte"),
    }
}

fn set_lock(lock: &mut u8, bytes: &[u8], erases: bool) {
    let kept = if erases { 0 } else { *lock };
    if let [bits] = bytes {
        set(lock, &[bits | kept]);
    }
}

/// An area that never held so many bytes holds 00 in between.
fn overlay(area: &mut SecretBytes, offset: usize, bytes: &[u8]) {
    let len = area.len().max(offset + bytes.len());
    let mut written = Vec::with_capacity(len);
    written.extend(area.expose());
    written.resize(len, 0);
    written[offset..offset + bytes.len()].copy_from_slice(bytes);
    *area = SecretBytes::from(written);
}

fn len_within(len: usize, max: usize) -> Option<u8> {
    u8::try_from(len).ok().filter(|_| len <= max)
}

pub(crate) fn is_card_type(tag: &[u8]) -> bool {
    tag.len() == 4 && tag.iter().all(u8::is_ascii_alphanumeric)
}

impl fmt::Debug for Personalisation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Personalisation({}, {} bytes of shadow)",
            self.csn,
            self.shadow.len()
        )
    }
}

/// What no card can be made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPersonalisation {
    /// Not eight digits.
    Pin,
    /// A label over 64 bytes.
    Label {
        /// Its bytes.
        len: usize,
    },
    /// A shadow over 255 bytes.
    Shadow {
        /// Its bytes.
        len: usize,
    },
    /// A tag that is not four letters or digits.
    CardType,
    /// An MMPN out of 1..=15.
    PresentationsMax {
        /// What it was.
        number: u8,
    },
}

impl fmt::Display for InvalidPersonalisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("personalise card: ")?;
        match self {
            Self::Pin => f.write_str("expected a PIN of 8 digits, got another"),
            Self::Label { len } => write!(
                f,
                "expected a label of at most {LABEL_BYTES_MAX} bytes, got {len}"
            ),
            Self::Shadow { len } => write!(
                f,
                "expected a shadow of at most {SHADOW_BYTES_MAX} bytes, got {len}"
            ),
            Self::CardType => f.write_str("expected a card type of 4 letters or digits, got another"),
            Self::PresentationsMax { number } => {
                write!(
                    f,
                    "expected an MMPN of 1 to {PRESENTATIONS_MAX_LIMIT}, got {number}"
                )
            }
        }
    }
}

impl core::error::Error for InvalidPersonalisation {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_made(change: impl FnOnce(&mut Personalisation<'_>)) -> Result<(), InvalidPersonalisation> {
        let mut with = Personalisation {
            csn: Csn([0; 16]),
            pin: "12345678",
            label: "",
            shadow: &[],
            card_type: profile::CARD_TYPE,
            presentations_max: 7,
        };
        change(&mut with);
        CardImage::personalised(&with).map(drop)
    }

    #[test]
    fn every_limit_is_met_and_one_past_it_is_refused() {
        use InvalidPersonalisation as Refusal;
        let (label, shadow) = ("x".repeat(65), [0; 256]);
        assert_eq!(
            check_made(|with| with.label = Box::leak(label[..64].into())),
            Ok(())
        );
        assert_eq!(
            check_made(|with| with.label = Box::leak(label.into())),
            Err(Refusal::Label { len: 65 })
        );
        assert_eq!(check_made(|with| with.shadow = &[0; 255]), Ok(()));
        assert_eq!(
            check_made(|with| with.shadow = Box::leak(shadow.into())),
            Err(Refusal::Shadow { len: 256 })
        );
        for (number, made) in [(0, false), (1, true), (15, true), (16, false)] {
            assert_eq!(
                check_made(|with| with.presentations_max = number).is_ok(),
                made,
                "{number}"
            );
        }
        for pin in ["1234567", "123456789", "1234567A"] {
            assert_eq!(check_made(|with| with.pin = pin), Err(Refusal::Pin));
        }
        assert_eq!(
            check_made(|with| with.card_type = *b"Sm\"e"),
            Err(Refusal::CardType)
        );
    }

    #[test]
    fn bits_of_a_lock_are_set_and_never_cleared() {
        let mut image = CardImage::virgin(Csn([0; 16]));
        for (written, left) in [(0x02, 0x02), (0x01, 0x03), (0x00, 0x03)] {
            image.apply(&CellWrite::byte(Cell::Lock1, written));
            image.apply(&CellWrite::byte(Cell::Lock2, written));
            assert_eq!((image.lock1(), image.lock2()), (left, left));
        }
        assert_eq!(image.life_cycle(), LifeCycle::Sealed);
    }

    #[test]
    fn debug_never_shows_pin_label_or_shadow() {
        let with = Personalisation {
            csn: Csn([0; 16]),
            pin: "12345678",
            label: "Alice",
            shadow: &[0xAB, 0xCD],
            card_type: profile::CARD_TYPE,
            presentations_max: 7,
        };
        let image = CardImage::personalised(&with).expect("it is within every limit");
        for shown in [format!("{with:?}"), format!("{image:?}")] {
            for secret in ["12345678", "[1, 2, 3", "Alice", "65, 108", "171", "205"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}
