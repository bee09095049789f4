//! `hsm-client readers` and `hsm-client card inspect`: what is there before any device is asked. Presents no PIN.

use std::path::Path;

use apdu::{
    Atr, CardStatus, CommandApdu, Csn, Exchange, ExchangeOutput, Header, Inspection, Le, ReaderAnswer,
    ReaderCommand, ResponseApdu, StatusWord, mpcos,
};

use crate::{
    outcome::Outcome,
    reader::{ReaderName, Slot},
};

/// What can be wrong with a card before its PIN matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CardFault {
    NoReader,
    NoCard,
    Mute,
    /// It answers, and not as a custodian's card does.
    OtherKind,
}

impl CardFault {
    /// What is wrong, and what to do about it.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoReader => (
                "the reader does not answer",
                "plug the reader in, and end other programs that hold the card",
            ),
            Self::NoCard => ("no card is in the reader", "insert the card of a custodian"),
            Self::Mute => (
                "the card does not answer",
                "take it out, clean its contacts, insert it the right way round",
            ),
            Self::OtherKind => (
                "the card is of another kind",
                "insert the card of a custodian; see docs/card.md for what it answers",
            ),
        }
    }

    pub(crate) fn outcome(self) -> Outcome {
        let (what, hint) = self.words();
        Outcome::Reader {
            message: format!("inspect card: {what}"),
            hint: Some(hint.into()),
        }
    }
}

/// The card that the user means.
pub(crate) fn slot(image: Option<&Path>, reader: Option<&ReaderName>) -> Result<Slot, Outcome> {
    match (image, reader) {
        (Some(image), _) => Slot::open_image(image),
        (None, Some(reader)) => Slot::open(reader),
        (None, None) => Err(Outcome::Usage {
            message: "find the card: neither a card image nor a reader is named".into(),
            hint: "use `--card FILE`, or `--reader pcsc`",
        }),
    }
}

/// Asks the card in the slot, and resets it.
pub(crate) fn inspect(slot: &mut Slot) -> Result<Inspection, CardFault> {
    let inspection = match slot.answer(&ReaderCommand::PowerOn) {
        ReaderAnswer::Atr(atr) => ask(slot, atr),
        ReaderAnswer::CardAbsent | ReaderAnswer::CardRemoved => Err(CardFault::NoCard),
        ReaderAnswer::ReaderUnavailable => Err(CardFault::NoReader),
        ReaderAnswer::CardMute | ReaderAnswer::Response(_) | ReaderAnswer::PoweredOff => Err(CardFault::Mute),
    };
    slot.answer(&ReaderCommand::PowerOff);
    inspection
}

fn ask(slot: &mut Slot, atr: Atr) -> Result<Inspection, CardFault> {
    let status = transact(slot, mpcos::CARD_STATUS)?;
    let csn = transact(slot, mpcos::SERIAL_NUMBER)?;
    Ok(Inspection {
        atr,
        csn: Csn(csn.try_into().map_err(|_| CardFault::OtherKind)?),
        status: CardStatus::try_from(&status[..]).map_err(|_| CardFault::OtherKind)?,
    })
}

fn transact(slot: &mut Slot, header: Header) -> Result<Vec<u8>, CardFault> {
    let mut exchange = Exchange::new(CommandApdu::expecting(header, Le::ALL));
    while let Some(output) = exchange.poll_output() {
        match output {
            ExchangeOutput::Transmit(tpdu) => match slot.answer(&ReaderCommand::Transmit(tpdu)) {
                ReaderAnswer::Response(response) => exchange.handle_response(response),
                ReaderAnswer::CardAbsent | ReaderAnswer::CardRemoved => return Err(CardFault::NoCard),
                ReaderAnswer::ReaderUnavailable => return Err(CardFault::NoReader),
                ReaderAnswer::CardMute | ReaderAnswer::Atr(_) | ReaderAnswer::PoweredOff => {
                    return Err(CardFault::Mute);
                }
            },
            ExchangeOutput::Finished(Ok(ResponseApdu {
                data,
                status: StatusWord::OK,
            })) => return Ok(data),
            ExchangeOutput::Finished(_) => return Err(CardFault::OtherKind),
        }
    }
    Err(CardFault::OtherKind)
}

/// The readers of PC/SC by their names.
#[cfg(feature = "pcsc")]
pub(crate) fn readers() -> Result<Vec<String>, Outcome> {
    pcsc_reader::reader_names().map_err(|problem| Outcome::Reader {
        message: problem.what,
        hint: problem.hint,
    })
}

/// Without PC/SC built in there is nobody to ask.
#[cfg(not(feature = "pcsc"))]
pub(crate) fn readers() -> Result<Vec<String>, Outcome> {
    Err(Outcome::Reader {
        message: "list the readers of PC/SC: this program was built without PC/SC".into(),
        hint: Some("build it with `--features pcsc`; card images and `vicc` readers need no list".into()),
    })
}
