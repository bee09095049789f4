//! The management client `hsm-client`: reads its command line, runs one session, reports how it ended.

mod address;
mod card;
mod cli;
mod config;
mod console;
mod doctor;
mod drive;
mod errand;
mod known_hsms;
mod link;
mod opener;
mod outcome;
mod password;
mod pin;
mod reader;
#[cfg(test)]
#[path = "../tests/schema/mod.rs"]
mod schema;
mod screen;
mod signals;
mod station;
mod terminal;
mod trace;

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process,
    time::{Duration, Instant},
};

use clap::{CommandFactory as _, Parser as _};
use program::{ExitCode, start_logging};
use protocol::{DeniedReason, ManagerRequest, OperatingMode};
use tokio::runtime::Runtime;
use tracing_subscriber::filter::LevelFilter;

use crate::{
    card::CardFault,
    cli::{
        CardArgs, CardCommand, Cli, Command, ConnectionArgs, NetworkCommand, PasswordArgs, PasswordCommand,
        ProofArgs,
    },
    console::Station,
    doctor::Finding,
    drive::{Custodian, Identity, Job, Way},
    errand::{Goal, Operation, Proof, Talk},
    known_hsms::KnownHsms,
    outcome::Outcome,
    pin::PinSource,
    reader::Slot,
    screen::Screen,
    trace::Trace,
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
        // A log line would stand in the middle of the screen.
        _ if matches!(cli.command, Command::Console { .. }) && io::stderr().is_terminal() => LevelFilter::OFF,
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    start_logging(cli.log_format.into(), level, io::stderr);
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
    match cli.command {
        Command::Completions { shell } => {
            screen.data(&program::completions(Cli::command(), shell));
            None
        }
        Command::Man { command } => match program::manual(Cli::command(), command.as_deref()) {
            Some(page) => {
                screen.data(&page);
                None
            }
            None => Some(Outcome::Usage {
                message: "there is no such command".into(),
                hint: "`hsm-client --help` lists them",
            }),
        },
        command => with_settings(cli.connection, command, screen).unwrap_or_else(Some),
    }
}

fn with_settings(
    mut args: ConnectionArgs,
    command: Command,
    screen: &mut Screen,
) -> Result<Option<Outcome>, Outcome> {
    let read = config::fill_in(&mut args);
    let command = match command {
        Command::Doctor { card } => return Ok(Some(doctor(&args, &read, card.as_deref(), screen))),
        command => read.map(|()| command)?,
    };
    match command {
        Command::Console { host, card } => {
            args.hsm = host.or(args.hsm.take());
            return console(&args, card).map(|()| None);
        }
        Command::Station => return station(&args).map(|()| None),
        Command::Status => session(&args, Goal::Status, None, screen),
        Command::Info => session(&args, Goal::Info, None, screen),
        Command::Network { command: None } => session(&args, Goal::Network, None, screen),
        Command::Network {
            command: Some(NetworkCommand::Set { settings, password }),
        } => session(&args, set_network(&settings, &password)?, None, screen),
        Command::Web => web(&args, screen),
        Command::Auth { proof, wait } => {
            let (proof, card) = proof_of(proof)?;
            let goal = Goal::Authenticate(proof);
            if wait {
                auth_waiting(&args, &goal, card.as_ref(), screen)
            } else {
                session(&args, goal, card.as_ref(), screen)
            }
        }
        Command::Op {
            name,
            confirm,
            mode,
            node,
            proof,
        } => {
            let request = request_of(name, confirm, mode.as_deref(), node)?;
            let (proof, card) = proof_of(proof)?;
            let goal = Goal::Operate {
                proof,
                operation: name,
                request,
            };
            session(&args, goal, card.as_ref(), screen)
        }
        Command::Password {
            command: PasswordCommand::Set { password },
        } => session(
            &args,
            Goal::SetPassword(password::read_new(&password)?),
            None,
            screen,
        ),
        Command::Password {
            command:
                PasswordCommand::Change {
                    password,
                    new_password_file,
                },
        } => session(
            &args,
            change_password(&password, new_password_file.as_deref())?,
            None,
            screen,
        ),
        Command::Trust { show: true, .. } => known(&args),
        Command::Trust { forget: true, .. } => forget(&args),
        Command::Trust { .. } => session(&args, Goal::Trust, None, screen),
        Command::Readers => Ok(Outcome::Readers(card::readers()?)),
        Command::Card {
            command: CardCommand::Inspect { card },
        } => {
            let mut slot = card::slot(card.as_deref(), args.reader.as_ref())?;
            card::inspect(&mut slot)
                .map(|inspection| Outcome::Inspected(Box::new(inspection)))
                .map_err(CardFault::outcome)
        }
        Command::Doctor { .. } | Command::Completions { .. } | Command::Man { .. } => {
            unreachable!("handled before the settings were needed")
        }
    }
    .map(Some)
}

/// How the user shows to be the administrator, and the card if it is one.
fn proof_of(args: ProofArgs) -> Result<(Proof, Option<CardArgs>), Outcome> {
    let ProofArgs {
        card,
        password,
        ask_password,
    } = args;
    if ask_password || password.is_given() {
        Ok((Proof::Password(password::read(&password)?), None))
    } else {
        Ok((Proof::Card, Some(card)))
    }
}

fn request_of(
    operation: Operation,
    confirm: Option<String>,
    mode: Option<&str>,
    node: Option<String>,
) -> Result<ManagerRequest, Outcome> {
    let confirm = || {
        confirm.ok_or_else(|| Outcome::Usage {
            message: format!(
                "`{}` destroys what the device holds: expected `--confirm`",
                operation.name()
            ),
            hint: "give its serial number with `--confirm`; `hsm-client status` shows it",
        })
    };
    Ok(match operation {
        Operation::StopService => ManagerRequest::StopService,
        Operation::StartService => ManagerRequest::StartService,
        Operation::Restart => ManagerRequest::Restart,
        Operation::PowerOff => ManagerRequest::PowerOff,
        Operation::UnlockMaster => ManagerRequest::UnlockMaster,
        Operation::LiveSync => ManagerRequest::LiveSync {
            node,
            confirm: confirm()?,
        },
        Operation::FactoryReset => ManagerRequest::FactoryReset { confirm: confirm()? },
        Operation::SetMode => ManagerRequest::SetMode {
            mode: match mode {
                Some("NRM") => OperatingMode::Nrm,
                Some("RM1") => OperatingMode::Rm1,
                Some("RM2") => OperatingMode::Rm2,
                Some(_) | None => {
                    return Err(Outcome::Usage {
                        message: "`set-mode` needs the mode: expected `--mode`".into(),
                        hint: "give `--mode NRM`, `--mode RM1` or `--mode RM2`",
                    });
                }
            },
            confirm: confirm()?,
        },
        Operation::SetNetwork | Operation::ChangePassword => {
            unreachable!("the command line has commands of their own for them")
        }
    })
}

fn set_network(settings: &str, password: &PasswordArgs) -> Result<Goal, Outcome> {
    let members = serde_json::from_str(settings).map_err(|why| Outcome::Usage {
        message: format!("read network settings: expected a JSON object: {why}"),
        hint: "such as `{\"gateway\": \"192.0.2.1\"}`; docs/protocol.md lists the members",
    })?;
    Ok(Goal::Operate {
        proof: Proof::Password(password::read(password)?),
        operation: Operation::SetNetwork,
        request: ManagerRequest::SetNetwork(members),
    })
}

fn change_password(password: &PasswordArgs, new: Option<&Path>) -> Result<Goal, Outcome> {
    let old = password::read(password)?;
    Ok(Goal::Operate {
        proof: Proof::Password(old.clone()),
        operation: Operation::ChangePassword,
        request: ManagerRequest::ChangePassword {
            old,
            new: password::new(new)?,
        },
    })
}

/// Runs one session. What can fail on this side fails before the device hears of it.
fn session(
    args: &ConnectionArgs,
    goal: Goal,
    card: Option<&CardArgs>,
    screen: &mut Screen,
) -> Result<Outcome, Outcome> {
    let trace = open_trace(args)?;
    let custodian = card.map(|card| open_card(args, card)).transpose()?;
    let way = way(args, trace.clone())?;
    let runtime = runtime()?;
    let outcome = runtime.block_on(drive::run(
        Job {
            way,
            timeout: args.timeout,
            goal,
            custodian,
        },
        screen,
    ));
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    match trace.and_then(|trace| trace.take_failure()) {
        Some(why) => Err(drive::file(&format!("write the trace: {why}"))),
        None => Ok(outcome),
    }
}

/// Presents card or password once the device lets this station in. Neither is presented again: a session that was let in is the
/// last one.
fn auth_waiting(
    args: &ConnectionArgs,
    goal: &Goal,
    card: Option<&CardArgs>,
    screen: &mut Screen,
) -> Result<Outcome, Outcome> {
    let begin = Instant::now();
    let mut args = args.clone();
    let timeout = args.timeout;
    loop {
        let outcome = session(&args, goal.clone(), card, screen)?;
        let is_busy = matches!(
            outcome,
            Outcome::Denied {
                reason: DeniedReason::Busy,
                ..
            }
        );
        let left = timeout.map(|timeout| timeout.saturating_sub(begin.elapsed()));
        if !is_busy || left.is_some_and(|left| left.is_zero()) {
            return Ok(outcome);
        }
        screen.tell(&Talk::Busy);
        if !runtime()?.block_on(drive::wait_turn(left)) {
            return Ok(Outcome::GaveUp);
        }
        args.timeout = timeout.map(|timeout| timeout.saturating_sub(begin.elapsed()).max(TIMEOUT_LEFT_MIN));
    }
}

/// The last attempt of a wait gets at least this long.
const TIMEOUT_LEFT_MIN: Duration = Duration::from_millis(1);

fn console(args: &ConnectionArgs, images: Vec<PathBuf>) -> Result<(), Outcome> {
    let trace = open_trace(args)?;
    let slot = match &args.reader {
        Some(reader) if images.is_empty() => Slot::open(reader)?,
        _ => Slot::Image(None),
    };
    let station = Station {
        way: way(args, trace.clone())?,
        slot,
        images,
        opener: opener(args),
    };
    let runtime = runtime()?;
    let ran = runtime.block_on(console::run(station));
    runtime.shutdown_background();
    match trace.and_then(|trace| trace.take_failure()) {
        Some(why) => Err(drive::file(&format!("write the trace: {why}"))),
        None => ran,
    }
}

fn station(args: &ConnectionArgs) -> Result<(), Outcome> {
    let runtime = runtime()?;
    let ran = runtime.block_on(station::run(way(args, open_trace(args)?)?));
    runtime.shutdown_background();
    ran
}

//= HT-01
fn web(args: &ConnectionArgs, screen: &mut Screen) -> Result<Outcome, Outcome> {
    let outcome = session(args, Goal::Web, None, screen)?;
    if let Outcome::Web { url } = &outcome {
        let opener = opener(args);
        opener::open(&opener, url).map_err(|why| Outcome::File {
            message: format!("start `{}` with {url}: {why}", opener.display()),
            hint: Some("name another program with `--opener`"),
        })?;
    }
    Ok(outcome)
}

/// Settings that cannot be read are a finding too, and the first.
fn doctor(
    args: &ConnectionArgs,
    read: &Result<(), Outcome>,
    image: Option<&Path>,
    screen: &mut Screen,
) -> Outcome {
    let mut findings = vec![match read {
        Ok(()) => Finding::good("settings", "read"),
        Err(why) => Finding::of_failure("settings", why),
    }];
    findings.extend(doctor::look_at_card(card::slot(image, args.reader.as_ref())));
    let asked = session(args, Goal::Info, None, screen).unwrap_or_else(|why| why);
    findings.extend(doctor::look_at_device(&asked));
    Outcome::Checked(findings)
}

fn runtime() -> Result<Runtime, Outcome> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| Outcome::Internal {
            message: format!("start the runtime: {why}"),
        })
}

fn way(args: &ConnectionArgs, trace: Option<Trace>) -> Result<Way, Outcome> {
    let identity = match args.fingerprint {
        Some(fingerprint) => Identity::Pinned(fingerprint),
        None => Identity::Known(known_hsms(args)?),
    };
    Ok(Way {
        hsm: args.device(),
        source: args.source,
        identity,
        answer_timeout: args.answer_timeout.unwrap_or(link::ANSWER_TIMEOUT),
        trace,
    })
}

fn opener(args: &ConnectionArgs) -> OsString {
    args.opener.clone().unwrap_or_else(|| opener::OPENER.into())
}

fn open_trace(args: &ConnectionArgs) -> Result<Option<Trace>, Outcome> {
    let Some(path) = &args.trace else {
        return Ok(None);
    };
    let failed = |why| drive::file(&format!("write the trace `{}`: {why}", path.display()));
    Trace::create(path).map(Some).map_err(failed)
}

fn open_card(args: &ConnectionArgs, card: &CardArgs) -> Result<Custodian, Outcome> {
    let slot = card::slot(card.card.as_deref(), args.reader.as_ref())?;
    let pin = PinSource::open(card)?;
    Ok(Custodian { slot, pin })
}

fn known_hsms(args: &ConnectionArgs) -> Result<KnownHsms, Outcome> {
    let named = args.known_hsms.clone().map(KnownHsms::at);
    named.or_else(KnownHsms::of_user).ok_or_else(|| Outcome::Usage {
        message: "find the known devices: neither `XDG_CONFIG_HOME` nor `HOME` is a folder".into(),
        hint: "use `--known-hsms` or `--fingerprint`",
    })
}

fn forget(args: &ConnectionArgs) -> Result<Outcome, Outcome> {
    let hsm = args.device();
    let fingerprint = known_hsms(args)?.forget(&hsm).map_err(|why| drive::file(&why))?;
    Ok(Outcome::Forgotten { hsm, fingerprint })
}

fn known(args: &ConnectionArgs) -> Result<Outcome, Outcome> {
    let hsm = args.device();
    let fingerprint = known_hsms(args)?
        .fingerprint(&hsm)
        .map_err(|why| drive::file(&why))?;
    Ok(Outcome::Known { hsm, fingerprint })
}
