//! Calendar time in UTC, for log lines and screens. Never used to measure a limit.

use core::fmt;

/// Milliseconds since 1970-01-01 00:00:00 UTC. Prints as `yyyy/mm/dd HH:MM:SS`, the form of the device's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallClock(i64);

impl WallClock {
    /// The calendar time `millis` milliseconds after the Unix epoch; negative before it.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_unix_millis(self) -> i64 {
        self.0
    }

    /// The calendar time that prints as `text`; none if nothing does.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = [0_i64; 6];
        let mut parts = text.split(['/', ' ', ':']);
        for number in &mut numbers {
            let part = parts.next()?;
            // No part of a time has more than the four digits of its year.
            if !(1..=4).contains(&part.len()) || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            *number = part.parse().ok()?;
        }
        let [year, month, day, hour, minute, second] = numbers;
        if !(0..=9999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        // As in `date`: years begin in March.
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let era = shifted_year.div_euclid(400);
        let year_of_era = shifted_year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        let parsed = Self((days * 86_400 + hour * 3600 + minute * 60 + second) * 1000);
        // A 30th of February, a 25th hour and a separator too many print as something else.
        (parsed.to_string() == text).then_some(parsed)
    }

    /// Year, month 1..=12, day 1..=31 of the proleptic Gregorian calendar.
    fn date(self) -> (i64, i64, i64) {
        // Days are counted from 0000-03-01, so that the leap day is the last of its year.
        let days = self.0.div_euclid(86_400_000) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }
}

impl fmt::Display for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let seconds = self.0.div_euclid(1000).rem_euclid(86_400);
        write!(
            f,
            "{year:04}/{month:02}/{day:02} {:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_calendar() {
        // The pairs are `date -u -d @N '+%Y/%m/%d %H:%M:%S'`.
        for (unix_seconds, printed) in [
            (0, "1970/01/01 00:00:00"),
            (-1, "1969/12/31 23:59:59"),
            (951_782_400, "2000/02/29 00:00:00"),
            (1_795_392_000, "2026/11/23 00:00:00"),
            (4_107_542_399, "2100/02/28 23:59:59"),
            (4_107_542_400, "2100/03/01 00:00:00"),
        ] {
            assert_eq!(
                WallClock::from_unix_millis(unix_seconds * 1000).to_string(),
                printed
            );
            assert_eq!(
                WallClock::parse(printed),
                Some(WallClock::from_unix_millis(unix_seconds * 1000))
            );
        }
    }

    #[test]
    fn what_is_no_time_of_the_calendar_is_not_parsed() {
        for text in [
            "",
            "2026/11/23",
            "2026/11/23 00:00:00 ",
            "2026-11-23 00:00:00",
            "2026/11/23 24:00:00",
            "2026/11/23 00:60:00",
            "2026/02/29 00:00:00",
            "2026/00/10 00:00:00",
            "2026/13/10 00:00:00",
            "2026/1/1 0:0:0",
            "12026/11/23 00:00:00",
            "-026/11/23 00:00:00",
            "2026/11/99999999999999999999 00:00:00",
            "2026/11/23 9223372036854775807:00:00",
            "2026/11/9223372036854775807 00:00:00",
        ] {
            assert_eq!(WallClock::parse(text), None, "{text:?}");
        }
    }
}
