//! The command line of `hsm-client`: what can be asked for. Does nothing of it.

use std::{ffi::OsString, net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use hsm_client::Fingerprint;

use crate::{address::Address, errand::Operation, reader::ReaderName};

/// Manages an HSM as a custodian: header, information, network, the custodian's card, operations.
#[derive(Debug, Parser)]
#[command(
    name = "hsm-client",
    version = program::VERSION,
    after_help = "Every outcome has its exit code and its JSON form: docs/client.md"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// Print outcomes as JSON, an object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What log lines on standard error look like
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
    /// Log more; twice for every message, without what a card answered
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// To whom, from where, for how long. What stands in neither argument nor environment may stand in the file of settings.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConnectionArgs {
    /// The device, `HOST` or `HOST:PORT` [default: 127.0.0.1:4433]
    #[arg(
        long,
        global = true,
        value_name = "ADDR",
        env = "HSM_CLIENT_HSM",
        hide_env_values = true
    )]
    pub(crate) hsm: Option<Address>,
    /// Connect from this address of this machine
    #[arg(
        long,
        global = true,
        value_name = "ADDR",
        env = "HSM_CLIENT_SOURCE",
        hide_env_values = true
    )]
    pub(crate) source: Option<IpAddr>,
    /// Trust the device with this SHA-256 fingerprint and no other; remember nothing
    #[arg(
        long,
        global = true,
        value_name = "FP",
        env = "HSM_CLIENT_FINGERPRINT",
        hide_env_values = true
    )]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The file of devices met before, instead of the user's own
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "HSM_CLIENT_KNOWN_HSMS",
        hide_env_values = true
    )]
    pub(crate) known_hsms: Option<PathBuf>,
    /// Give up after this time, counted over the whole command: `500ms`, `30s`, `2m`
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, env = "HSM_CLIENT_TIMEOUT",
        hide_env_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// Give a device up that owes a word for this time [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, env = "HSM_CLIENT_ANSWER_TIMEOUT",
        hide_env_values = true)]
    pub(crate) answer_timeout: Option<Duration>,
    /// Where cards are put in: `pcsc`, `pcsc:NAME`, `vicc:ADDR:PORT`, `vicc:listen:ADDR:PORT`, or `none`
    #[arg(
        long,
        global = true,
        value_name = "READER",
        env = "HSM_CLIENT_READER",
        hide_env_values = true
    )]
    pub(crate) reader: Option<ReaderName>,
    /// The program that shows a web page, instead of the desktop's own
    #[arg(
        long,
        global = true,
        value_name = "PROGRAM",
        env = "HSM_CLIENT_OPENER",
        hide_env_values = true
    )]
    pub(crate) opener: Option<OsString>,
    /// Write what this program's machines are told into this file, without secrets
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// The file of settings, instead of the user's own
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "HSM_CLIENT_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
}

impl ConnectionArgs {
    /// The device, once the file of settings is read.
    pub(crate) fn device(&self) -> Address {
        self.hsm.clone().unwrap_or_default()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Manage the device on the screen: tabs, custodians, operations
    Console {
        /// The device, as with `--hsm`
        host: Option<Address>,
        /// A card image to propose; once for each custodian of this station
        #[arg(long, value_name = "FILE")]
        card: Vec<PathBuf>,
    },
    /// Be the station of somebody else's program: it says on standard input what its person does, a JSON object a line
    Station,
    /// Show the header: service, model, serial number, firmware, address, mode
    Status,
    /// Show the information about the device
    Info,
    /// Show the network settings, or change those of a Pocket
    Network {
        #[command(subcommand)]
        command: Option<NetworkCommand>,
    },
    /// Open the device's HTTP console in the browser
    Web,
    /// Present a custodian's card, or the activation password of a Pocket; as administrator, stay until end of input or
    /// Ctrl-C
    Auth {
        #[command(flatten)]
        proof: ProofArgs,
        /// While another manager is connected, try again once a second
        #[arg(long)]
        wait: bool,
    },
    /// Present the last custodian's card, or the activation password of a Pocket; operate, and leave
    Op {
        /// What to do
        #[arg(value_enum)]
        name: Operation,
        /// The device's serial number, for what destroys its database
        #[arg(long, value_name = "SERIAL")]
        confirm: Option<String>,
        /// The operating mode of `set-mode`
        #[arg(long, value_name = "MODE", value_parser = ["NRM", "RM1", "RM2"])]
        mode: Option<String>,
        /// The serial number of the node that `live-sync` copies from
        #[arg(long, value_name = "SERIAL")]
        node: Option<String>,
        #[command(flatten)]
        proof: ProofArgs,
    },
    /// Set or change the activation password of a Pocket
    Password {
        #[command(subcommand)]
        command: PasswordCommand,
    },
    /// Show the device's fingerprint and remember it, if the device is new
    Trust {
        /// Forget the fingerprint instead, without connecting
        #[arg(long, conflicts_with = "show")]
        forget: bool,
        /// Show the remembered fingerprint instead, without connecting
        #[arg(long)]
        show: bool,
    },
    /// List the readers of PC/SC
    Readers,
    /// Look at a card without a device
    Card {
        #[command(subcommand)]
        command: CardCommand,
    },
    /// Find out what keeps this station from working, and what to do about it
    Doctor {
        /// Look at this card image, too
        #[arg(long, value_name = "FILE")]
        card: Option<PathBuf>,
    },
    /// Print the completions of a shell
    Completions {
        /// Whose
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print a manual page
    Man {
        /// The command it is about, instead of all
        command: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CardCommand {
    /// Show what a card tells anybody of itself, without its PIN
    Inspect {
        /// The image of the card, instead of the card in the reader
        #[arg(long, value_name = "FILE")]
        card: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// Change settings of a Pocket; what is not named stays
    Set {
        /// The settings as a JSON object: `{"gateway": "192.0.2.1", "interfaces": [{"name": "Interface 1", "ip": "192.0.2.9"}]}`
        #[arg(value_name = "JSON")]
        settings: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PasswordCommand {
    /// Set the first activation password, of a device out of the factory; another device compares it
    Set {
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Set another activation password
    Change {
        #[command(flatten)]
        password: PasswordArgs,
        /// Take the new password from the first line of this file; it is asked for at the terminal if none is given
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
}

/// Where the activation password is, which is asked for at the terminal if neither is given. It is never on the command
/// line, which others can read.
#[derive(Clone, Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Take the activation password from the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub(crate) password_file: Option<PathBuf>,
    /// Take the activation password from this environment variable
    #[arg(long, value_name = "VAR")]
    pub(crate) password_env: Option<String>,
}

impl PasswordArgs {
    /// Whether an activation password is meant, and no card.
    pub(crate) const fn is_given(&self) -> bool {
        self.password_file.is_some() || self.password_env.is_some()
    }
}

/// A custodian's card with its PIN, or an activation password.
#[derive(Debug, Args)]
pub(crate) struct ProofArgs {
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
    /// Ask for the activation password at the terminal; no card is meant
    #[arg(long, conflicts_with_all = ["password_file", "password_env", "card", "pin_file", "pin_env"])]
    pub(crate) ask_password: bool,
}

/// The custodian's card and its PIN, which is asked for at the terminal if neither file nor variable is given.
#[derive(Debug, Args)]
pub(crate) struct CardArgs {
    /// The image of the card, instead of a card in the reader
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password_file", "password_env"])]
    pub(crate) card: Option<PathBuf>,
    /// Take the PIN from the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pin_env", "password_file", "password_env"])]
    pub(crate) pin_file: Option<PathBuf>,
    /// Take the PIN from this environment variable
    #[arg(long, value_name = "VAR", conflicts_with_all = ["password_file", "password_env"])]
    pub(crate) pin_env: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

impl From<LogFormat> for program::LogFormat {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}

/// A time such as `500ms`, `30s`, `2m`; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits_len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at(digits_len);
    let millis = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    let number: Option<u64> = digits.parse().ok();
    match number
        .zip(millis)
        .and_then(|(number, millis)| number.checked_mul(millis))
    {
        Some(0) | None => Err("expected a number over 0 with `ms`, `s` or `m`".into()),
        Some(millis) => Ok(Duration::from_millis(millis)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_time_is_a_number_with_its_unit() {
        for (text, millis) in [("500ms", 500), ("30s", 30_000), ("30", 30_000), ("2m", 120_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
        }
        for text in [
            "",
            "s",
            "0",
            "0ms",
            "-1s",
            "1.5s",
            "1h",
            "1 s",
            "99999999999999999999s",
            "18446744073709551615m",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
