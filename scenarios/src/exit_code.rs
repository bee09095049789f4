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
    /// Our own mistake.
    Internal = 70,
}

impl ExitCode {
    /// Every exit code.
    pub const ALL: [Self; 7] = [
        Self::Passed,
        Self::Failed,
        Self::Usage,
        Self::WrongFile,
        Self::NothingSelected,
        Self::InputOutput,
        Self::Internal,
    ];

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
        let document = include_str!("../../docs/exit-codes.md");
        assert!(document.contains(&table), "docs/exit-codes.md must hold\n{table}");
    }
}
