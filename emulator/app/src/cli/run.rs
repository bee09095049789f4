//! `hsm-emulator run`: opens the state, takes the port, and gives both to the shell.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, builder::PossibleValuesParser};
use hsm_core::{Device, Profile, ServerMasterKey, Stored};
use hsm_listener::{Appliance, Identity};
use program::{ExitCode, LogFormat, Port, Problem, Signals};
use tracing::{info, warn};
use tracing_subscriber::filter::LevelFilter;

use crate::{
    console_lines::ConsoleLines,
    fingerprint::fingerprint,
    readiness::Readiness,
    shell::{Shell, listen_problem},
    store::{FILE_NAME, Kept, Store},
    world::{Clock, OsRandom},
};

/// Where managers expect a device. Source: RM-04.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4433);
/// The model of a new state for which none was named.
const DEFAULT_MODEL: &str = "XP";

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The folder that holds the device's state; a new device is made if there is none
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The model of a new device [default: XP]; that of a kept one is in its state
    #[arg(long, ignore_case = true, value_parser = PossibleValuesParser::new(["CD", "XP", "ST"]))]
    model: Option<String>,
    /// Where managers connect; port 0 is one that is free
    #[arg(long, value_name = "ADDR:PORT", default_value_t = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Run without the local console: no keys from standard input, no screen on standard output
    #[arg(long)]
    headless: bool,
    /// Write a file that says where the device is, once it is ready
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
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
    let clock = Clock::starting_now();
    let format = args.log_format();
    let level = args.log_level.parse().unwrap_or(LevelFilter::INFO);
    program::start_logging(format, level);
    warn!("this is a test device: it protects nothing");

    // First of all, so that a signal at any later moment ends the program cleanly.
    let starting = |error| Problem::new(ExitCode::InputOutput, format!("start the runtime: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(starting)?;
    let mut signals = runtime.block_on(async { Signals::new() }).map_err(starting)?;

    let (store, kept) = open(&args)?;
    let state = &args.state;
    let mut profile = Profile::of_model(&kept.model).ok_or_else(|| {
        let path = state.join(FILE_NAME);
        let what = format!(
            "read state `{}`: it is damaged: expected model `CD`, `XP` or `ST`, got `{}`",
            path.display(),
            kept.model
        );
        Problem::new(ExitCode::WrongState, what)
    })?;
    profile.limits.start = args.boot_delay;
    profile.limits.stop = args.stop_delay;
    let tls = kept.identity.server_config().map_err(|error| {
        let path = state.join(FILE_NAME);
        Problem::new(
            ExitCode::WrongState,
            format!("read state `{}`: it is damaged: {error}", path.display()),
        )
    })?;
    let fingerprint = fingerprint(kept.identity.certificate());
    info!("certificate fingerprint {fingerprint}");
    let readiness = args
        .ready_file
        .map(|path| Readiness::prepare(path, fingerprint, state))
        .transpose()?;
    let appliance = Appliance::new(Device::new(profile, kept.stored), tls);

    runtime.block_on(async {
        let port = Port::reserve(args.listen).map_err(|error| listen_problem(args.listen, &error))?;
        if !args.listen.ip().is_loopback() {
            warn!("`{}` can be reached from other computers", port.address());
        }
        let console = if args.headless {
            ConsoleLines::absent()
        } else {
            ConsoleLines::start().map_err(starting)?
        };
        Shell::new(appliance, clock, console, port, readiness, store)?
            .run(&mut signals)
            .await
    })
}

/// The state that is kept, or a new one.
fn open(args: &RunArgs) -> Result<(Store, Kept), Problem> {
    let Some((store, kept)) = Store::open(&args.state)? else {
        return make(args);
    };
    match &args.model {
        Some(model) if *model != kept.model => {
            let what = format!(
                "open state folder `{}`: expected model `{model}`, got `{}`",
                args.state.display(),
                kept.model
            );
            Err(Problem::new(ExitCode::Usage, what).hint("leave out `--model`, or use another folder"))
        }
        _ => Ok((store, kept)),
    }
}

fn make(args: &RunArgs) -> Result<(Store, Kept), Problem> {
    let model = args.model.as_deref().unwrap_or(DEFAULT_MODEL);
    let profile = Profile::of_model(model).expect("the command line takes only models that there are");
    // Bound to a key that is forgotten at once: until first boot is emulated, nobody can hold cards of this device.
    let binding = ServerMasterKey::generate(&mut OsRandom).binding();
    let kept = Kept {
        stored: Stored::bound_to(binding),
        identity: Identity::generate(&profile.serial)
            .map_err(|error| Problem::new(ExitCode::Internal, error.to_string()))?,
        model: profile.model,
    };
    let store = Store::create(&args.state, &kept)?;
    warn!("made a new device whose key nobody holds; `hsm-emulator demo` makes one with cards");
    Ok((store, kept))
}
