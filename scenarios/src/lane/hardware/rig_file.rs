//! The rig file: which cards and which device a run with real parts may write to. What is not understood to the last key
//! is refused with its place. Touches no part.

use std::{collections::HashSet, fmt, fs::File, io::Read as _, path::Path};

use apdu::{Csn, hex};
use hsm_client::Fingerprint;
use program::{ExitCode, Problem};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Most bytes of a rig file.
pub(super) const RIG_FILE_BYTES_MAX: usize = 65_536;
/// Most cards of a rig: a set has no more.
pub(super) const CARDS_MAX: usize = 64;
/// Most characters of a holder's name.
pub(super) const HOLDER_CHARACTERS_MAX: usize = 64;
/// The version of the form.
const VERSION: i64 = 1;

/// What may be written to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RigFile {
    #[serde(rename = "version", deserialize_with = "version")]
    _version: (),
    pub(super) device: Option<DeviceOfRig>,
    #[serde(rename = "card", default, deserialize_with = "cards")]
    pub(super) cards: Vec<CardOfRig>,
}

/// A device that may be managed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceOfRig {
    /// As its header tells it.
    #[serde(deserialize_with = "serial")]
    pub(super) serial: String,
    /// Of its certificate, SHA-256.
    #[serde(deserialize_with = "fingerprint")]
    pub(super) fingerprint: Fingerprint,
}

/// A card that may be written to.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardOfRig {
    #[serde(deserialize_with = "csn")]
    pub(super) serial: Csn,
    /// Who has it in the scenarios.
    #[serde(deserialize_with = "holder")]
    pub(super) holder: String,
    /// Eight digits. `Debug` hides it.
    #[serde(deserialize_with = "pin")]
    pub(super) pin: String,
    /// Whether it may be formatted, sealed and blocked, none of which can be taken back.
    pub(super) expendable: bool,
}

impl fmt::Debug for CardOfRig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardOfRig({:?} of {})", self.serial, self.holder)
    }
}

impl RigFile {
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let limit = u64::try_from(RIG_FILE_BYTES_MAX + 1).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .map_err(|why| Problem::io("read rig file", path, &why))?;
        let refuse = |place: String, why: &str| {
            let what = format!("read rig file `{}`{place}: {why}", path.display());
            Problem::new(ExitCode::Usage, what).hint("docs/hardware.md has every key of it, and an example")
        };
        if bytes.len() > RIG_FILE_BYTES_MAX {
            let why = format!("expected at most {RIG_FILE_BYTES_MAX} bytes, got more");
            return Err(refuse(String::new(), &why));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| refuse(String::new(), "expected UTF-8"))?;
        Self::from_text(text).map_err(|invalid| {
            refuse(
                format!(", line {}, column {}", invalid.line, invalid.column),
                &invalid.why,
            )
        })
    }

    fn from_text(text: &str) -> Result<Self, InvalidRigFile> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            InvalidRigFile::at(text, start, error.message().replace('\n', ", "))
        })
    }

    /// The card with this serial number.
    pub(super) fn card(&self, serial: Csn) -> Option<&CardOfRig> {
        self.cards.iter().find(|card| card.serial == serial)
    }

    /// The card of this person.
    pub(super) fn card_of(&self, holder: &str) -> Option<&CardOfRig> {
        self.cards.iter().find(|card| card.holder == holder)
    }
}

/// A text that is no rig file, and where.
#[derive(Debug, PartialEq, Eq)]
struct InvalidRigFile {
    line: usize,
    column: usize,
    why: String,
}

impl InvalidRigFile {
    /// A place in a text as a person counts it.
    fn at(text: &str, start: usize, why: String) -> Self {
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |feed| feed + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            why,
        }
    }
}

fn version<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    match i64::deserialize(from)? {
        VERSION => Ok(()),
        other => Err(D::Error::custom(format!(
            "expected version {VERSION}, got {other}"
        ))),
    }
}

fn serial<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let serial = String::deserialize(from)?;
    let is_serial = (1..=64).contains(&serial.len()) && serial.bytes().all(|byte| byte.is_ascii_graphic());
    if is_serial {
        Ok(serial)
    } else {
        Err(D::Error::custom(
            "expected the serial number of a device, such as `TXP0000001`",
        ))
    }
}

fn fingerprint<'de, D: Deserializer<'de>>(from: D) -> Result<Fingerprint, D::Error> {
    let why = "expected the SHA-256 fingerprint of the device's certificate, as its console shows it";
    String::deserialize(from)?
        .parse()
        .map_err(|_| D::Error::custom(why))
}

/// All 16 bytes: in the shorter form of an Inspect screen two cards may look alike.
fn csn<'de, D: Deserializer<'de>>(from: D) -> Result<Csn, D::Error> {
    let text = String::deserialize(from)?;
    let bytes = hex::decode(&text)
        .ok()
        .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    bytes.map(Csn).ok_or_else(|| {
        D::Error::custom(format!(
            "expected a card's serial number of 32 hexadecimal digits, got {}",
            text.len()
        ))
    })
}

fn holder<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let holder = String::deserialize(from)?;
    let is_name = (1..=HOLDER_CHARACTERS_MAX).contains(&holder.chars().count());
    if is_name && !holder.chars().any(char::is_control) {
        Ok(holder)
    } else {
        Err(D::Error::custom(format!(
            "expected a name of 1 to {HOLDER_CHARACTERS_MAX} characters"
        )))
    }
}

fn pin<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let pin = String::deserialize(from)?;
    if pin.len() == 8 && pin.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(pin)
    } else {
        // What was written may be a PIN.
        Err(D::Error::custom("expected a PIN of eight digits"))
    }
}

fn cards<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<CardOfRig>, D::Error> {
    let cards = Vec::<CardOfRig>::deserialize(from)?;
    if !(1..=CARDS_MAX).contains(&cards.len()) {
        let why = format!("expected 1 to {CARDS_MAX} cards, got {}", cards.len());
        return Err(D::Error::custom(why));
    }
    let (mut serials, mut holders) = (HashSet::new(), HashSet::new());
    for card in &cards {
        if !serials.insert(card.serial.0) {
            let serial = hex::encode(&card.serial.0);
            return Err(D::Error::custom(format!(
                "expected each card once, got {serial} twice"
            )));
        }
        if !holders.insert(card.holder.as_str()) {
            let why = format!("expected one card for each person, got two for `{}`", card.holder);
            return Err(D::Error::custom(why));
        }
    }
    Ok(cards)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const CARD: &str = "[[card]]\nserial = \"15C00000E3A81710006F0000FF000010\"\nholder = \"Ana\"\n\
                        pin = \"12345678\"\nexpendable = false\n";

    fn refused(text: &str) -> String {
        let InvalidRigFile { line, column, why } = RigFile::from_text(text).expect_err(text);
        format!("{line}:{column} {why}")
    }

    #[test]
    fn a_rig_file_names_cards_and_a_device() {
        let fingerprint = ["AB"; 32].join(":");
        let device = format!("[device]\nserial = \"TXP0000001\"\nfingerprint = \"{fingerprint}\"\n");
        let rig = RigFile::from_text(&format!("version = 1\n{device}{CARD}")).expect("it is one");
        assert_eq!(rig.device.expect("it was named").serial, "TXP0000001");
        let ana = &rig.cards[0];
        assert_eq!((ana.holder.as_str(), ana.expendable), ("Ana", false));
        assert_eq!(ana.serial.to_string(), "15C000E3A8171006F00FF0010");
        assert!(!format!("{ana:?}").contains("12345678"));
    }

    #[test]
    fn what_is_missing_unknown_or_wrong_is_refused_at_its_place() {
        insta::assert_snapshot!(
            [
                String::new(),
                CARD.to_owned(),
                "version = 2\n".to_owned() + CARD,
                "version = 1\ncard = []\n".to_owned(),
                format!("version = 1\ncolour = \"red\"\n{CARD}"),
                format!("version = 1\n{CARD}colour = \"red\"\n"),
                format!("version = 1\n{}", CARD.replace("holder = \"Ana\"\n", "")),
                format!("version = 1\n{}", CARD.replace("expendable = false\n", "")),
                format!("version = 1\n{}", CARD.replace("15C00000E3", "15C0E3")),
                format!("version = 1\n{}", CARD.replace("12345678", "1234567x")),
                format!("version = 1\n{}", CARD.replace("Ana", "")),
                format!("version = 1\n{CARD}{CARD}"),
                format!("version = 1\n{CARD}{}", CARD.replace("15C0", "15C1")),
                format!("version = 1\n[device]\nserial = \"TXP0000001\"\n{CARD}"),
                format!("version = 1\n[device]\nserial = \"\"\nfingerprint = \"\"\n{CARD}"),
                format!("version = 1\n[device]\nserial = \"T\"\nfingerprint = \"ab\"\n{CARD}"),
                "version = 1\ncard = [".to_owned(),
            ]
            .map(|text| refused(&text))
            .join("\n")
        );
    }

    #[test]
    fn a_rig_may_have_a_device_alone() {
        let rig = RigFile::from_text("version = 1\n").expect("it is one");
        assert!(
            rig.cards.is_empty() && rig.device.is_none(),
            "and may name nothing"
        );
    }

    #[test]
    fn cards_holders_and_bytes_have_limits() {
        let cards = |number: usize| {
            let card = |at: usize| {
                let card = CARD.replace("000010\"", &format!("{at:06X}\""));
                card.replace("Ana", &format!("Holder{at}"))
            };
            format!("version = 1\n{}", (0..number).map(card).collect::<String>())
        };
        assert_eq!(
            RigFile::from_text(&cards(CARDS_MAX))
                .expect("it is one")
                .cards
                .len(),
            64
        );
        assert!(refused(&cards(CARDS_MAX + 1)).ends_with("expected 1 to 64 cards, got 65"));
        let named =
            |characters: usize| format!("version = 1\n{}", CARD.replace("Ana", &"é".repeat(characters)));
        assert!(RigFile::from_text(&named(HOLDER_CHARACTERS_MAX)).is_ok());
        assert!(refused(&named(HOLDER_CHARACTERS_MAX + 1)).contains("1 to 64 characters"));
        let folder = tempfile::tempdir().expect("room for a folder");
        let path = folder.path().join("rig.toml");
        let text = |bytes: usize| {
            let begin = format!("version = 1\n{CARD}#");
            format!("{begin}{}", "x".repeat(bytes - begin.len()))
        };
        fs::write(&path, text(RIG_FILE_BYTES_MAX)).expect("room for a file");
        assert!(RigFile::read(&path).is_ok());
        fs::write(&path, text(RIG_FILE_BYTES_MAX + 1)).expect("room for a file");
        let problem = RigFile::read(&path).expect_err("it is too long");
        assert!(
            problem.what.ends_with("at most 65536 bytes, got more"),
            "{problem}"
        );
    }
}
