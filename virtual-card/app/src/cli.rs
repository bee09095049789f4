//! The command line of `virtual-card`: what is asked for, and the exit code. Does nothing itself.

mod apdu;
mod control;
mod inspect;
mod new;
mod vicc;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use program::{ExitCode, LogFormat, Problem, data, end, end_unparsed};

use crate::control::Move;
pub use inspect::inspection_to_json;

/// Smart cards in files, for the readers of other programs: test material that protects nothing
#[derive(Debug, Parser)]
#[command(name = "virtual-card", version = program::VERSION, after_help = exit_codes())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a card, and print its serial number
    New(new::NewArgs),
    /// Show what a card tells anybody of itself
    Inspect(inspect::InspectArgs),
    /// Put cards into the slots of a virtual reader, and keep them there until a signal ends the program
    Vicc(vicc::ViccArgs),
    /// Put a card that `virtual-card vicc` holds back into its reader
    Insert(control::ControlArgs),
    /// Take a card that `virtual-card vicc` holds out of its reader
    Remove(control::ControlArgs),
    /// Send commands to a card, and show each answer
    Apdu(apdu::ApduArgs),
    /// Print a script that completes commands and options
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print a manual page
    Man {
        /// The command it is about, instead of all
        command: Option<String>,
    },
}

/// Does what the arguments ask for, the first of them being the program's name.
pub fn execute(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return end_unparsed(&error),
    };
    let mut format = LogFormat::Text;
    let done = match cli.command {
        Command::New(args) => new::new(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Vicc(args) => {
            format = args.log_format();
            vicc::vicc(&args)
        }
        Command::Insert(args) => control::control(&args, Move::Insert),
        Command::Remove(args) => control::control(&args, Move::Remove),
        Command::Apdu(args) => apdu::apdu(&args),
        Command::Completions { shell } => data(program::completions(Cli::command(), shell)),
        Command::Man { command } => man(command.as_deref()),
    };
    end(done, format)
}

fn man(command: Option<&str>) -> Result<(), Problem> {
    let page = program::manual(Cli::command(), command).ok_or_else(|| {
        Problem::new(ExitCode::Usage, "find manual page: there is no such command")
            .hint("`virtual-card --help` lists them")
    })?;
    data(page)
}

fn exit_codes() -> String {
    ExitCode::help(&[
        ExitCode::Passed,
        ExitCode::Usage,
        ExitCode::InputOutput,
        ExitCode::WrongState,
        ExitCode::InUse,
        ExitCode::Network,
        ExitCode::Card,
        ExitCode::GivenUp,
        ExitCode::Internal,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }
}
