//! `virtual-card apdu`: sends commands to a card as they stand, and shows each answer with what it means. Resolves neither
//! 61xx nor 6Cxx: whoever sends by hand wants to see them.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use apdu::{ReaderAnswer, ReaderCommand, hex};
use clap::Args;
use program::{ExitCode, Problem, shown};

use super::data;
use crate::CardFile;

/// Bytes of the longest script.
const SCRIPT_BYTES_MAX: u64 = 1_048_576;
/// Bytes of the longest command: T=0 knows no longer one than 260, and a card is to refuse what is longer.
const COMMAND_BYTES_MAX: usize = 4_096;
/// Commands that carry a PIN: VERIFY, CHANGE PIN, FORMAT.
const SECRET_INSTRUCTIONS: [u8; 3] = [0x20, 0x24, 0xFA];

#[derive(Debug, Args)]
pub(super) struct ApduArgs {
    /// The image of the card
    #[arg(value_name = "CARD")]
    card: PathBuf,
    /// Commands in hexadecimal, such as `80C002E018` or `"80 C0 02 E0 18"`, or `reset`
    #[arg(
        value_name = "COMMAND",
        required_unless_present = "script",
        conflicts_with = "script"
    )]
    commands: Vec<String>,
    /// Take the commands from a file instead, one a line; what follows a `#` is a comment
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

/// `virtual-card apdu`
pub(super) fn apdu(args: &ApduArgs) -> Result<(), Problem> {
    // All of it is read before the card sees any of it.
    let steps = match &args.script {
        Some(path) => read_script(path)?,
        None => args
            .commands
            .iter()
            .enumerate()
            .map(|(at, text)| step(text).map_err(|why| refused(&format!("command {}", at + 1), &why)))
            .collect::<Result<_, _>>()?,
    };
    let mut card = CardFile::open(&args.card).map_err(|error| Problem::from(&error))?;
    data(&power_on(&mut card)?)?;
    for step in &steps {
        match step {
            Step::Reset => data(&power_on(&mut card)?)?,
            Step::Transmit(command) => {
                let answer = card.answer(&ReaderCommand::Transmit(command.clone()));
                let answer = answered(&card, &answer)?;
                data(format!("> {}\n{answer}", shown_command(command)))?;
            }
        }
    }
    Ok(())
}

enum Step {
    Reset,
    Transmit(Vec<u8>),
}

fn refused(place: &str, why: &str) -> Problem {
    Problem::new(ExitCode::Usage, format!("read {place}: {why}"))
        .hint("a command is hexadecimal digits in pairs, such as `80 C0 02 E0 18`; `reset` resets the card")
}

/// A command of this text. What is refused is not repeated, for it may hold a PIN.
fn step(text: &str) -> Result<Step, String> {
    if text.trim().eq_ignore_ascii_case("reset") {
        return Ok(Step::Reset);
    }
    let digits: String = text
        .chars()
        .filter(|character| !character.is_whitespace() && *character != ':')
        .map(|character| character.to_ascii_uppercase())
        .collect();
    let command = hex::decode(&digits).map_err(|why| why.to_string())?;
    match command.len() {
        1..=COMMAND_BYTES_MAX => Ok(Step::Transmit(command)),
        len => Err(format!("expected 1 to {COMMAND_BYTES_MAX} bytes, got {len}")),
    }
}

fn read_script(path: &Path) -> Result<Vec<Step>, Problem> {
    let problem = |error: &io::Error| Problem::io("read script", path, error);
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(SCRIPT_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| problem(&error))?;
    if u64::try_from(text.len()).is_ok_and(|len| len > SCRIPT_BYTES_MAX) {
        let what = format!(
            "read script `{}`: expected at most {SCRIPT_BYTES_MAX} bytes, got more",
            shown(&path.to_string_lossy())
        );
        return Err(Problem::new(ExitCode::Usage, what).hint("send it in parts"));
    }
    let mut steps = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let command = line.split('#').next().unwrap_or_default().trim();
        if command.is_empty() {
            continue;
        }
        let place = format!("script `{}`, line {number}", shown(&path.to_string_lossy()));
        steps.push(step(command).map_err(|why| refused(&place, &why))?);
    }
    Ok(steps)
}

fn power_on(card: &mut CardFile) -> Result<String, Problem> {
    let answer = card.answer(&ReaderCommand::PowerOn);
    Ok(format!("reset\n{}", answered(card, &answer)?))
}

/// The line of an answer. A card that cannot be written says no more.
fn answered(card: &CardFile, answer: &ReaderAnswer) -> Result<String, Problem> {
    if let Some(failure) = card.failure() {
        return Err(failure.into());
    }
    match answer {
        ReaderAnswer::Atr(atr) => Ok(format!("< {atr}\n")),
        ReaderAnswer::Response(response) if response.data.is_empty() => {
            Ok(format!("< {}\n", response.status))
        }
        ReaderAnswer::Response(response) => {
            Ok(format!("< {} {}\n", hex::encode(&response.data), response.status))
        }
        other => {
            let what = format!("send a command: expected an answer of the card, got {other:?}");
            Err(Problem::new(ExitCode::Card, what))
        }
    }
}

/// A command without the PIN it may carry.
fn shown_command(command: &[u8]) -> String {
    match command {
        [_, instruction, _, _, _, data @ ..]
            if SECRET_INSTRUCTIONS.contains(instruction) && !data.is_empty() =>
        {
            format!("{} ({} bytes not shown)", hex::encode(&command[..5]), data.len())
        }
        _ => hex::encode(command),
    }
}
