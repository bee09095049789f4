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
    pin: PhysicalPin,
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
const LOCK_INITIALISED: u8 = 0x02;
/// Bit of LOCK1 and LOCK2: the area never changes again.
const LOCK_SEALED: u8 = 0x01;
/// The most that the nibble of `63Cx` can tell.
//= CD-11
const PRESENTATIONS_MAX_LIMIT: u8 = 15;
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
            pin: PhysicalPin::of_characters([0; 8]),
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
            pin,
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

    /// One cell is written. The bits of a lock are only ever set; a shorter area leaves what stands behind it.
    pub fn apply(&mut self, write: &CellWrite) {
        let bytes = write.bytes();
        match write.cell() {
            Cell::PresentationsMax => self.presentations_max = byte(bytes),
            Cell::TryCounter => self.try_counter = byte(bytes),
            Cell::Pin => {
                let nibbles = bytes.try_into().expect("the card writes eight nibbles");
                self.pin = PhysicalPin::of_characters(nibbles);
            }
            Cell::Lock1 => self.lock1 |= byte(bytes),
            Cell::Lock2 => self.lock2 |= byte(bytes),
            Cell::LabelLen => self.label_len = byte(bytes),
            Cell::Label => overlay(&mut self.label, bytes),
            Cell::ShadowLen => self.shadow_len = byte(bytes),
            Cell::Shadow => overlay(&mut self.shadow, bytes),
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

    pub(crate) const fn pin(&self) -> &PhysicalPin {
        &self.pin
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

fn byte(bytes: &[u8]) -> u8 {
    let [byte] = bytes else {
        panic!("the card writes one byte to a cell of one byte")
    };
    *byte
}

fn overlay(area: &mut SecretBytes, bytes: &[u8]) {
    let behind = area.expose().get(bytes.len()..).unwrap_or_default();
    *area = SecretBytes::from([bytes, behind].concat());
}

fn len_within(len: usize, max: usize) -> Option<u8> {
    u8::try_from(len).ok().filter(|_| len <= max)
}

fn is_card_type(tag: &[u8]) -> bool {
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
