//! One dialog with one card, at the local reader or at a station: what was asked last, and what the answers mean.
//! Knows neither connections nor screens.

use apdu::{
    Atr, Csn, ResponseApdu, StatusWord,
    procedure::{CardReading, CardRefusal, ReadShadow, ReadShadowInput, ReadShadowOutput},
};
use protocol::{Error, ErrorName};

use crate::{
    Event, Where,
    event::CardOutcome,
    key::{Shadow, ShadowError},
};

/// A dialog that is under way.
#[derive(Clone, Debug)]
pub(crate) struct CardDialog {
    procedure: ReadShadow,
    expected: Expected,
    powered: bool,
}

/// What the answer that is awaited must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Atr,
    Response,
    PinStatus,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    PowerOn,
    Transmit(Vec<u8>),
    VerifyPin,
    Finished(Result<Shadow, Error>),
}

impl CardDialog {
    pub(crate) fn new() -> Self {
        Self {
            procedure: ReadShadow::new(),
            expected: Expected::Atr,
            powered: false,
        }
    }

    pub(crate) fn expected(&self) -> Expected {
        self.expected
    }

    /// The next thing to ask for, until the dialog waits or is over.
    pub(crate) fn next(&mut self) -> Option<Next> {
        Some(match self.procedure.poll_output()? {
            ReadShadowOutput::PowerOn => {
                self.expected = Expected::Atr;
                Next::PowerOn
            }
            ReadShadowOutput::Transmit(tpdu) => {
                self.expected = Expected::Response;
                Next::Transmit(tpdu)
            }
            ReadShadowOutput::VerifyPin => {
                self.expected = Expected::PinStatus;
                Next::VerifyPin
            }
            ReadShadowOutput::Finished(Ok(reading)) => Next::Finished(shadow_of(&reading)),
            ReadShadowOutput::Finished(Err(refusal)) => Next::Finished(Err(refusal_error(refusal))),
        })
    }

    pub(crate) fn on_atr(&mut self, atr: Atr) {
        self.powered = true;
        self.procedure.handle_input(ReadShadowInput::Atr(atr));
    }

    pub(crate) fn on_response(&mut self, response: ResponseApdu) {
        self.procedure.handle_input(ReadShadowInput::Response(response));
    }

    pub(crate) fn on_pin_status(&mut self, status: StatusWord) {
        self.procedure.handle_input(ReadShadowInput::PinStatus(status));
    }

    /// The event that tells of this dialog, if it ever powered a card.
    //= AU-14
    pub(crate) fn event(&self, at: Where, outcome: CardOutcome) -> Option<Event> {
        let learned = self.procedure.learned();
        let serial: Option<Csn> = learned.serial_number;
        let label = learned
            .label
            .as_ref()
            .map(|label| String::from_utf8_lossy(label).into_owned());
        self.powered.then_some(Event::CardUsed {
            at,
            serial,
            label,
            outcome,
        })
    }
}

fn shadow_of(reading: &CardReading) -> Result<Shadow, Error> {
    Shadow::parse(reading.shadow.expose()).map_err(|why| {
        match why {
            ShadowError::Damaged => ErrorName::CardDamaged,
            ShadowError::Incompatible => ErrorName::CardIncompatible,
        }
        .into()
    })
}

fn refusal_error(refusal: CardRefusal) -> Error {
    match refusal {
        CardRefusal::Incompatible => ErrorName::CardIncompatible.into(),
        CardRefusal::NotInitialized => ErrorName::CardNotInitialized.into(),
        CardRefusal::Blocked => ErrorName::CardBlocked.into(),
        //= AU-09
        CardRefusal::PinWrong { tries_left } => {
            ErrorName::PinWrong.into_error().with("tries_left", tries_left)
        }
        CardRefusal::Damaged => ErrorName::CardDamaged.into(),
        CardRefusal::CardError(status) => ErrorName::CardError
            .into_error()
            .with("status_word", format!("{:04X}", status.0)),
    }
}
