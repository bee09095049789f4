//! The text form of faults, versioned: a table `[[fault]]` each. Reads strings only; files are the driver's.

use core::{fmt, time::Duration};

use apdu::StatusWord;

use super::{ATR_BYTES_MAX, DELAY_MAX, FAULTS_MAX, Fault, FaultKind, Faults};
use crate::{
    cell::Cell,
    fields::{Fields, InvalidText, Text},
};

const VERSION: u8 = 1;
/// A command's number, counted from 1.
const AT: core::ops::RangeInclusive<u32> = 1..=1_000_000;

/// Writes before one.
const WRITES: core::ops::RangeInclusive<u32> = 0..=1_000_000;

/// Every kind with the keys of its own; and whether it has a command.
const KINDS: [(&str, &[&str], bool); 9] = [
    ("mute", &[], true),
    ("torn_out", &["bytes"], true),
    ("loses_contact", &["writes"], false),
    ("short_answer", &["bytes"], true),
    ("wrong_status", &["status"], true),
    ("slow", &["delay_millis"], true),
    ("atr", &["bytes"], false),
    ("memory_full", &[], true),
    ("worn_cell", &["cell"], true),
];

/// The names of the cells.
const CELLS: [(&str, Cell); 11] = [
    ("presentations_max", Cell::PresentationsMax),
    ("try_counter", Cell::TryCounter),
    ("format_pin", Cell::FormatPin),
    ("changed_pin", Cell::ChangedPin),
    ("card_type", Cell::CardType),
    ("lock1", Cell::Lock1),
    ("lock2", Cell::Lock2),
    ("label_len", Cell::LabelLen),
    ("label", Cell::Label),
    ("shadow_len", Cell::ShadowLen),
    ("shadow", Cell::Shadow),
];

impl Faults {
    /// Reads the text form. Every key and number is checked; an unknown kind, key or version is refused.
    pub fn from_text(text: &str) -> Result<Self, InvalidFaults> {
        let text = Text::parse(text, "the faults of a card")?;
        let fields = text.fields();
        fields.number("version", VERSION..=VERSION)?;
        fields.expect_keys(&["version", "fault"], "`version` or `[[fault]]`")?;
        let faults = fields.tables("fault", FAULTS_MAX)?;
        Ok(Self(faults.iter().map(fault).collect::<Result<_, _>>()?))
    }
}

fn fault(fields: &Fields<'_>) -> Result<Fault, InvalidText> {
    let (kind, own_keys, has_command) = one_of(fields, "kind", KINDS.map(|kind| (kind.0, kind)))?;
    let mut keys = vec!["kind"];
    keys.extend(own_keys);
    keys.extend(has_command.then_some("at"));
    fields.expect_keys(&keys, &format!("a key of a fault `{kind}`"))?;
    let at = if fields.has("at") {
        Some(fields.number("at", AT)?)
    } else {
        None
    };
    let kind = match kind {
        "mute" => FaultKind::Mute,
        "torn_out" => FaultKind::TornOut {
            bytes: fields.number("bytes", 0..=u16::MAX)?,
        },
        "loses_contact" => FaultKind::LosesContact {
            writes: fields.number("writes", WRITES)?,
        },
        "short_answer" => FaultKind::ShortAnswer {
            bytes: fields.number("bytes", 0..=257)?,
        },
        "wrong_status" => FaultKind::WrongStatus {
            status: StatusWord::from(fields.array::<2>("status")?),
        },
        "slow" => {
            let max = u64::try_from(DELAY_MAX.as_millis()).expect("an hour has few milliseconds");
            FaultKind::Slow {
                delay: Duration::from_millis(fields.number("delay_millis", 1..=max)?),
            }
        }
        "atr" => FaultKind::Atr {
            bytes: fields.bytes("bytes", 0..=ATR_BYTES_MAX)?,
        },
        "memory_full" => FaultKind::MemoryFull,
        _ => FaultKind::WornCell {
            cell: one_of(fields, "cell", CELLS)?,
        },
    };
    Ok(Fault { kind, at })
}

fn one_of<T: Copy, const N: usize>(
    fields: &Fields<'_>,
    key: &str,
    known: [(&str, T); N],
) -> Result<T, InvalidText> {
    let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
    let expected = format!("`{key}` as one of {}", names.join(", "));
    let string = fields.string(key, &expected)?;
    let found = known.into_iter().find(|(name, _)| *name == string);
    found
        .map(|(_, value)| value)
        .ok_or_else(|| fields.wrong(key, &expected, &format!("`{string}`")))
}

/// A text that is no list of faults. Says where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFaults(InvalidText);

impl InvalidFaults {
    /// Counted from 1.
    pub const fn line(&self) -> usize {
        self.0.line
    }

    /// Characters from the begin of the line, counted from 1.
    pub const fn column(&self) -> usize {
        self.0.column
    }
}

impl From<InvalidText> for InvalidFaults {
    fn from(invalid: InvalidText) -> Self {
        Self(invalid)
    }
}

impl fmt::Display for InvalidFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read faults of a card, {}", self.0)
    }
}

impl core::error::Error for InvalidFaults {}
