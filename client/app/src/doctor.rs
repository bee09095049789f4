//! `hsm-client doctor`: looks at settings, reader, card and device in this order, and says of each what is wrong and what to
//! do about it. Changes nothing and presents no PIN.

use std::time::{SystemTime, UNIX_EPOCH};

use program::ExitCode;
use protocol::Info;

use crate::{
    card,
    outcome::{Outcome, Words},
    reader::Slot,
};

/// Seconds by which the clocks of device and station may differ without a word.
pub(crate) const CLOCK_SKEW_SECS_MAX: u64 = 60;

/// What was found about one thing.
#[derive(Debug)]
pub(crate) struct Finding {
    /// `settings`, `reader`, `card`, `device` or `clock`.
    pub(crate) check: &'static str,
    pub(crate) message: String,
    /// What is wrong and what to do about it; `None` is that nothing is.
    pub(crate) problem: Option<Remedy>,
}

#[derive(Debug)]
pub(crate) struct Remedy {
    pub(crate) hint: String,
    pub(crate) exit_code: ExitCode,
}

impl Finding {
    pub(crate) fn good(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            message: message.into(),
            problem: None,
        }
    }

    fn bad(
        check: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
        exit_code: ExitCode,
    ) -> Self {
        Self {
            check,
            message: message.into(),
            problem: Some(Remedy {
                hint: hint.into(),
                exit_code,
            }),
        }
    }

    /// Of what went wrong elsewhere.
    pub(crate) fn of_failure(check: &'static str, outcome: &Outcome) -> Self {
        let exit_code = outcome.exit_code();
        match outcome.words() {
            Words::Data(text) => Self::good(check, text.trim_end()),
            Words::Problem(message, hint) => {
                let hint = hint.unwrap_or_else(|| remedy(outcome).into());
                Self::bad(check, message, hint, exit_code)
            }
        }
    }
}

/// What to do about outcomes that have no word for it themselves.
fn remedy(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Denied { reason, .. } => match reason {
            protocol::DeniedReason::Busy => "wait until the other manager has left, or use `auth --wait`",
            protocol::DeniedReason::NotArmed => {
                "choose Remote Management at the local console of the device first"
            }
            protocol::DeniedReason::ShuttingDown => "wait until the device is up again",
        },
        Outcome::SessionEnded { .. } => "connect again; if it stays so, look at the device and the network",
        Outcome::TimedOut { .. } => "give it more time with `--timeout`",
        _ => "see docs/client.md, Outcomes",
    }
}

/// Looks at the reader and the card in it.
pub(crate) fn look_at_card(slot: Result<Slot, Outcome>) -> Vec<Finding> {
    let mut slot = match slot {
        Ok(slot) => slot,
        Err(Outcome::Usage { .. }) => {
            return vec![Finding::good(
                "reader",
                "none is named: `--reader` or `--card` says which to look at",
            )];
        }
        Err(why) => return vec![Finding::of_failure("reader", &why)],
    };
    let mut findings = vec![Finding::good("reader", format!("`{}` is there", slot.name()))];
    findings.push(match card::inspect(&mut slot) {
        Ok(inspection) if inspection.status.is_blocked => Finding::bad(
            "card",
            format!("card {} is blocked for ever", inspection.csn),
            "use another card of the set",
            ExitCode::Card,
        ),
        Ok(inspection) if inspection.status.shadow_len == 0 => Finding::bad(
            "card",
            format!("card {} holds no shadow", inspection.csn),
            "use a card of a set",
            ExitCode::Card,
        ),
        Ok(inspection) => Finding::good(
            "card",
            format!("card {}, {} tries left", inspection.csn, inspection.tries_left()),
        ),
        Err(fault) => {
            let (what, hint) = fault.words();
            Finding::bad("card", what, hint, ExitCode::Card)
        }
    });
    findings
}

/// Looks at what the device said of itself.
pub(crate) fn look_at_device(asked: &Outcome) -> Vec<Finding> {
    let Outcome::Info(info) = asked else {
        return vec![Finding::of_failure("device", asked)];
    };
    let secs = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    vec![
        Finding::good(
            "device",
            format!(
                "{} {} answers, firmware {}",
                info.model, info.serial, info.firmware
            ),
        ),
        look_at_clock(info, secs),
    ]
}

fn look_at_clock(info: &Info, here_secs: u64) -> Finding {
    let Some(there_secs) = unix_secs(&info.date_time) else {
        return Finding::bad(
            "clock",
            format!(
                "read the device's date and time: expected `yyyy/mm/dd HH:MM:SS`, got `{}`",
                info.date_time
            ),
            "set the clock at the local console of the device",
            ExitCode::Refused,
        );
    };
    let skew = here_secs.abs_diff(there_secs);
    if skew > CLOCK_SKEW_SECS_MAX {
        return Finding::bad(
            "clock",
            format!("the clocks of device and station differ by {skew} s"),
            "set the clock that is wrong; no limit of a session depends on it, but the logs do",
            ExitCode::Refused,
        );
    }
    Finding::good("clock", format!("device and station differ by {skew} s"))
}

/// `yyyy/mm/dd HH:MM:SS` in UTC as seconds since 1970.
fn unix_secs(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.split('/').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hours, minutes, seconds) = (time.next()??, time.next()??, time.next()??);
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    // Days since 1 March of year 0, by years that begin in March; then the days before 1970 are taken away.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hours * 3_600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_seconds_since_1970() {
        // `date -u -d '2026/01/01 00:01:23' +%s` and so on.
        for (text, secs) in [
            ("1970/01/01 00:00:00", Some(0)),
            ("2000/02/29 12:00:00", Some(951_825_600)),
            ("2026/01/01 00:01:23", Some(1_767_225_683)),
            ("2100/03/01 00:00:00", Some(4_107_542_400)),
            ("2026/13/01 00:00:00", None),
            ("2026/01/01", None),
            ("", None),
        ] {
            assert_eq!(unix_secs(text), secs, "{text}");
        }
    }
}
