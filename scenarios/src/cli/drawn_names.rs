//! The names that devices draw for sets of cards, called by the order in which somebody saw them: two lanes draw other
//! names, and the same sets. Knows no other name.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};

use crate::lane::Seen;

/// The sets of one scenario in one lane.
#[derive(Default)]
pub(super) struct DrawnNames(BTreeMap<String, usize>);

impl DrawnNames {
    /// The same with each set called by its number, 1 being the first that was seen.
    pub(super) fn numbered(&mut self, seen: &Seen) -> Seen {
        let mut all = |rows: &[String]| rows.iter().map(|row| self.number(row)).collect();
        Seen {
            log: all(&seen.log),
            screen: all(&seen.screen),
        }
    }

    fn number(&mut self, text: &str) -> String {
        static NAME: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"\bset ([0-9A-F]{8}-[0-9A-F]{8})\b").expect("the expression is one")
        });
        let call = |found: &Captures<'_>| {
            let next = self.0.len() + 1;
            let number = self.0.entry(found[1].to_owned()).or_insert(next);
            format!("set no. {number}")
        };
        NAME.replace_all(text, call).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(rows: &[&str]) -> Vec<String> {
        let log = rows.iter().map(|&row| row.to_owned()).collect();
        DrawnNames::default().numbered(&Seen::new(log, "")).log
    }

    #[test]
    fn the_same_sets_under_other_names_are_the_same() {
        let one = numbered(&[
            "card 1 of set 618657F3-B331E318",
            "2-of-2 set 618657F3-B331E318 INVALID",
        ]);
        let other = numbered(&[
            "card 1 of set 7325CFD2-ACEF51A7",
            "2-of-2 set 7325CFD2-ACEF51A7 INVALID",
        ]);
        assert_eq!(one, other);
        assert_eq!(one, ["card 1 of set no. 1", "2-of-2 set no. 1 INVALID"]);
    }

    #[test]
    fn another_set_is_another_one() {
        let one = numbered(&["set 618657F3-B331E318", "set 618657F3-B331E318"]);
        let other = numbered(&["set 7325CFD2-ACEF51A7", "set F190D833-381CFC48"]);
        assert_ne!(one, other);
        assert_eq!(
            numbered(&["serial 15C000E3-A8171006"]),
            ["serial 15C000E3-A8171006"]
        );
    }
}
