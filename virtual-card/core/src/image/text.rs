//! The text form of a card image, versioned. Reads and writes strings only; files are the driver's.

use core::fmt;

use apdu::{Csn, SecretBytes, hex};

use super::{
    CardImage, LABEL_BYTES_MAX, LOCK_INITIALISED, LOCK_SEALED, PRESENTATIONS_MAX_LIMIT, SHADOW_BYTES_MAX,
    is_card_type, len_within,
};
use crate::{
    fields::{Fields, InvalidText, Text},
    pin::PhysicalPin,
    profile,
};

/// Written by this release. Version 1 had one PIN, which counted whatever the seal said, and no word on ERASE.
const VERSION: u8 = 2;
const VERSION_1: u8 = 1;
/// Keys that came with version 2.
const KEYS_SINCE_2: [&str; 3] = ["format_pin", "changed_pin", "erase_keeps_seal"];
/// Keys that version 1 alone has.
const KEYS_UNTIL_1: [&str; 1] = ["pin"];
const KEYS: [&str; 12] = [
    "version",
    "csn",
    "product",
    "card_type",
    "lock1",
    "lock2",
    "presentations_max",
    "try_counter",
    "label_len",
    "label",
    "shadow_len",
    "shadow",
];

impl CardImage {
    /// The text form, with PIN and shadow in clear.
    pub fn to_text(&self) -> String {
        format!(
            "# TEST MATERIAL: an emulated card, its PIN and shadow in clear. It protects nothing.\n\
             version = {VERSION}\n\
             \n\
             csn = \"{csn}\"\n\
             product = \"{product}\"\n\
             card_type = \"{card_type}\"\n\
             \n\
             lock1 = \"{lock1:02X}\"\n\
             lock2 = \"{lock2:02X}\"\n\
             presentations_max = {presentations_max}\n\
             try_counter = {try_counter}\n\
             # The PIN is the changed one once LOCK1 has bit 01, and the one of the format before.\n\
             format_pin = \"{format_pin}\"\n\
             changed_pin = \"{changed_pin}\"\n\
             erase_keeps_seal = {erase_keeps_seal}\n\
             \n\
             label_len = {label_len}\n\
             label = \"{label}\"\n\
             shadow_len = {shadow_len}\n\
             shadow = \"{shadow}\"\n",
            csn = hex::encode(&self.csn.0),
            product = hex::encode(&self.product),
            card_type = self.card_type.map(char::from).iter().collect::<String>(),
            lock1 = self.lock1,
            lock2 = self.lock2,
            presentations_max = self.presentations_max,
            try_counter = self.try_counter,
            format_pin = self.format_pin.to_digits(),
            changed_pin = self.changed_pin.to_digits(),
            erase_keeps_seal = self.erase_keeps_seal,
            label_len = self.label_len,
            label = hex::encode(self.label.expose()),
            shadow_len = self.shadow_len,
            shadow = hex::encode(self.shadow.expose()),
        )
    }

    /// Reads the text form, also of every earlier version. Every length and number is checked; an unknown key or
    /// version is refused.
    pub fn from_text(text: &str) -> Result<Self, InvalidImage> {
        let text = Text::parse(text, "a card image")?;
        let fields = text.fields();
        let version = fields.number("version", VERSION_1..=VERSION)?;
        let keys_of_version = if version == VERSION_1 {
            &KEYS_UNTIL_1[..]
        } else {
            &KEYS_SINCE_2[..]
        };
        let keys: Vec<_> = KEYS.iter().chain(keys_of_version).copied().collect();
        fields.expect_keys(&keys, &format!("a key of a card image of version {version}"))?;
        let (format_pin, changed_pin, erase_keeps_seal) = if version == VERSION_1 {
            let pin = pin(&fields, "pin")?;
            (pin.clone(), pin, profile::ERASE_KEEPS_SEAL)
        } else {
            (
                pin(&fields, "format_pin")?,
                pin(&fields, "changed_pin")?,
                fields.boolean("erase_keeps_seal")?,
            )
        };
        let label = fields.bytes("label", 0..=LABEL_BYTES_MAX)?;
        let shadow = fields.bytes("shadow", 0..=SHADOW_BYTES_MAX)?;
        Ok(Self {
            csn: Csn(fields.array("csn")?),
            product: fields.array("product")?,
            card_type: card_type(&fields)?,
            lock1: lock(&fields, "lock1")?,
            lock2: lock(&fields, "lock2")?,
            presentations_max: fields.number("presentations_max", 1..=PRESENTATIONS_MAX_LIMIT)?,
            try_counter: fields.number("try_counter", 0..=PRESENTATIONS_MAX_LIMIT)?,
            format_pin,
            changed_pin,
            erase_keeps_seal,
            label_len: fields.number(
                "label_len",
                0..=len_within(label.len(), LABEL_BYTES_MAX).unwrap_or(0),
            )?,
            label: SecretBytes::from(label),
            shadow_len: fields.number(
                "shadow_len",
                0..=len_within(shadow.len(), SHADOW_BYTES_MAX).unwrap_or(0),
            )?,
            shadow: SecretBytes::from(shadow),
        })
    }
}

fn lock(fields: &Fields<'_>, key: &str) -> Result<u8, InvalidText> {
    let [lock] = fields.array(key)?;
    if lock & !(LOCK_INITIALISED | LOCK_SEALED) == 0 {
        return Ok(lock);
    }
    Err(fields.wrong(key, &format!("`{key}` from 00 to 03"), &format!("{lock:02X}")))
}

fn card_type(fields: &Fields<'_>) -> Result<[u8; 4], InvalidText> {
    let expected = "`card_type` as 4 letters or digits";
    let string = fields.string("card_type", expected)?;
    match string.as_bytes().try_into() {
        Ok(tag) if is_card_type(string.as_bytes()) => Ok(tag),
        Ok(_) | Err(_) => Err(fields.wrong("card_type", expected, &format!("`{string}`"))),
    }
}

/// What came is told by its length.
fn pin(fields: &Fields<'_>, key: &str) -> Result<PhysicalPin, InvalidText> {
    let expected = format!("`{key}` as 8 digits");
    let string = fields.string(key, &expected)?;
    let came = format!("{} characters", string.chars().count());
    PhysicalPin::of_digits(string).ok_or_else(|| fields.wrong(key, &expected, &came))
}

/// A text that is no card image. Says where, and never shows a PIN or a shadow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidImage(InvalidText);

impl InvalidImage {
    /// Counted from 1.
    pub const fn line(&self) -> usize {
        self.0.line
    }

    /// Characters from the begin of the line, counted from 1.
    pub const fn column(&self) -> usize {
        self.0.column
    }
}

impl From<InvalidText> for InvalidImage {
    fn from(invalid: InvalidText) -> Self {
        Self(invalid)
    }
}

impl fmt::Display for InvalidImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read card image, {}", self.0)
    }
}

impl core::error::Error for InvalidImage {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Written by hand. Those of every version are in `tests/images`.
    const IMAGE: &str = "\
# TEST MATERIAL: an emulated card, its PIN and shadow in clear. It protects nothing.
version = 2

csn = \"15C00000E3A81710006F0000FF000010\"
product = \"A201090138\"
card_type = \"SmOe\"

lock1 = \"02\"
lock2 = \"02\"
presentations_max = 7
try_counter = 2
# The PIN is the changed one once LOCK1 has bit 01, and the one of the format before.
format_pin = \"12345678\"
changed_pin = \"00000000\"
erase_keeps_seal = true

label_len = 5
label = \"416C696365\"
shadow_len = 4
shadow = \"DEADBEEF\"
";

    #[test]
    fn the_text_is_read_and_written_back_to_the_byte() {
        let image = CardImage::from_text(IMAGE).expect("the image is right");
        assert_eq!(image.csn().to_string(), "15C000E3A8171006F00FF0010");
        assert_eq!(image.tries_left(), 5);
        assert_eq!(image.to_text(), IMAGE);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (from, to, message) in [
            (
                "version = 2",
                "version = 3",
                "line 2, column 11: expected `version` from 1 to 2, got 3",
            ),
            (
                "version = 2",
                "version = 1",
                "line 13, column 1: expected a key of a card image of version 1, got `format_pin`",
            ),
            (
                "format_pin",
                "pin",
                "line 13, column 1: expected a key of a card image of version 2, got `pin`",
            ),
            (
                "15C0",
                "15c0",
                "line 4, column 7: expected `csn` as 16 bytes in `0-9A-F`, got another character or none at byte 2",
            ),
            (
                "A201090138",
                "A2010901",
                "line 5, column 11: expected `product` as 5 bytes in `0-9A-F`, got 4 bytes",
            ),
            (
                "SmOe",
                "Sm",
                "line 6, column 13: expected `card_type` as 4 letters or digits, got `Sm`",
            ),
            (
                "lock2 = \"02\"",
                "lock2 = \"04\"",
                "line 9, column 9: expected `lock2` from 00 to 03, got 04",
            ),
            (
                "max = 7",
                "max = 16",
                "line 10, column 21: expected `presentations_max` from 1 to 15, got 16",
            ),
            (
                "max = 7",
                "max = 0",
                "line 10, column 21: expected `presentations_max` from 1 to 15, got 0",
            ),
            (
                "counter = 2",
                "counter = \"2\"",
                "line 11, column 15: expected `try_counter` from 0 to 15, got string",
            ),
            (
                "12345678",
                "1234567",
                "line 13, column 14: expected `format_pin` as 8 digits, got 7 characters",
            ),
            (
                "seal = true",
                "seal = \"yes\"",
                "line 15, column 20: expected `erase_keeps_seal` as true or false, got string",
            ),
            (
                "label_len = 5",
                "label_len = 6",
                "line 17, column 13: expected `label_len` from 0 to 5, got 6",
            ),
            (
                "try_counter",
                "try_count",
                "line 11, column 1: expected a key of a card image of version 2, got `try_count`",
            ),
            (
                "shadow = \"DEADBEEF\"\n",
                "",
                "line 20, column 1: expected the key `shadow`, got none",
            ),
        ] {
            let text = IMAGE.replace(from, to);
            let refusal = CardImage::from_text(&text).expect_err(message);
            assert_eq!(refusal.to_string(), format!("read card image, {message}"));
        }
    }

    #[test]
    fn an_error_never_shows_pin_or_shadow() {
        for (from, to) in [
            ("\"12345678\"", "12345678"),
            ("\"DEADBEEF\"", "\"DEADBEEF"),
            ("DEADBEEF", "DEADBEEFx"),
        ] {
            let refusal = CardImage::from_text(&IMAGE.replace(from, to)).expect_err("the image is wrong");
            let shown = format!("{refusal} {refusal:?}");
            assert!(!shown.contains("1234567") && !shown.contains("DEADBE"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn every_image_survives_its_text(
            csn: [u8; 16], product: [u8; 5], lock1 in 0..4_u8, lock2 in 0..4_u8,
            presentations_max in 1..=15_u8, try_counter in 0..=15_u8, pin in "[0-9]{8}",
            changed_pin in "[0-9]{8}", erase_keeps_seal: bool,
            label in prop::collection::vec(any::<u8>(), 0..=64), shadow in prop::collection::vec(any::<u8>(), 0..=255),
            label_len: prop::sample::Index, shadow_len: prop::sample::Index,
        ) {
            let image = CardImage {
                csn: Csn(csn),
                product,
                lock1,
                lock2,
                presentations_max,
                try_counter,
                format_pin: PhysicalPin::of_digits(&pin).expect("eight digits"),
                changed_pin: PhysicalPin::of_digits(&changed_pin).expect("eight digits"),
                erase_keeps_seal,
                label_len: u8::try_from(label_len.index(label.len() + 1)).expect("at most 64"),
                label: SecretBytes::from(label),
                shadow_len: u8::try_from(shadow_len.index(shadow.len() + 1)).expect("at most 255"),
                shadow: SecretBytes::from(shadow),
                ..CardImage::virgin(Csn(csn))
            };
            prop_assert_eq!(CardImage::from_text(&image.to_text()), Ok(image));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            let _ = CardImage::from_text(&text);
        }
    }
}
