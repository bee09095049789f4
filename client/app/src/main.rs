//! The management client `hsm-client`: reads its command line, runs one session, reports how it ended.

mod address;
mod cli;
mod drive;
mod errand;
mod known_hsms;
mod outcome;
mod pin;
mod screen;

use std::process;

use clap::{CommandFactory as _, Parser as _};
use program::{ExitCode, start_logging};
use tracing_subscriber::filter::LevelFilter;
use virtual_card::CardFile;

use crate::{
    cli::{CardArgs, Cli, Command, ConnectionArgs},
    drive::{Custodian, Identity, Job},
    errand::Goal,
    known_hsms::KnownHsms,
    outcome::Outcome,
    pin::PinSource,
    screen::Screen,
};

fn main() -> process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version were asked for; the rest is usage. A reader that went away is none of ours.
            let _ = error.print();
            let code = if error.use_stderr() {
                ExitCode::Usage
            } else {
                ExitCode::Passed
            };
            return code.into();
        }
    };
    let level = match cli.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    start_logging(cli.log_format.into(), level);
    let mut screen = Screen::new(cli.json);
    let outcome = execute(cli, &mut screen);
    let code = outcome.map_or(ExitCode::Passed, |outcome| {
        screen.report(&outcome);
        outcome.exit_code()
    });
    match screen.into_failure() {
        Some(why) => {
            screen::talk(&format!("error: write standard output: {why}"));
            ExitCode::InputOutput.into()
        }
        None => code.into(),
    }
}

/// Does what is asked for; `None` if what it printed is all there is to say.
fn execute(cli: Cli, screen: &mut Screen) -> Option<Outcome> {
    let connection = cli.connection;
    let session = match cli.command {
        Command::Status => session(connection, Goal::Status, None, screen),
        Command::Info => session(connection, Goal::Info, None, screen),
        Command::Network => session(connection, Goal::Network, None, screen),
        Command::Auth(card) => session(connection, Goal::Authenticate, Some(&card), screen),
        Command::Op { name, card } => session(connection, Goal::Operate(name), Some(&card), screen),
        Command::Trust { forget: false } => session(connection, Goal::Trust, None, screen),
        Command::Trust { forget: true } => forget(connection),
        Command::Completions { shell } => {
            screen.data(&program::completions(Cli::command(), shell));
            return None;
        }
        Command::Man { command } => match program::manual(Cli::command(), command.as_deref()) {
            Some(page) => {
                screen.data(&page);
                return None;
            }
            None => Err(Outcome::Usage {
                message: "there is no such command".into(),
                hint: "`hsm-client --help` lists them",
            }),
        },
    };
    Some(session.unwrap_or_else(|failure| failure))
}

/// Runs one session. What can fail on this side fails before the device hears of it.
fn session(
    args: ConnectionArgs,
    goal: Goal,
    card: Option<&CardArgs>,
    screen: &mut Screen,
) -> Result<Outcome, Outcome> {
    let custodian = card.map(open_card).transpose()?;
    let identity = match args.fingerprint {
        Some(fingerprint) => Identity::Pinned(fingerprint),
        None => Identity::Known(known_hsms(args.known_hsms)?),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| Outcome::Internal {
            message: format!("start the runtime: {why}"),
        })?;
    let outcome = runtime.block_on(drive::run(
        Job {
            hsm: args.hsm,
            source: args.source,
            identity,
            timeout: args.timeout,
            goal,
            custodian,
        },
        screen,
    ));
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    Ok(outcome)
}

fn open_card(args: &CardArgs) -> Result<Custodian, Outcome> {
    let card = CardFile::open(&args.card).map_err(|why| Outcome::of_card_file(&why))?;
    let pin = PinSource::open(args)?;
    Ok(Custodian { card, pin })
}

fn known_hsms(path: Option<std::path::PathBuf>) -> Result<KnownHsms, Outcome> {
    path.map(KnownHsms::at)
        .or_else(KnownHsms::of_user)
        .ok_or_else(|| Outcome::Usage {
            message: "find the known devices: neither `XDG_CONFIG_HOME` nor `HOME` is a folder".into(),
            hint: "use `--known-hsms` or `--fingerprint`",
        })
}

fn forget(args: ConnectionArgs) -> Result<Outcome, Outcome> {
    let known = known_hsms(args.known_hsms)?;
    let fingerprint = known.forget(&args.hsm).map_err(|why| drive::file(&why))?;
    Ok(Outcome::Forgotten {
        hsm: args.hsm,
        fingerprint,
    })
}
