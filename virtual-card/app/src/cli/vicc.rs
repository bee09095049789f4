//! `virtual-card vicc`: opens the cards, finds a slot for each, and runs them until a signal.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process,
    str::FromStr,
};

use card_core::Faults;
use clap::{ArgGroup, Args, builder::PossibleValuesParser};
use program::{ExitCode, LogFormat, Port, Problem, ReadyFile, Signals};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};
use tracing::{info, warn};
use tracing_subscriber::filter::LevelFilter;
use vpcd::port_of_slot;

use crate::{
    CardFile, Reach,
    fault_file::{self, NoFaults},
    vicc::{Attempts, Vicc, Way, listen_problem},
};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("reader").required(true).args(["connect", "listen"]))]
pub(super) struct ViccArgs {
    /// The images of the cards: the first goes into slot 0, the next into slot 1, and so on
    #[arg(value_name = "CARD", required = true)]
    cards: Vec<PathBuf>,
    /// Connect to a vpcd, such as that of the PC/SC daemon: its address, for slot 0; slot 1 is one port further
    #[arg(long, value_name = "HOST[:PORT]")]
    connect: Option<ConnectTo>,
    /// Wait here for a vpcd in its reversed mode; with port 0, every card gets a port that is free
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Listen on an address that other computers reach: whoever connects can use the cards, and nothing is encrypted
    #[arg(long, requires = "listen")]
    allow_remote: bool,
    /// Give the cards the faults that this file lists, instead of those in a file beside each
    #[arg(long, value_name = "FILE")]
    fault: Option<PathBuf>,
    /// Answer before the disk has it: a power cut, unlike a killed program, can then give tries back. For benches
    #[arg(long)]
    no_sync: bool,
    /// End when standard input ends, as with a signal: for whoever starts this program and may be killed
    #[arg(long)]
    end_with_input: bool,
    /// Write a file that says where the cards are, once all of them are in
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// What a log line looks like
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = PossibleValuesParser::new(["text", "json"]))]
    log_format: String,
    /// How much is logged
    #[arg(long, value_name = "LEVEL", default_value = "info",
        value_parser = PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"]))]
    log_level: String,
}

impl ViccArgs {
    /// What a log line looks like; a problem that ends the program is told in the same way.
    pub(super) fn log_format(&self) -> LogFormat {
        if self.log_format == "json" {
            LogFormat::Json
        } else {
            LogFormat::Text
        }
    }
}

/// A host by name or address, and a port: that of vpcd if none is given.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ConnectTo {
    host: String,
    port: u16,
}

impl FromStr for ConnectTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let to = |host: &str, port| {
            Ok(Self {
                host: host.to_owned(),
                port,
            })
        };
        if let Ok(address) = text.parse::<SocketAddr>() {
            return to(&address.ip().to_string(), address.port());
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return to(&address.to_string(), vpcd::PORT);
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (text, Some(vpcd::PORT)),
        };
        let is_name = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
        match port {
            Some(port) if port > 0 && !host.is_empty() && host.chars().all(is_name) => to(host, port),
            Some(_) | None => Err("expected `HOST` or `HOST:PORT`, such as `localhost:35963`".into()),
        }
    }
}

/// `virtual-card vicc`
pub(super) fn vicc(args: &ViccArgs) -> Result<(), Problem> {
    let format = args.log_format();
    let level = args.log_level.parse().unwrap_or(LevelFilter::INFO);
    program::start_logging(format, level, std::io::stderr);
    warn!("these are test cards: they protect nothing");

    // First of all, so that a signal at any later moment ends the program cleanly.
    let starting = |error| Problem::new(ExitCode::InputOutput, format!("start the runtime: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(starting)?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::new().map_err(starting)?;
        if args.end_with_input {
            signals.add_end_of_input().map_err(starting)?;
        }
        let ready_file = args.ready_file.clone().map(ReadyFile::prepare).transpose()?;
        let mut cards = JoinSet::new();
        let ended = run(args, ready_file, &mut signals, &mut cards).await;
        cards.shutdown().await;
        ended
    });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    ended
}

type Cards = JoinSet<Result<std::convert::Infallible, Problem>>;

async fn run(
    args: &ViccArgs,
    mut ready_file: Option<ReadyFile>,
    signals: &mut Signals,
    cards: &mut Cards,
) -> Result<(), Problem> {
    let (tell_ready, mut ready) = mpsc::unbounded_channel();
    let faults = args.fault.as_deref().map(read_faults).transpose()?;
    let mut facts = Vec::new();
    for (slot, path) in args.cards.iter().enumerate() {
        let mut card = CardFile::open(path).map_err(|error| Problem::from(&error))?;
        if args.no_sync {
            card = card.without_sync();
        }
        if let Some(faults) = &faults {
            card = card.with_faults(faults.clone());
        }
        let way = way_of_slot(args, slot)?;
        facts.push(facts_of(&card, &way));
        cards.spawn(Vicc::new(card, way, tell_ready.clone())?.run());
    }
    drop(tell_ready);
    if args.no_sync {
        warn!("`--no-sync`: after a power cut the cards may have forgotten what they answered");
    }
    let ended = live(&mut ready_file, &mut ready, &facts, signals, cards).await;
    let removed = ready_file.map_or(Ok(()), ReadyFile::remove);
    ended.and(removed)
}

fn read_faults(path: &Path) -> Result<Faults, Problem> {
    fault_file::read(path).map_err(|why| match why {
        NoFaults::NotRead(why) => Problem::io("read faults", path, &why),
        NoFaults::Invalid(why) => {
            let path = program::shown(&path.to_string_lossy());
            Problem::new(ExitCode::Usage, format!("read faults `{path}`: {why}"))
                .hint("docs/card.md has the kinds of faults and their keys")
        }
    })
}

async fn live(
    ready_file: &mut Option<ReadyFile>,
    ready: &mut mpsc::UnboundedReceiver<()>,
    facts: &[Value],
    signals: &mut Signals,
    cards: &mut Cards,
) -> Result<(), Problem> {
    let mut waited_for = facts.len();
    loop {
        tokio::select! {
            biased;
            signal = signals.next() => {
                info!("{signal}: ending");
                return Ok(());
            }
            Some(ended) = cards.join_next() => match ended {
                Ok(Err(problem)) => return Err(problem),
                Ok(Ok(never)) => match never {},
                Err(error) => {
                    let what = format!("run a card: {error}");
                    return Err(Problem::new(ExitCode::Internal, what));
                }
            },
            Some(()) = ready.recv() => {
                waited_for -= 1;
                if waited_for == 0 {
                    if let Some(file) = ready_file {
                        file.tell(&readiness(facts))?;
                    }
                    info!("ready: {} in", count(facts.len()));
                }
            }
        }
    }
}

/// Where the card of this slot goes.
fn way_of_slot(args: &ViccArgs, slot: usize) -> Result<Way, Problem> {
    let port_of = |first: u16| {
        let port = u16::try_from(slot)
            .ok()
            .and_then(|slot| port_of_slot(first, slot));
        port.ok_or_else(|| {
            let what = format!(
                "find slot {slot}: expected at most {} cards and ports up to 65535, got more",
                vpcd::SLOTS_MAX
            );
            Problem::new(ExitCode::Usage, what).hint("start another `virtual-card vicc` for the rest")
        })
    };
    if let Some(ConnectTo { host, port }) = &args.connect {
        return Ok(Way::Connect(Attempts::new(host.clone(), port_of(*port)?)));
    }
    let first = args.listen.expect("the command line wants one of the two");
    let reach = if args.allow_remote {
        Reach::Everybody
    } else {
        Reach::ThisComputer
    };
    reach.check(first).map_err(|error| {
        Problem::new(ExitCode::Usage, format!("listen on {first}: {error}"))
            .hint("`--allow-remote` listens there; whoever connects can use the cards")
    })?;
    if slot == 0 && !first.ip().is_loopback() {
        warn!("{} can be reached from other computers", first.ip());
    }
    // With port 0 the system chooses; the number of slots is limited all the same.
    let following = port_of(first.port())?;
    let address = SocketAddr::new(first.ip(), if first.port() == 0 { 0 } else { following });
    let port = Port::reserve(address).map_err(|error| listen_problem(address, &error))?;
    Ok(Way::Listen(port))
}

/// What the ready-file says of a card.
fn facts_of(card: &CardFile, way: &Way) -> Value {
    let path = std::path::absolute(card.path()).unwrap_or_else(|_| card.path().to_owned());
    let how = match way {
        Way::Connect(_) => "connect",
        Way::Listen(_) => "listen",
    };
    json!({
        "card": path.to_string_lossy(),
        "csn": card.image().map(|image| image.csn().to_string()),
        how: way.address(),
    })
}

fn readiness(facts: &[Value]) -> String {
    json!({
        "pid": process::id(),
        "cards": facts,
        "version": program::VERSION,
    })
    .to_string()
}

/// `1 card is`, `2 cards are`
fn count(cards: usize) -> String {
    if cards == 1 {
        "1 card is".into()
    } else {
        format!("{cards} cards are")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_address(text: &str, expected: Option<(&str, u16)>) {
        let read = text.parse::<ConnectTo>().ok();
        let expected = expected.map(|(host, port)| ConnectTo {
            host: host.into(),
            port,
        });
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_reader_is_a_host_with_or_without_a_port() {
        check_address("localhost", Some(("localhost", 35_963)));
        check_address("localhost:1", Some(("localhost", 1)));
        check_address("127.0.0.1", Some(("127.0.0.1", 35_963)));
        check_address("127.0.0.1:65535", Some(("127.0.0.1", 65_535)));
        check_address("::1", Some(("::1", 35_963)));
        check_address("[::1]:2", Some(("::1", 2)));
        for text in ["", ":1", "a:", "a:0", "a:65536", "a b", "a:1:2", "é"] {
            check_address(text, None);
        }
    }
}
