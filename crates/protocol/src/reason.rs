//! Why a session was denied, why it ends, why a custodian process starts again: names on the wire, and a sentence
//! each for the person who reads it.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $sentence:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $(#[doc = $sentence] $variant),+ }

        impl $name {
            /// Every reason, in the order of the protocol page.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// One sentence for the person at the other end.
            pub const fn sentence(self) -> &'static str { match self { $(Self::$variant => $sentence),+ } }

            /// The name on the wire.
            pub fn name(self) -> String {
                match serde_json::to_value(self) {
                    Ok(serde_json::Value::String(name)) => name,
                    other => unreachable!("a unit variant serializes as a string, not {other:?}"),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.name()) }
        }
    };
}

reasons! {
    /// Why a newcomer does not become the manager: `session.denied`.
    DeniedReason {
        Busy "another manager is connected",
        NotArmed "remote management is not enabled at the local console",
        ShuttingDown "the device is shutting down",
    }
}

reasons! {
    /// Why the device ends a session: `session.closing`.
    ClosingReason {
        Inactivity "no line came for two minutes",
        Preempted "somebody is at the local console, which has priority",
        Disarmed "remote management was disabled at the local console",
        Restart "the device restarts",
        PowerOff "the device is switched off",
        FactoryReset "the device returns to factory mode",
        ModeChanged "the operating mode changes",
        Slow "too much output is waiting for this manager",
        ProtocolError "the manager broke the protocol",
    }
}

reasons! {
    /// Why the cards accepted so far no longer count: `ceremony.reset`.
    CeremonyResetReason {
        Interval "more than two minutes passed between two custodians",
        Preempted "somebody is at the local console, which has priority",
        Disarmed "remote management was disabled at the local console",
        SvmkMismatch "the set rebuilds another Server Master Key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_are_those_of_the_protocol_page() {
        let denied: Vec<_> = DeniedReason::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(denied, ["busy", "not_armed", "shutting_down"]);
        let closing: Vec<_> = ClosingReason::ALL.iter().map(ToString::to_string).collect();
        let page = [
            "inactivity",
            "preempted",
            "disarmed",
            "restart",
            "power_off",
            "factory_reset",
            "mode_changed",
            "slow",
            "protocol_error",
        ];
        assert_eq!(closing, page);
        let reset: Vec<_> = CeremonyResetReason::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(reset, ["interval", "preempted", "disarmed", "svmk_mismatch"]);
    }
}
