//! The command line of `hsm-emulator`: what is asked for, and the exit code. Does nothing itself.

mod bench;
mod demo;
mod log;
mod run;
mod state;

use std::{ffi::OsString, fs, path::PathBuf};

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use program::{ExitCode, LogFormat, Problem, data, end, end_unparsed};

/// A software HSM with its remote management: a test device that protects nothing
#[derive(Debug, Parser)]
#[command(name = "hsm-emulator", version = program::VERSION, after_help = exit_codes())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Switch a device on and serve its management port until a signal ends the program
    ///
    /// A device that was switched on when the program ended starts by itself. One that was switched off is switched on,
    /// as if the start of the program were the hand at its power button.
    Run(Box<run::RunArgs>),
    /// Make a device that is ready for remote management, and the cards of its custodians
    Demo(demo::DemoArgs),
    /// Do to a running device what a hand does: keys, cards, power, time
    Bench(bench::BenchArgs),
    /// Print the log of a device
    Log(log::LogArgs),
    /// Show, export or import what is kept of a device that does not run
    State(state::StateArgs),
    /// Print a script that completes commands and options
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the manual page, or write one for each command
    Man {
        /// Write a page for each command into this folder
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
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
        Command::Run(args) => {
            format = args.log_format();
            run::run(*args)
        }
        Command::Demo(args) => demo::demo(&args),
        Command::Bench(args) => bench::bench(args),
        Command::Log(args) => log::log(&args),
        Command::State(args) => state::state(&args),
        Command::Completions { shell } => data(program::completions(Cli::command(), shell)),
        Command::Man { dir } => man(dir),
    };
    end(done, format)
}

fn man(dir: Option<PathBuf>) -> Result<(), Problem> {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        return data(page);
    };
    fs::create_dir_all(&dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &dir))
        .map_err(|error| Problem::io("write manual pages into", &dir, &error))
}

fn exit_codes() -> String {
    ExitCode::help(&[
        ExitCode::Passed,
        ExitCode::Usage,
        ExitCode::InputOutput,
        ExitCode::WrongState,
        ExitCode::InUse,
        ExitCode::Network,
        ExitCode::Refused,
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
