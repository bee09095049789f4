//! What the number means that a program ends with. One table for every program of the project; decides nothing.

use std::process;

/// How a program ended. `docs/exit-codes.md` holds the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitCode {
    /// All went as it should.
    Passed = 0,
    /// A scenario failed.
    Failed = 1,
    /// The program cannot start like this.
    Usage = 2,
    /// A scenario file is wrong.
    WrongFile = 3,
    /// Nothing to work on.
    NothingSelected = 4,
    /// The world of files did not play along.
    InputOutput = 5,
    /// What is on disk is not what it should be.
    WrongState = 6,
    /// Somebody else was first.
    InUse = 7,
    /// There is no way to the device.
    Network = 8,
    /// Another device than the trusted one.
    Trust = 9,
    /// The device let nobody in.
    Denied = 10,
    /// The device or the network ended the session.
    SessionEnded = 11,
    /// The device said no.
    Refused = 12,
    /// Card, reader or PIN.
    Card = 13,
    /// The person gave up, or time did.
    GivenUp = 14,
    /// Our own mistake.
    Internal = 70,
}

impl ExitCode {
    /// Every exit code.
    pub const ALL: [Self; 16] = [
        Self::Passed,
        Self::Failed,
        Self::Usage,
        Self::WrongFile,
        Self::NothingSelected,
        Self::InputOutput,
        Self::WrongState,
        Self::InUse,
        Self::Network,
        Self::Trust,
        Self::Denied,
        Self::SessionEnded,
        Self::Refused,
        Self::Card,
        Self::GivenUp,
        Self::Internal,
    ];

    /// What a program's help says of the codes that it ends with, a line each.
    pub fn help(codes: &[Self]) -> String {
        let lines = codes
            .iter()
            .map(|code| format!("\n  {:>2}  {}", code.code(), code.meaning()));
        std::iter::once("Exit codes:".to_owned()).chain(lines).collect()
    }

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Passed => "everything that was asked for went as it should",
            Self::Failed => "a scenario failed",
            Self::Usage => "wrong usage, or something is missing that must be there first",
            Self::WrongFile => {
                "a scenario file is wrong: it cannot be read as Gherkin, a step means nothing or more than one thing, \
                 or a tag names no requirement"
            }
            Self::NothingSelected => "a selection matched nothing",
            Self::InputOutput => "a file could not be read or written",
            Self::WrongState => {
                "a state folder or a card image is damaged, or of a version that is not known"
            }
            Self::InUse => "a state folder, a card image or an address is in use by another program",
            Self::Network => "the device, or the reader of a card, could not be reached",
            Self::Trust => "the device's certificate is not the trusted one",
            Self::Denied => "the device denied the session: busy, not armed, or shutting down",
            Self::SessionEnded => "the session ended before the work was done",
            Self::Refused => "the device refused: the name of the error is in the output",
            Self::Card => "the card, its PIN or the reader: the name of the error is in the output",
            Self::GivenUp => "the person gave up, or `--timeout` was over",
            Self::Internal => "internal error: a mistake in the program itself, please report it",
        }
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode;
    use std::fmt::Write as _;

    #[test]
    fn the_document_holds_this_table() {
        let mut table = String::from("| code | meaning |\n|---|---|\n");
        for code in ExitCode::ALL {
            writeln!(table, "| {} | {} |", code.code(), code.meaning()).expect("a String takes everything");
        }
        let document = include_str!("../../../docs/exit-codes.md");
        assert!(document.contains(&table), "docs/exit-codes.md must hold\n{table}");
    }
}
