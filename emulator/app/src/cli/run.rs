//! `hsm-emulator run`: opens the state, takes the port, and gives both to the shell.

use std::{
    fs::File,
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use clap::{Args, builder::PossibleValuesParser};
use hsm_core::{Model, PROFILE_BYTES_MAX, Profile, Stored};
use hsm_listener::Identity;
use program::{ExitCode, LogFormat, Port, Problem, Signals};
use tracing::{info, warn};
use tracing_subscriber::filter::LevelFilter;

use crate::{
    bench::Server,
    console_lines::ConsoleLines,
    event_log::EventLog,
    fingerprint::fingerprint,
    http,
    local_console::LocalConsole,
    log_lines::LogLines,
    mains::Mains,
    readiness::{Facts, Readiness},
    shell::{Parts, Shell, http_listen_problem, listen_problem},
    store::{Kept, Store},
    terminal::TerminalConsole,
    world::Clock,
};

/// Where managers expect a device. Source: RM-04.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4433);
/// The model of a new state for which none was named.
const DEFAULT_MODEL: Model = Model::Xp;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The folder that holds the device's state; a new device is made if there is none
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The model of a new device [default: XP]; that of a kept one is in its state
    #[arg(long, ignore_case = true, value_parser = PossibleValuesParser::new(["CD", "XP", "ST", "Pocket"]))]
    model: Option<String>,
    /// The profile of a new device, or another one of a kept device with the same model and serial number
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    profile: Option<PathBuf>,
    /// Where managers connect; port 0 is one that is free
    #[arg(long, value_name = "ADDR:PORT", default_value_t = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Serve the HTTP console here while the HSM service runs; port 0 is one that is free [default: the address of
    /// `--listen` with the port of the profile, if that has one]
    #[arg(long, value_name = "ADDR:PORT")]
    http_listen: Option<SocketAddr>,
    /// Look for the node a.b.c.d at 127.b.c.d, with the port of this device: for nodes on one computer
    ///
    /// The console takes no address of loopback for that of a node.
    #[arg(long)]
    loopback_nodes: bool,
    /// Run without the local console
    ///
    /// On a terminal the console fills it: the screen of the device, and the keys of its keyboard. Elsewhere each line of
    /// standard input is a key, and the screen is printed when it has changed.
    #[arg(long)]
    headless: bool,
    /// The folder of the card images that F5 lists at the console and that lie before the reader on the bench's page
    /// [default: `cards` in the state folder or beside it]
    #[arg(long, value_name = "DIR")]
    cards: Option<PathBuf>,
    /// End when standard input ends, as with a signal: for whoever starts this program and may be killed
    #[arg(long, requires = "headless")]
    end_with_input: bool,
    /// Write a file that says where the device is, once it is ready
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Serve the bench here, on loopback: keys, cards, power, time for programs; port 0 is one that is free
    ///
    /// Its address and its token are in the ready-file, which is written as soon as the bench can be used.
    #[arg(long, value_name = "ADDR:PORT", requires = "ready_file")]
    bench: Option<SocketAddr>,
    /// Which clock the device's limits run on; a manual one stands still until the bench moves it
    #[arg(long, value_name = "CLOCK", default_value = "real", value_parser = PossibleValuesParser::new(["real", "manual"]))]
    clock: String,
    /// Where the calendar of a manual clock begins, such as `2026-01-01T00:00:00Z` [default: now]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339)]
    calendar: Option<SystemTime>,
    /// How long the device takes to start, such as `20s`; a real one takes its time
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    boot_delay: Duration,
    /// How long the device takes to stop
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    stop_delay: Duration,
    /// What a log line looks like
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = PossibleValuesParser::new(["text", "json"]))]
    log_format: String,
    /// How much is logged; `debug` adds connections that were refused
    #[arg(long, value_name = "LEVEL", default_value = "info",
        value_parser = PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"]))]
    log_level: String,
}

impl RunArgs {
    /// What a log line looks like; a problem that ends the program is told in the same way.
    pub(super) fn log_format(&self) -> LogFormat {
        if self.log_format == "json" {
            LogFormat::Json
        } else {
            LogFormat::Text
        }
    }
}

/// `hsm-emulator run`
pub(super) fn run(args: RunArgs) -> Result<(), Problem> {
    let clock = if args.clock == "manual" {
        Clock::standing_still(args.calendar)
    } else {
        Clock::starting_now()
    };
    let format = args.log_format();
    let level = args.log_level.parse().unwrap_or(LevelFilter::INFO);
    let log_lines = LogLines::default();
    program::start_logging(format, level, log_lines.clone());
    warn!("this is a test device: it protects nothing");

    check(&args)?;

    // First of all, so that a signal at any later moment ends the program cleanly.
    let starting = |error| Problem::new(ExitCode::InputOutput, format!("start the runtime: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(starting)?;
    let mut signals = runtime.block_on(async { Signals::new() }).map_err(starting)?;

    if args.end_with_input {
        signals.add_end_of_input().map_err(starting)?;
    }

    let (store, kept) = open(&args)?;
    let mains = Mains {
        state: args.state.clone(),
        start: args.boot_delay,
        stop: args.stop_delay,
    };
    let appliance = mains.device(&kept)?;
    let state = &args.state;
    let log = EventLog::open(state)?;
    let mut facts = Facts {
        fingerprint: fingerprint(kept.identity.certificate()),
        state: std::path::absolute(state).unwrap_or_else(|_| state.clone()),
        bench: None,
        http: None,
    };
    info!("certificate fingerprint {}", facts.fingerprint);

    let cards = match &args.cards {
        Some(folder) => absolute_folder(folder)?,
        None => cards_of(&args.state),
    };
    runtime.block_on(async {
        let bench = match args.bench {
            None => None,
            Some(address) => {
                let server = Server::start(address, cards.is_dir().then(|| cards.clone())).await;
                let server = server.map_err(|error| listen_problem(address, &error))?;
                info!("bench on {}", server.address);
                facts.bench = Some((server.address, server.token.clone()));
                Some(server)
            }
        };
        let http_console = appliance.device().profile().http_console;
        let by_profile = http_console.map(|console| SocketAddr::new(args.listen.ip(), console.port));
        let http = args.http_listen.or(by_profile).map(|address| {
            http::Server::reserve(address).map_err(|error| http_listen_problem(address, &error))
        });
        let http = http.transpose()?;
        facts.http = http.as_ref().map(http::Server::address);
        let readiness = args
            .ready_file
            .map(|path| Readiness::prepare(path, facts))
            .transpose()?;
        let port = Port::reserve(args.listen).map_err(|error| listen_problem(args.listen, &error))?;
        let addresses = [Some(port.address()), http.as_ref().map(http::Server::address)];
        for address in addresses
            .into_iter()
            .flatten()
            .filter(|address| !address.ip().is_loopback())
        {
            warn!("`{address}` can be reached from other computers");
        }
        let console = if args.headless {
            LocalConsole::Nobody
        } else if full_screen::is_here() {
            let terminal = TerminalConsole::take(cards, log_lines);
            let terminal = terminal.map_err(|error| {
                let what = format!("show the console: the terminal refuses: {error}");
                Problem::new(ExitCode::InputOutput, what).hint("run without it, with `--headless`")
            })?;
            LocalConsole::Terminal(Box::new(terminal))
        } else {
            LocalConsole::Lines(ConsoleLines::start().map_err(starting)?)
        };
        let parts = Parts {
            mains,
            clock,
            console,
            port,
            readiness,
            log,
            bench,
            http,
            are_nodes_on_loopback: args.loopback_nodes,
        };
        Shell::new(appliance, store, parts)?.run(&mut signals).await
    })
}

/// What the command line cannot say by itself.
fn check(args: &RunArgs) -> Result<(), Problem> {
    if let Some(address) = args.bench
        && !address.ip().is_loopback()
    {
        let what = format!("serve the bench: expected an address of loopback, got `{address}`");
        return Err(
            Problem::new(ExitCode::Usage, what).hint("name one of this computer, such as `127.0.0.1:0`")
        );
    }
    if args.cards.is_some() && args.headless && args.bench.is_none() {
        let what = "show the cards of a folder: expected the local console or `--bench`, got neither";
        return Err(Problem::new(ExitCode::Usage, what).hint("leave out `--headless` or `--cards`"));
    }
    if args.clock == "manual" && args.bench.is_none() {
        let what = "run on a manual clock: expected `--bench`, got none";
        return Err(
            Problem::new(ExitCode::Usage, what).hint("only the bench can move it; add `--bench 127.0.0.1:0`")
        );
    }
    if args.clock != "manual" && args.calendar.is_some() {
        let what = "set the calendar: expected `--clock manual`, got a real one";
        return Err(
            Problem::new(ExitCode::Usage, what).hint("a real clock has the calendar of this computer")
        );
    }
    Ok(())
}

/// Where the cards of a device are expected: `hsm-emulator demo` makes them beside the state.
fn cards_of(state: &Path) -> PathBuf {
    let state = std::path::absolute(state).unwrap_or_else(|_| state.to_owned());
    let in_state = state.join("cards");
    match state.parent() {
        Some(folder) if !in_state.is_dir() => folder.join("cards"),
        Some(_) | None => in_state,
    }
}

/// The folder as a path that holds wherever somebody stands, seen to be one that can be read.
fn absolute_folder(folder: &Path) -> Result<PathBuf, Problem> {
    let read = std::fs::read_dir(folder).and_then(|_| std::path::absolute(folder));
    read.map_err(|error| Problem::io("read the folder of the cards", folder, &error))
}

/// The state that is kept, or a new one.
fn open(args: &RunArgs) -> Result<(Store, Kept), Problem> {
    let given = given_profile(args)?;
    let Some((store, mut kept)) = Store::open(&args.state)? else {
        return make(args, given);
    };
    let found = Profile::parse(&kept.profile_text).ok();
    let found = found.map(|profile| (profile.model.name().to_owned(), profile.serial));
    if let (Some(given), Some((model, serial))) = (given, found) {
        let profile = &given.profile;
        let is_other = profile.model.name() != model || (args.profile.is_some() && profile.serial != serial);
        if is_other {
            let what = format!(
                "open state folder `{}`: expected model `{}`, got `{model}`",
                args.state.display(),
                profile.model
            );
            let what = if profile.model.name() == model {
                format!(
                    "open state folder `{}`: expected serial number `{}`, got `{serial}`",
                    args.state.display(),
                    profile.serial
                )
            } else {
                what
            };
            let hint = if args.profile.is_some() {
                "leave out `--profile`, or use another folder"
            } else {
                "leave out `--model`, or use another folder"
            };
            return Err(Problem::new(ExitCode::Usage, what).hint(hint));
        }
        if args.profile.is_some() && given.text != kept.profile_text {
            store.set_profile(&given.text)?;
            kept.profile_text = given.text;
        }
    }
    Ok((store, kept))
}

/// The profile that the command line names.
struct Given {
    profile: Profile,
    text: String,
}

/// As much of a file as a profile may have, and a byte more if there is one, so that it is refused.
fn read_profile(path: &Path) -> io::Result<String> {
    let limit = u64::try_from(PROFILE_BYTES_MAX).expect("it is small") + 1;
    io::read_to_string(File::open(path)?.take(limit))
}

fn given_profile(args: &RunArgs) -> Result<Option<Given>, Problem> {
    if let Some(path) = &args.profile {
        let text = read_profile(path).map_err(|error| Problem::io("read profile", path, &error))?;
        let profile = Profile::parse(&text).map_err(|why| {
            Problem::new(
                ExitCode::Usage,
                format!("read profile `{}`: {why}", path.display()),
            )
            .hint("docs/profiles.md lists every field; profiles/xp.toml is one to begin with")
        })?;
        return Ok(Some(Given { profile, text }));
    }
    let named = args.model.as_deref();
    let model = Model::ALL
        .into_iter()
        .find(|model| named.is_some_and(|named| model.name().eq_ignore_ascii_case(named)));
    Ok(model.map(|model| Given {
        profile: Profile::of(model),
        text: Profile::text_of(model).into(),
    }))
}

fn make(args: &RunArgs, given: Option<Given>) -> Result<(Store, Kept), Problem> {
    let given = given.unwrap_or_else(|| Given {
        profile: Profile::of(DEFAULT_MODEL),
        text: Profile::text_of(DEFAULT_MODEL).into(),
    });
    let kept = Kept {
        stored: Stored::out_of_the_factory(&given.profile),
        identity: Identity::generate(&given.profile.serial)
            .map_err(|error| Problem::new(ExitCode::Internal, error.to_string()))?,
        profile_text: given.text,
    };
    let store = Store::create(&args.state, &kept)?;
    info!("made a device as it leaves the factory; `hsm-emulator demo` makes one with cards");
    Ok((store, kept))
}
