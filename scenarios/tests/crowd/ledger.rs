//! What a device has acknowledged, and so must still know after any end. Reads its log and what its managers were told.

use std::collections::BTreeSet;

/// Why a start says that the device was down, if nothing else was written.
const CUT: &str = "power was off";

/// What the next start must find.
pub(crate) struct Ledger {
    /// Whether remote management is enabled; `None` between a key and its effect.
    pub(crate) enabled: Option<bool>,
    /// What an operation that was answered owes the next start.
    owed: Option<&'static str>,
    /// What a start may say: an operation that was cut off may have been written or not.
    possible: BTreeSet<&'static str>,
    /// Cards that were told to have a wrong PIN.
    pub(crate) wrong_pins_told: u32,
    /// Starts that were told.
    pub(crate) starts: usize,
    /// How often the port was said to be open.
    pub(crate) openings: usize,
    /// How often remote management was said to be disabled.
    pub(crate) disablings: usize,
    /// How many acknowledgements were held against the state after an end.
    pub(crate) checked: u32,
}

impl Ledger {
    /// Of a folder that `hsm-emulator demo` has just made.
    pub(crate) fn of_demo() -> Self {
        Self {
            enabled: Some(true),
            owed: Some("remote restart"),
            possible: BTreeSet::from(["remote restart"]),
            wrong_pins_told: 0,
            starts: 0,
            openings: 0,
            disablings: 0,
            checked: 0,
        }
    }

    /// Somebody asks for an operation after which a start says `after`.
    pub(crate) fn on_asked(&mut self, after: &'static str) {
        self.possible.insert(after);
    }

    /// The operation was answered. A start that has been told already has settled it.
    pub(crate) fn on_answered(&mut self, after: &'static str, starts_before: usize) {
        if self.starts == starts_before {
            self.owed = Some(after);
        } else {
            self.checked += 1;
        }
    }

    /// A line of the device's log.
    pub(crate) fn on_log(&mut self, line: &str) {
        if let Some((_, after)) = line.split_once("device started after ") {
            self.on_started(after);
        } else if line.contains("|remote management enabled") {
            self.enabled = Some(true);
        } else if line.contains("|remote management disabled by") {
            self.enabled = Some(false);
            self.disablings += 1;
        } else if line.contains("refused, pin_wrong") {
            self.wrong_pins_told += 1;
        } else if line.contains("management on ") {
            self.openings += 1;
        }
    }

    fn on_started(&mut self, after: &str) {
        self.starts += 1;
        if let Some(owed) = self.owed.take() {
            assert_eq!(after, owed, "an operation that was answered is lost");
            self.checked += 1;
        }
        let known = self.possible.iter().copied().find(|possible| *possible == after);
        assert!(
            known.is_some() || after == CUT,
            "a start after {after}, and nobody asked for that"
        );
        // The start itself may be cut off before it has written that it was told.
        self.possible = known.into_iter().collect();
    }

    /// The port after a start, with nobody at the console yet.
    pub(crate) fn check_port(&mut self, is_open: bool) {
        if let Some(enabled) = self.enabled {
            //= RM-21
            assert_eq!(
                is_open, enabled,
                "remote management is not as it was acknowledged"
            );
            self.checked += 1;
        }
        self.enabled = Some(is_open);
    }
}
