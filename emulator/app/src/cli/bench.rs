//! `hsm-emulator bench`: the bench from a shell. Says the same as any other program would over HTTP; the ready-file says
//! where, and with which token. Knows no device.

mod client;
mod told;

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand, ValueEnum};
use hsm_bench::{
    Advance, Algorithm, CutMoment, Faults, Insert, KeyName, Keys, Name, PageAddress, Pin, PowerAction,
    PowerChange, SeedCards, SeedUsers, SeededCards, TEXT_CHARACTERS_MAX, Text, Until,
};
use program::{ExitCode, Problem};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use self::client::{Client, Method};
use super::data;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// The ready-file of the emulator, which was started with `--bench`
    #[arg(long, global = true, value_name = "FILE", default_value = "ready.json")]
    ready_file: PathBuf,
    /// Print what the bench answers as it is: JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show everything: power, manager, custodian process, connections, limits, clock
    State,
    /// Show the console's screen: 25 lines of 80 characters
    Screen,
    /// Press keys, one after the other: Up, Down, Left, Right, Tab, Enter, Esc, Backspace, F1 to F12
    Keys {
        /// What stands on the keys
        #[arg(required = true, value_name = "KEY", value_parser = key)]
        keys: Vec<KeyName>,
    },
    /// Type a text
    Type {
        /// The characters; without them, the first line of standard input is typed
        text: Option<String>,
    },
    /// The local reader
    Card {
        #[command(subcommand)]
        command: CardCommand,
    },
    /// Switch on or off, or pull the cable out
    Power {
        /// What to do: `off` is the power button, `cut` the cable
        action: Power,
    },
    /// Show the device's clock
    Clock,
    /// Move a manual clock; everything that is due happens before this ends
    Advance {
        /// By how much, such as `119s999ms`; whole milliseconds
        #[arg(value_name = "TIME", value_parser = humantime::parse_duration)]
        by: Duration,
        /// Also move the calendar alone by so many milliseconds, back if that is negative
        #[arg(
            long,
            value_name = "MILLISECONDS",
            default_value_t = 0,
            allow_negative_numbers = true
        )]
        calendar_by_ms: i64,
        /// Not before the device has read so many bytes from this connection; may be given more than once
        #[arg(long, value_name = "CONNECTION:BYTES", value_parser = until)]
        after: Vec<Until>,
    },
    /// Let something go wrong from now on; without options, show what does
    Faults(FaultsArgs),
    /// Break a connection: both ends see a reset
    Drop {
        /// Its number, as `state` shows it
        connection: u64,
    },
    /// Show what happened
    Events {
        /// From this number on; without it, from the oldest that is kept
        #[arg(long, value_name = "NUMBER")]
        from: Option<u64>,
        /// Go on with what happens next
        #[arg(long)]
        follow: bool,
    },
    /// Give a device without power cards or users
    Seed {
        #[command(subcommand)]
        command: SeedCommand,
    },
    /// Print an address that opens the bench's page in a browser, once
    Page,
    /// Print the document that describes the bench's HTTP, in the form of `OpenAPI`
    Openapi,
}

#[derive(Debug, Subcommand)]
enum CardCommand {
    /// Put a card in
    Insert {
        /// Its image
        image: PathBuf,
    },
    /// Take the card out
    Remove,
}

#[derive(Debug, Subcommand)]
enum SeedCommand {
    /// Bind the device to a new set of cards, and write their images
    Cards {
        /// M: how many of them are needed
        #[arg(long, value_name = "M")]
        required: u8,
        /// The PIN of every card
        #[arg(long, default_value = "12345678", value_parser = pin)]
        pin: Pin,
        /// The folder for the images, `HOLDER.card`; it is made if it is not there
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// N: who holds a card
        #[arg(required = true, value_name = "HOLDER", value_parser = name)]
        holders: Vec<Name>,
    },
    /// Put these names into the database, besides `master`
    Users {
        /// Instead of those that are there
        #[arg(value_name = "USER", value_parser = name)]
        users: Vec<Name>,
    },
}

#[derive(Debug, Args)]
struct FaultsArgs {
    /// Nothing goes wrong any more; what else is given holds from then on
    #[arg(long)]
    clear: bool,
    /// A durable write takes at least this long, on the device's clock
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    write_delay: Option<Duration>,
    /// Durable writes hang
    #[arg(long)]
    write_hangs: bool,
    /// The power is cut at this durable write, 1 being the next
    #[arg(long, value_name = "NUMBER")]
    cut_at_write: Option<u64>,
    /// At which moment of it
    #[arg(long, value_enum, default_value_t = Moment::Before, requires = "cut_at_write")]
    cut_moment: Moment,
    /// This algorithm gives a wrong answer in every self test; its name is that on the screen, such as `AES-256-GCM`
    #[arg(long, value_name = "ALGORITHM", value_parser = algorithm)]
    computes_wrong: Option<Algorithm>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Power {
    On,
    Off,
    Cut,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Moment {
    Before,
    Within,
    After,
}

fn key(text: &str) -> Result<KeyName, &'static str> {
    // What came is repeated by clap; a PIN is typed with `type`.
    KeyName::of(text)
        .ok_or("expected Up, Down, Left, Right, Tab, Enter, Esc, Backspace or F1 to F12; `type` types a text")
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    let names = Algorithm::ALL.map(|algorithm| algorithm.to_string()).join(", ");
    Algorithm::of(text).ok_or_else(|| format!("expected one of {names}"))
}

fn name(text: &str) -> Result<Name, &'static str> {
    Name::of(text).ok_or("expected 1 to 16 lower-case letters, digits, `-` and `_`")
}

fn pin(text: &str) -> Result<Pin, &'static str> {
    Pin::of(text).ok_or("expected 8 digits")
}

fn until(text: &str) -> Result<Until, &'static str> {
    let both = text.split_once(':').and_then(|(connection, bytes)| {
        Some(Until {
            connection: connection.parse().ok()?,
            bytes: bytes.parse().ok()?,
        })
    });
    both.ok_or("expected the number of a connection and a count of bytes, such as `3:517`")
}

/// `hsm-emulator bench`
pub(super) fn bench(args: BenchArgs) -> Result<(), Problem> {
    let client = Client::of(&args.ready_file)?;
    let teller = Teller {
        client: &client,
        json: args.json,
    };
    match args.command {
        Command::State => teller.state(Method::Get, "/v1/state", None),
        Command::Screen => data(client.ask(Method::Get, "/v1/console/screen", None)?.as_bytes()),
        Command::Keys { keys } => teller.act(Method::Post, "/v1/console/keys", &Keys { keys }),
        Command::Type { text } => {
            let text = text.map_or_else(first_line, Ok)?;
            teller.act(Method::Post, "/v1/console/text", &Text { text })
        }
        Command::Card { command } => match command {
            CardCommand::Insert { image } => {
                let absolute =
                    std::path::absolute(&image).map_err(|error| Problem::io("find card", &image, &error))?;
                let card = absolute.into_os_string().into_string().map_err(|_| {
                    let what = format!("insert card `{}`: expected a path in UTF-8", image.display());
                    Problem::new(ExitCode::Usage, what)
                })?;
                teller.act(Method::Put, "/v1/reader/card", &Insert { card })
            }
            CardCommand::Remove => teller.state(Method::Delete, "/v1/reader/card", None),
        },
        Command::Power { action } => {
            let action = match action {
                Power::On => PowerAction::On,
                Power::Off => PowerAction::Off,
                Power::Cut => PowerAction::Cut,
            };
            teller.act(Method::Post, "/v1/power", &PowerChange { action })
        }
        Command::Clock => teller.tell(&client.ask(Method::Get, "/v1/clock", None)?, told::clock),
        Command::Advance {
            by,
            calendar_by_ms,
            after,
        } => {
            let advance = Advance {
                by_ms: whole_millis("advance the clock", by)?,
                calendar_by_ms,
                after,
            };
            teller.act(Method::Post, "/v1/clock/advance", &advance)
        }
        Command::Faults(args) => faults(&teller, &args),
        Command::Drop { connection } => {
            teller.state(Method::Delete, &format!("/v1/connections/{connection}"), None)
        }
        Command::Events { from, follow } => {
            let path = from.map_or_else(
                || "/v1/events".to_owned(),
                |from| format!("/v1/events?from={from}"),
            );
            if follow {
                return client.follow(&path, |event| teller.tell(event, told::event));
            }
            teller.tell(&client.ask(Method::Get, &path, None)?, told::events)
        }
        Command::Seed { command } => match command {
            SeedCommand::Cards {
                required,
                pin,
                dir,
                holders,
            } => seed_cards(
                &teller,
                &dir,
                &SeedCards {
                    required,
                    holders,
                    pin,
                },
            ),
            SeedCommand::Users { users } => teller.act(Method::Put, "/v1/seed/users", &SeedUsers { users }),
        },
        Command::Page => {
            let answer = Zeroizing::new(client.ask(Method::Post, "/v1/page", None)?);
            teller.tell(&answer, |page: &PageAddress| format!("{}\n", page.url))
        }
        Command::Openapi => data(client.ask(Method::Get, "/openapi.json", None)?.as_bytes()),
    }
}

/// Asks, and prints what came.
struct Teller<'a> {
    client: &'a Client,
    json: bool,
}

impl Teller<'_> {
    fn act(&self, method: Method, path: &str, body: &impl Serialize) -> Result<(), Problem> {
        let body =
            serde_json::to_string(body).expect("our own types have string keys and no failing serializer");
        self.state(method, path, Some(body))
    }

    fn state(&self, method: Method, path: &str, body: Option<String>) -> Result<(), Problem> {
        let answer = self.client.ask(method, path, body)?;
        self.tell(&answer, told::state)
    }

    fn tell<T: serde::de::DeserializeOwned>(
        &self,
        answer: &str,
        told: impl FnOnce(&T) -> String,
    ) -> Result<(), Problem> {
        if self.json {
            return data(format!("{answer}\n").as_bytes());
        }
        data(told(&understood(answer)?).as_bytes())
    }
}

fn understood<T: serde::de::DeserializeOwned>(answer: &str) -> Result<T, Problem> {
    serde_json::from_str(answer).map_err(|error| {
        let what = format!(
            "read the bench's answer: expected that of version {}, got {error}",
            program::VERSION
        );
        Problem::new(ExitCode::Network, what).hint("use the `hsm-emulator` that the device runs")
    })
}

fn faults(teller: &Teller<'_>, args: &FaultsArgs) -> Result<(), Problem> {
    let changes = args.clear
        || args.write_hangs
        || args.computes_wrong.is_some()
        || args.write_delay.is_some()
        || args.cut_at_write.is_some();
    let now = teller.client.ask(Method::Get, "/v1/faults", None)?;
    if !changes {
        return teller.tell(&now, told::faults);
    }
    let mut faults: Faults = if args.clear {
        Faults::default()
    } else {
        understood(&now)?
    };
    if let Some(delay) = args.write_delay {
        faults.write_delay_ms = whole_millis("delay writes", delay)?;
    }
    faults.write_hangs |= args.write_hangs;
    faults.computes_wrong = args.computes_wrong.or(faults.computes_wrong);
    if let Some(write) = args.cut_at_write {
        faults.cut_at_write = write;
        faults.cut_moment = match args.cut_moment {
            Moment::Before => CutMoment::Before,
            Moment::Within => CutMoment::Within,
            Moment::After => CutMoment::After,
        };
    }
    teller.act(Method::Put, "/v1/faults", &faults)
}

fn seed_cards(teller: &Teller<'_>, dir: &Path, seed: &SeedCards) -> Result<(), Problem> {
    let paths = seed
        .holders
        .iter()
        .map(|holder| dir.join(format!("{holder}.card")));
    // Before the device forgets its old cards.
    if let Some(there) = paths.clone().find(|path| path.symlink_metadata().is_ok()) {
        let what = format!("write card `{}`: there is a file already", there.display());
        return Err(Problem::new(ExitCode::InputOutput, what).hint("name another folder"));
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| Problem::io("make folder", dir, &error))?;
    let body = serde_json::to_string(seed).expect("our own types have string keys and no failing serializer");
    let answer = Zeroizing::new(teller.client.ask(Method::Post, "/v1/seed/cards", Some(body))?);
    let made: SeededCards = understood(&answer)?;
    let mut written = Vec::new();
    for (path, card) in paths.zip(&made.cards) {
        write_new(&path, card.image.as_bytes()).map_err(|error| Problem::io("write card", &path, &error))?;
        written.push(path.display().to_string());
    }
    let told = if teller.json {
        json!({ "cards": written }).to_string()
    } else {
        written.join("\n")
    };
    data(format!("{told}\n").as_bytes())
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn whole_millis(doing: &str, time: Duration) -> Result<u64, Problem> {
    match u64::try_from(time.as_millis()) {
        Ok(millis) if Duration::from_millis(millis) == time => Ok(millis),
        _ => {
            let what = format!(
                "{doing}: expected whole milliseconds, got `{}`",
                humantime::format_duration(time)
            );
            Err(Problem::new(ExitCode::Usage, what))
        }
    }
}

/// The first line of standard input, which may be a PIN and so does not stand on the command line.
fn first_line() -> Result<String, Problem> {
    let mut text = String::new();
    let most = u64::try_from(4 * TEXT_CHARACTERS_MAX + 2).expect("it is small");
    io::stdin()
        .take(most)
        .read_to_string(&mut text)
        .map_err(|error| {
            Problem::new(
                ExitCode::InputOutput,
                format!("read a text from standard input: {error}"),
            )
        })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// What a ready-file says of the bench.
fn read_ready_file(path: &Path) -> Result<serde_json::Value, Problem> {
    let text = fs::read_to_string(path).map_err(|error| {
        Problem::io("read ready-file", path, &error)
            .hint("start `hsm-emulator run --bench 127.0.0.1:0 --ready-file FILE`, and name that file")
    })?;
    serde_json::from_str(&text).map_err(|error| {
        let what = format!("read ready-file `{}`: expected JSON, got {error}", path.display());
        Problem::new(ExitCode::Usage, what)
    })
}
