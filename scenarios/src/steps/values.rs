//! What can stand in a step: people, spans of time, addresses, reasons. Each is read once, here, and trusted after.

use std::{net::IpAddr, time::Duration};

use hsm_core::{Key, Model, Profile, Scheme};
use protocol::{CeremonyResetReason, ClosingReason, DeniedReason, ErrorName, Method};

use super::{Args, Steps};
use crate::{
    step::ParameterType,
    world::{Hand, Manner},
};

/// The value of an argument that is neither a number nor a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `{person}`
    Person(String),
    /// `{people}`
    People(Vec<String>),
    /// `{duration}`
    Duration(Duration),
    /// `{address}`
    Address(IpAddr),
    /// `{scheme}`
    Scheme(Scheme),
    /// `{model}`
    Model(Box<Profile>),
    /// `{key}`
    Key(Key),
    /// `{reading}` and `{operation}`
    Act(Method),
    /// `{refusal}`
    Refusal(ErrorName),
    /// `{denial}`
    Denial(DeniedReason),
    /// `{closing}`
    Closing(ClosingReason),
    /// `{reset}`
    Reset(CeremonyResetReason),
    /// `{hand}`
    #[allow(private_interfaces, reason = "steps are made here and nowhere else")]
    Hand(Hand),
    /// `{manner}`
    #[allow(private_interfaces, reason = "steps are made here and nowhere else")]
    Manner(Manner),
}

macro_rules! accessors {
    ($($name:ident: $variant:ident -> $type:ty;)+) => {
        impl Args {
            $(pub(crate) fn $name(&self, index: usize) -> &$type {
                match self.value(index) {
                    Value::$variant(value) => value,
                    other => panic!("the expression has another kind of value at {index}: {other:?}"),
                }
            })+
        }
    };
}

accessors! {
    person: Person -> str;
    people: People -> [String];
    duration: Duration -> Duration;
    address: Address -> IpAddr;
    scheme: Scheme -> Scheme;
    model: Model -> Profile;
    key: Key -> Key;
    act: Act -> Method;
    refusal: Refusal -> ErrorName;
    denial: Denial -> DeniedReason;
    closing: Closing -> ClosingReason;
    reset: Reset -> CeremonyResetReason;
    hand: Hand -> Hand;
    manner: Manner -> Manner;
}

const HANDS: &[(&str, Hand)] = &[
    ("presses Enter", Hand::Key(Key::Enter)),
    ("presses a letter", Hand::Key(Key::Char('x'))),
    ("presses Esc", Hand::Key(Key::Esc)),
    ("puts a card into the local reader", Hand::InsertsCard),
    ("takes a card out of the local reader", Hand::RemovesCard),
    ("presses the power button", Hand::PressesPowerButton),
    ("cuts the power", Hand::CutsPower),
];

const READINGS: &[(&str, Method)] = &[
    ("the header", Method::Header),
    ("the information", Method::Info),
    ("the network settings", Method::Network),
    ("the address of the HTTP console", Method::HttpConsoleUrl),
];

const OPERATIONS: &[(&str, Method)] = &[
    ("stop the service", Method::StopService),
    ("start the service", Method::StartService),
    ("restart", Method::Restart),
    ("switch off", Method::PowerOff),
    ("unlock the user master", Method::UnlockMaster),
    ("synchronize", Method::LiveSync),
    ("return to factory mode", Method::FactoryReset),
    ("change the operating mode", Method::SetMode),
];

const MANNERS: &[(&str, Manner)] = &[
    ("polite", Manner::Polite),
    ("silent", Manner::Silent),
    ("slow", Manner::Slow),
    ("garbage", Manner::Garbage),
    ("half-open", Manner::Stopping),
    ("browser", Manner::PlainHttp),
    ("client-session", Manner::ClientSession),
    ("TLS-1.1", Manner::OldTls),
    ("CBC-only", Manner::NoAead),
    ("unknown-ALPN", Manner::UnknownAlpn),
];

pub(super) fn register(steps: &mut Steps) {
    let mut add = |name, regex, description, check| {
        steps.parameter(ParameterType {
            name,
            regex,
            description,
            check,
        });
    };
    add(
        "person",
        "[A-Z][a-z]{1,15}",
        "a first name, such as `Ana`",
        |text| Ok(Value::Person(text.into())),
    );
    add(
        "people",
        "[A-Z][a-z]{1,15}(?:, [A-Z][a-z]{1,15})*(?: and [A-Z][a-z]{1,15})?",
        "first names, such as `Ana, Bruno and Carla`",
        |text| {
            Ok(Value::People(
                text.replace(" and ", ", ")
                    .split(", ")
                    .map(str::to_owned)
                    .collect(),
            ))
        },
    );
    add(
        "duration",
        r"[0-9.]+ (?:ms|s|minutes?|hours?|days?)",
        "a span of time, such as `119.999 s` or `2 minutes`",
        duration,
    );
    add("address", "[0-9a-f:.]{2,45}", "an IPv4 or IPv6 address", |text| {
        text.parse()
            .map(Value::Address)
            .map_err(|_| format!("expected an IPv4 or IPv6 address, got `{text}`"))
    });
    add("scheme", "[0-9]+-of-[0-9]+", "M of N, such as `2-of-3`", scheme);
    add("model", "[A-Z][A-Za-z]+", "`CD`, `XP` or `ST`", |text| {
        let model = Model::ALL.into_iter().find(|model| model.name() == text);
        let profile = model.map(Profile::of);
        profile
            .map(|profile| Value::Model(Box::new(profile)))
            .ok_or_else(|| format!("expected `CD`, `XP` or `ST`, got `{text}`"))
    });
    add(
        "key",
        "[A-Z][A-Za-z0-9]*|`[^`]`",
        "a key, such as `Enter`, `Esc`, `F5` or a character in backquotes",
        key,
    );
    add(
        "hand",
        // Written out, so that a longer sentence that begins the same way is another step.
        "presses Enter|presses a letter|presses Esc|puts a card into the local reader|takes a card out of the local reader|presses the power button|cuts the power",
        "what somebody does to the HSM, such as `presses Enter`",
        |text| one_of(HANDS, text).map(Value::Hand),
    );
    add(
        "reading",
        "the [a-zA-Z ]+",
        "what anyone may read, such as `the header`",
        |text| one_of(READINGS, text).map(Value::Act),
    );
    add(
        "operation",
        "[a-z]+(?: [a-z]+)*",
        "an operation, such as `restart`",
        |text| one_of(OPERATIONS, text).map(Value::Act),
    );
    add(
        "manner",
        "[A-Za-z0-9.-]+",
        "how a newcomer behaves, such as `silent`",
        |text| one_of(MANNERS, text).map(Value::Manner),
    );
    add(
        "refusal",
        "[a-z]+(?:_[a-z]+)+",
        "the name of an error, such as `pin_wrong`",
        |text| {
            ErrorName::from_name(text)
                .map(Value::Refusal)
                .ok_or_else(|| format!("there is no error `{text}`"))
        },
    );
    add("denial", "[a-z_]+", "a reason of `session.denied`", |text| {
        reason(DeniedReason::ALL, text).map(Value::Denial)
    });
    add("closing", "[a-z_]+", "a reason of `session.closing`", |text| {
        reason(ClosingReason::ALL, text).map(Value::Closing)
    });
    add("reset", "[a-z_]+", "a reason of `ceremony.reset`", |text| {
        reason(CeremonyResetReason::ALL, text).map(Value::Reset)
    });
}

fn one_of<T: Copy>(words: &[(&str, T)], text: &str) -> Result<T, String> {
    let found = words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value);
    found.ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        format!("expected one of {}, got `{text}`", known.join(", "))
    })
}

fn reason<T: Copy + ToString>(all: &[T], text: &str) -> Result<T, String> {
    let found = all.iter().copied().find(|reason| reason.to_string() == text);
    found.ok_or_else(|| {
        let known: Vec<_> = all
            .iter()
            .map(|reason| format!("`{}`", reason.to_string()))
            .collect();
        format!("expected one of {}, got `{text}`", known.join(", "))
    })
}

/// A decimal number with a unit, exact to the microsecond.
fn duration(text: &str) -> Result<Value, String> {
    let wrong = || format!("expected a span of time such as `119.999 s`, got `{text}`");
    let (number, unit) = text.split_once(' ').ok_or_else(wrong)?;
    let micros_per_unit: u64 = match unit {
        "ms" => 1_000,
        "s" => 1_000_000,
        "minute" | "minutes" => 60_000_000,
        "hour" | "hours" => 3_600_000_000,
        "day" | "days" => 86_400_000_000,
        _ => return Err(wrong()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all_digits = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 || number.ends_with('.') {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let scale = 10_u64.pow(u32::try_from(fraction.len()).map_err(|_| wrong())?);
    let fraction: u64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().map_err(|_| wrong())?
    };
    let fraction = fraction.checked_mul(micros_per_unit).ok_or_else(wrong)?;
    if fraction % scale != 0 {
        return Err(format!("expected a span of whole microseconds, got `{text}`"));
    }
    let whole = whole.checked_mul(micros_per_unit).ok_or_else(wrong)?;
    let micros = whole.checked_add(fraction / scale).ok_or_else(wrong)?;
    Ok(Value::Duration(Duration::from_micros(micros)))
}

fn scheme(text: &str) -> Result<Value, String> {
    let wrong = || {
        format!(
            "expected M-of-N with 2 ≤ M ≤ N ≤ {}, got `{text}`",
            hsm_core::CARDS_MAX
        )
    };
    let (required, cards) = text.split_once("-of-").ok_or_else(wrong)?;
    let required = required.parse().map_err(|_| wrong())?;
    let cards = cards.parse().map_err(|_| wrong())?;
    Scheme::new(required, cards).map(Value::Scheme).ok_or_else(wrong)
}

fn key(text: &str) -> Result<Value, String> {
    let key = match text {
        "Enter" => Key::Enter,
        "Esc" => Key::Esc,
        "Tab" => Key::Tab,
        "Up" => Key::Up,
        "Down" => Key::Down,
        "Left" => Key::Left,
        "Right" => Key::Right,
        "Backspace" => Key::Backspace,
        _ => {
            let character = text
                .strip_prefix('`')
                .and_then(|rest| rest.strip_suffix('`'))
                .and_then(|c| c.parse().ok());
            let function = text
                .strip_prefix('F')
                .and_then(|number| number.parse().ok())
                .filter(|n| (1..=12).contains(n));
            character
                .map(Key::Char)
                .or(function.map(Key::Function))
                .ok_or_else(|| format!("expected a key such as `Enter`, `Esc` or `F5`, got `{text}`"))?
        }
    };
    Ok(Value::Key(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_exact() {
        let micros = |text| match duration(text) {
            Ok(Value::Duration(span)) => Some(span.as_micros()),
            _ => None,
        };
        assert_eq!(micros("119.999 s"), Some(119_999_000));
        assert_eq!(micros("119.999999 s"), Some(119_999_999));
        assert_eq!(micros("1 ms"), Some(1_000));
        assert_eq!(micros("2 minutes"), Some(120_000_000));
        assert_eq!(micros("0.5 minutes"), Some(30_000_000));
        for wrong in [
            "0.0000001 s",
            "1. s",
            ".5 s",
            "1.2.3 s",
            "18446744073709551616 s",
            "1 fortnight",
        ] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }
}
