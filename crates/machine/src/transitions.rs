//! States that are only names: a table of transitions that is also its own diagram. Holds no state of any device.

use core::fmt;

/// A transition that the table does not have. The machine that asked has a bug, or was told the impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTransition {
    /// The state it was in.
    pub state: &'static str,
    /// The transition that was asked for.
    pub event: &'static str,
}

impl fmt::Display for InvalidTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` has no transition from `{}`", self.event, self.state)
    }
}

impl core::error::Error for InvalidTransition {}

/// Makes an enum of states, one `on_*` method an event with a target for each state that it leaves, and the table's own matrix and Mermaid diagram.
///
/// ```
/// machine::transitions! {
///     /// A door.
///     pub enum Door { Open, Closed, Locked }
///     /// Somebody pushed.
///     on_close: Open => Closed;
///     /// Somebody pulled.
///     on_open: Closed => Open;
///     /// The key was turned: what was locked is open, what was not is locked.
///     on_turn_key: Open | Closed => Locked, Locked => Closed;
/// }
/// let mut door = Door::Open;
/// door.on_turn_key()?;
/// assert_eq!(door, Door::Locked);
/// assert_eq!(door.on_open().unwrap_err().to_string(), "`on_open` has no transition from `Locked`");
/// assert!(Door::diagram().contains("Closed --> Open: on_open"));
/// # Ok::<(), machine::InvalidTransition>(())
/// ```
#[macro_export]
macro_rules! transitions {
    (
        $(#[$enum_doc:meta])* $vis:vis enum $name:ident { $($(#[$state_doc:meta])* $state:ident),+ $(,)? }
        $($(#[$event_doc:meta])* $event:ident: $($($from:ident)|+ => $to:ident),+;)+
    ) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the table is the documentation of a state that is only a name")]
        $vis enum $name { $($(#[$state_doc])* $state),+ }

        impl $name {
            $(
                $(#[$event_doc])*
                $vis fn $event(&mut self) -> Result<(), $crate::InvalidTransition> {
                    match self {
                        $($(Self::$from)|+ => { *self = Self::$to; Ok(()) })+
                        #[allow(unreachable_patterns, reason = "a row may name every state")]
                        state => Err($crate::InvalidTransition { state: state.name(), event: stringify!($event) }),
                    }
                }
            )+

            /// The state's name, as in the table.
            $vis const fn name(self) -> &'static str {
                match self { $(Self::$state => stringify!($state)),+ }
            }

            /// The table as a Mermaid state diagram.
            #[allow(dead_code, reason = "drawn by the test that keeps the picture in the docs true")]
            $vis fn diagram() -> String {
                let mut drawn = String::from("stateDiagram-v2\n");
                $($(
                    for from in [$(stringify!($from)),+] {
                        drawn.push_str("    ");
                        drawn.push_str(from);
                        drawn.push_str(concat!(" --> ", stringify!($to), ": ", stringify!($event), "\n"));
                    }
                )+)+
                drawn
            }

            /// Every state × every event: the state it leads to, or `-`.
            #[allow(dead_code, reason = "drawn by the test that keeps the picture in the docs true")]
            $vis fn matrix() -> String {
                let mut drawn = String::new();
                for state in [$(Self::$state),+] {
                    $(
                        let mut next = state;
                        let cell = if next.$event().is_ok() { next.name() } else { "-" };
                        drawn.push_str(&format!("{:<14} {:<24} {cell}\n", state.name(), stringify!($event)));
                    )+
                }
                drawn
            }
        }
    };
}

#[cfg(test)]
mod tests {
    transitions! {
        /// Two states are enough to see every kind of cell.
        enum Lamp { Off, On }
        on_switch_on: Off => On;
        on_break: Off | On => Off;
    }

    #[test]
    fn the_matrix_names_every_pair() {
        insta::assert_snapshot!(Lamp::matrix(), @r"
        Off            on_switch_on             On
        Off            on_break                 Off
        On             on_switch_on             -
        On             on_break                 Off
        ");
        assert!(Lamp::diagram().ends_with("On --> Off: on_break\n"));
    }
}
