//! `virtual-card inspect`: what a card tells anybody of itself, as the vendor's screen shows it. Asks the card as a
//! reader would, writes nothing, and needs no PIN; a card that another program holds can be looked at, too.

use std::{fmt::Write as _, path::PathBuf};

use apdu::{
    CardStatus, CommandApdu, Csn, Exchange, ExchangeOutput, Header, Inspection, Le, ResponseApdu, StatusWord,
    hex, mpcos,
};
use card_core::{Card, Input, Output};
use clap::Args;
use program::{ExitCode, Problem, shown};
use serde_json::{Value, json};

use super::data;
use crate::read_card;

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// The image of the card
    #[arg(value_name = "CARD")]
    card: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// `virtual-card inspect`
pub(super) fn inspect(args: &InspectArgs) -> Result<(), Problem> {
    let image = read_card(&args.card).map_err(|error| Problem::from(&error))?;
    let mut card = Card::from_image(image);
    let inspection = ask(&mut card).ok_or_else(|| {
        let path = shown(&args.card.to_string_lossy());
        let what =
            format!("inspect card `{path}`: expected its serial number and status, got another answer");
        Problem::new(ExitCode::Card, what)
    })?;
    if args.json {
        data(format!("{}\n", inspection_to_json(&inspection)))
    } else {
        data(screen(&inspection))
    }
}

fn screen(inspection: &Inspection) -> String {
    let mut text = String::new();
    for (name, value) in inspection.rows() {
        writeln!(text, "{name:<10} : {value}").expect("a String takes everything");
    }
    text
}

/// What a card tells anybody, as `inspect --json` prints it. The members are in `docs/virtual-card.md`.
pub fn inspection_to_json(inspection: &Inspection) -> Value {
    let status = &inspection.status;
    let [.., program, chip] = status.product;
    json!({
        "atr": inspection.atr.to_string(),
        "csn": inspection.csn.to_string(),
        "csn_bytes": hex::encode(&inspection.csn.0),
        "family": inspection.family(),
        "card_name": inspection.card_name(),
        "card_os": inspection.card_os(),
        "program_version": format!("{program:02X}"),
        "chip_version": format!("{chip:02X}"),
        "lock1": format!("{:02X}", status.lock1),
        "lock2": format!("{:02X}", status.lock2),
        "card_type": inspection.card_type(),
        "pin_locked": inspection.is_pin_locked(),
        "pin_changes_left": status.pin_changes_left,
        "pin_scr": status.try_counter,
        "pin_mmpn": status.presentations_max,
        "formatted": inspection.is_formatted(),
        "tries_left": inspection.tries_left(),
        "blocked": status.is_blocked,
        "shadow_bytes": status.shadow_len,
    })
}

/// Asks a card in no reader; `None` if it does not answer as a card of ours does.
fn ask(card: &mut Card) -> Option<Inspection> {
    card.handle_input(Input::PowerOn);
    let Some(Output::Atr(atr)) = card.poll_output() else {
        return None;
    };
    let status = transact(card, mpcos::CARD_STATUS)?;
    let csn = transact(card, mpcos::SERIAL_NUMBER)?;
    Some(Inspection {
        atr,
        csn: Csn(csn.try_into().ok()?),
        status: CardStatus::try_from(&status[..]).ok()?,
    })
}

fn transact(card: &mut Card, header: Header) -> Option<Vec<u8>> {
    let mut exchange = Exchange::new(CommandApdu::expecting(header, Le::ALL));
    loop {
        match exchange.poll_output()? {
            ExchangeOutput::Transmit(tpdu) => {
                card.handle_input(Input::Transmit(&tpdu));
                // None of these commands writes a cell.
                let Some(Output::Answer(response)) = card.poll_output() else {
                    return None;
                };
                exchange.handle_response(response);
            }
            ExchangeOutput::Finished(Ok(ResponseApdu {
                data,
                status: StatusWord::OK,
            })) => return Some(data),
            ExchangeOutput::Finished(_) => return None,
        }
    }
}
