//! `virtual-card new`: makes a card. Its PIN comes from a file, a variable or the terminal, and is shown nowhere.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use apdu::{Csn, hex};
use card_core::{CardImage, InvalidPersonalisation, Personalisation, profile};
use clap::Args;
use program::{ExitCode, Problem, Silence, open_terminal, read_secret_file, read_secret_line, shown};
use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

use super::data;
use crate::{CardFile, card_file::random, read_card};

/// Files of one folder that are looked at for cards with the same serial number.
const NEIGHBOURS_MAX: usize = 10_000;

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The file to make; there must be none
    #[arg(value_name = "CARD")]
    card: PathBuf,
    /// Make a card as it comes from the maker: without PIN, label and format
    #[arg(long, conflicts_with_all = ["label", "pin_file", "pin_env", "mmpn"])]
    virgin: bool,
    /// The label, at most 64 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// Take the PIN, 8 digits, from the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "pin_env")]
    pin_file: Option<PathBuf>,
    /// Take the PIN from this environment variable
    #[arg(long, value_name = "VAR")]
    pin_env: Option<String>,
    /// The wrong PINs that block the card, 1 to 15
    #[arg(long, value_name = "NUMBER", default_value_t = profile::PRESENTATIONS_MAX)]
    mmpn: u8,
    /// The tag that the vendor writes: 4 letters or digits
    #[arg(long, value_name = "TAG", default_value = "SmOe", value_parser = card_type)]
    card_type: [u8; 4],
    /// Family, card name, operating system, program and chip, a byte each, as 10 hexadecimal digits
    #[arg(long, value_name = "HEX", default_value = "A201090138", value_parser = product)]
    product: [u8; 5],
    /// Make a card whose ERASE restores the first PIN and its one change, instead of keeping PIN and seal
    #[arg(long)]
    erase_restores_pin: bool,
    /// The serial number, 32 hexadecimal digits, instead of one that no other card has
    #[arg(long, value_name = "HEX", value_parser = serial_number)]
    csn: Option<Csn>,
}

fn card_type(text: &str) -> Result<[u8; 4], String> {
    <[u8; 4]>::try_from(text.as_bytes())
        .ok()
        .filter(|tag| tag.iter().all(u8::is_ascii_alphanumeric))
        .ok_or_else(|| "expected 4 letters or digits".into())
}

fn product(text: &str) -> Result<[u8; 5], String> {
    bytes(text).ok_or_else(|| "expected 10 hexadecimal digits".into())
}

fn serial_number(text: &str) -> Result<Csn, String> {
    bytes(text)
        .map(Csn)
        .ok_or_else(|| "expected 32 hexadecimal digits".into())
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(&text.to_ascii_uppercase()).ok()?.try_into().ok()
}

/// `virtual-card new`
pub(super) fn new(args: &NewArgs) -> Result<(), Problem> {
    let csn = match args.csn {
        Some(csn) => csn,
        None => random_csn()?,
    };
    let unfit = |error: InvalidPersonalisation| Problem::new(ExitCode::Usage, error.to_string());
    let image = if args.virgin {
        CardImage::virgin(csn)
            .with_card_type(args.card_type)
            .map_err(unfit)?
    } else {
        let pin = pin(args)?;
        CardImage::personalised(&Personalisation {
            csn,
            pin: &pin,
            label: &args.label,
            shadow: &[],
            card_type: args.card_type,
            presentations_max: args.mmpn,
        })
        .map_err(unfit)?
    };
    let image = image
        .with_product(args.product)
        .with_erase_keeps_seal(!args.erase_restores_pin);
    // Until the card is there, so that no other program makes one that prints alike in the meantime.
    let _folder = lock_folder(&args.card)?;
    refuse_equal_print(&args.card, csn)?;
    CardFile::create(&args.card, image).map_err(|error| Problem::from(&error))?;
    data(format!("{csn}\n"))
}

/// A number whose print no other has, as far as 112 random bits go.
//= CD-02
fn random_csn() -> Result<Csn, Problem> {
    let random = random().map_err(|error| {
        Problem::new(
            ExitCode::InputOutput,
            format!("draw a serial number: the system gave no random bytes: {error}"),
        )
    })?;
    Ok(Csn::from_random(random))
}

fn folder_of(card: &Path) -> PathBuf {
    match card.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => ".".into(),
    }
}

/// Holds the folder against another `new`, until it is dropped.
fn lock_folder(card: &Path) -> Result<File, Problem> {
    let folder = folder_of(card);
    let problem = |error: &io::Error| Problem::io("make card in folder", &folder, error);
    let file = File::open(&folder).map_err(|error| problem(&error))?;
    flock(&file, FlockOperation::LockExclusive).map_err(|error| problem(&error.into()))?;
    Ok(file)
}

/// Looks at the cards of the folder. What is no card, or cannot be read, has no serial number.
//= CD-02
fn refuse_equal_print(card: &Path, csn: Csn) -> Result<(), Problem> {
    let folder = folder_of(card);
    let problem = |error: io::Error| Problem::io("look for cards in", &folder, &error);
    let mut looked_at = 0;
    for entry in fs::read_dir(&folder).map_err(problem)? {
        let path = entry.map_err(problem)?.path();
        looked_at += 1;
        if looked_at > NEIGHBOURS_MAX {
            let what = format!(
                "look for cards in `{}`: expected at most {NEIGHBOURS_MAX} files, got more",
                folder.display()
            );
            return Err(Problem::new(ExitCode::Usage, what).hint("make the card in a folder of its own"));
        }
        let Ok(image) = read_card(&path) else {
            continue;
        };
        if image.csn().to_string() == csn.to_string() {
            let what = format!(
                "make card `{}`: expected a serial number that prints like no other, but `{}` prints as {csn} too",
                shown(&card.to_string_lossy()),
                shown(&path.to_string_lossy())
            );
            return Err(Problem::new(ExitCode::Usage, what).hint("leave out `--csn`, or give another"));
        }
    }
    Ok(())
}

/// The PIN of the new card, wherever it comes from.
fn pin(args: &NewArgs) -> Result<Zeroizing<String>, Problem> {
    if let Some(path) = &args.pin_file {
        return read_secret_file(path).map_err(|error| Problem::io("read PIN file", path, &error));
    }
    if let Some(name) = &args.pin_env {
        return env::var(name).map(Zeroizing::new).map_err(|_| {
            Problem::new(
                ExitCode::Usage,
                format!("read PIN: the environment has no text `{}`", shown(name)),
            )
            .hint("set the variable, or use `--pin-file`")
        });
    }
    let no_terminal = |error: io::Error| {
        Problem::new(
            ExitCode::Usage,
            format!("ask for the PIN: there is no terminal ({error})"),
        )
        .hint("use `--pin-file` or `--pin-env`")
    };
    let tty = open_terminal().map_err(no_terminal)?;
    let ask = |prompt: &str| {
        let asked = tty.try_clone().and_then(|tty| Silence::fall(tty, prompt));
        let silence = asked.map_err(no_terminal)?;
        let line = tty.try_clone().map_err(no_terminal).map(read_secret_line)?;
        drop(silence);
        line.ok_or_else(|| Problem::new(ExitCode::GivenUp, "ask for the PIN: the person gave up"))
    };
    let pin = ask("PIN of the new card: ")?;
    if *ask("The same again: ")? != *pin {
        let what = "ask for the PIN: expected the same twice, got two different ones";
        return Err(Problem::new(ExitCode::Usage, what));
    }
    Ok(pin)
}
