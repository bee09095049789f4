//! One card dialog of a station: what the device asks of the card, what the custodian is asked for, what the reader
//! is told. Knows no session and no line; `session.rs` opens it with `auth.start` and ends it, however that comes.

use std::collections::VecDeque;

use apdu::{ReaderAnswer, ReaderCommand};
use protocol::{CardAtr, CardResponse, DeviceRequest, ErrorName, PinStatus};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Notice,
    relay::{PinRequested, Relayable, present_pin},
};
use crate::Pin;

/// What the dialog asks of the session around it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CardOutput {
    /// Answer this request of the device.
    Answer(u64, Result<Value, ErrorName>),
    /// Tell the reader.
    Reader(ReaderCommand),
    /// Ask for a card to be inserted.
    AskForCard,
    /// Ask for the PIN.
    AskForPin,
    /// Take the prompt back.
    WithdrawPrompt,
    /// Tell the user.
    Notice(Notice),
}

/// The slot of a station: at most one dialog at a time, over a reader that answers in order.
#[derive(Clone, Debug, Default)]
pub(super) struct CardSlot {
    dialog: Option<Dialog>,
    /// Answers that the reader owes to commands whose dialog is over, or that nobody waits for.
    stale_answers: u32,
    outputs: VecDeque<CardOutput>,
}

/// Proof that the card was taken for this dialog. There is one a dialog, and giving it back is the reset of the card.
#[derive(Clone, Debug)]
struct CardTaken(());

#[derive(Clone, Debug, Default)]
struct Dialog {
    state: State,
    /// Set from the first power-on to the reset.
    taken: Option<CardTaken>,
}

/// What the dialog waits for. `request` is the id of the device's request that is to be answered.
#[derive(Clone, Debug, Default)]
enum State {
    /// For the device; there is no card under power.
    #[default]
    Off,
    /// For the device; the card is under power.
    Ready,
    /// For the device; the card was taken out since it was powered on.
    Removed,
    /// For a card to be inserted; the prompt is out.
    ExpectCard(ExpectCard),
    /// For the reader to power the card on.
    ExpectAtr(ExpectAtr),
    /// For the card's answer.
    ExpectResponse(ExpectResponse),
    /// For the PIN; the prompt is out.
    ExpectPin(ExpectPin),
    /// For the card's answer to the PIN.
    ExpectPinStatus(ExpectPinStatus),
}

#[derive(Clone, Debug)]
struct ExpectCard {
    request: u64,
}

#[derive(Clone, Debug)]
struct ExpectAtr {
    request: u64,
    /// A card was inserted after the reader was told: if it answers that there is none, it is told again.
    inserted_since: bool,
}

#[derive(Clone, Debug)]
struct ExpectResponse {
    request: u64,
    removed_since: bool,
}

#[derive(Clone, Debug)]
struct ExpectPin {
    request: u64,
    /// The only thing that a PIN may be asked for.
    requested: PinRequested,
}

#[derive(Clone, Debug)]
struct ExpectPinStatus {
    request: u64,
    removed_since: bool,
}

impl State {
    /// The request of the device that waits, if one does.
    const fn request(&self) -> Option<u64> {
        match self {
            Self::Off | Self::Ready | Self::Removed => None,
            Self::ExpectCard(ExpectCard { request })
            | Self::ExpectAtr(ExpectAtr { request, .. })
            | Self::ExpectResponse(ExpectResponse { request, .. })
            | Self::ExpectPin(ExpectPin { request, .. })
            | Self::ExpectPinStatus(ExpectPinStatus { request, .. }) => Some(*request),
        }
    }

    /// Whether a prompt is before the user.
    const fn is_prompting(&self) -> bool {
        match self {
            Self::ExpectCard(_) | Self::ExpectPin(_) => true,
            Self::Off
            | Self::Ready
            | Self::Removed
            | Self::ExpectAtr(_)
            | Self::ExpectResponse(_)
            | Self::ExpectPinStatus(_) => false,
        }
    }

    /// Whether the reader owes an answer that the dialog waits for.
    const fn is_at_reader(&self) -> bool {
        match self {
            Self::ExpectAtr(_) | Self::ExpectResponse(_) | Self::ExpectPinStatus(_) => true,
            Self::Off | Self::Ready | Self::Removed | Self::ExpectCard(_) | Self::ExpectPin(_) => false,
        }
    }
}

impl CardSlot {
    /// The next thing to do, until there is none.
    pub(super) fn poll_output(&mut self) -> Option<CardOutput> {
        self.outputs.pop_front()
    }

    /// An `auth.start` is pending: the device may ask for the card.
    pub(super) fn open(&mut self) {
        assert!(
            self.dialog.is_none(),
            "a dialog is ended before the next one opens"
        );
        self.dialog = Some(Dialog::default());
    }

    /// Whether the device may ask for the card.
    pub(super) const fn is_open(&self) -> bool {
        self.dialog.is_some()
    }

    /// The dialog is over: the prompt is withdrawn and the card reset, once. `abandoned` answers a request of the
    /// device that still waits, or nobody is left to answer.
    //= RM-20
    pub(super) fn end(&mut self, abandoned: Option<ErrorName>) {
        let Some(dialog) = self.dialog.take() else {
            return;
        };
        if dialog.state.is_prompting() {
            self.outputs.push_back(CardOutput::WithdrawPrompt);
        }
        if dialog.state.is_at_reader() {
            self.stale_answers += 1;
        }
        if let Some(taken) = dialog.taken {
            self.reset_card(taken);
        }
        if let (Some(request), Some(error)) = (dialog.state.request(), abandoned) {
            self.answer_error(request, error);
        }
    }

    /// The device asks for the card.
    pub(super) fn on_request(&mut self, request: u64, asked: &DeviceRequest) {
        //= AU-22
        let Some(dialog) = &self.dialog else {
            return self.refuse(request, asked);
        };
        // One thing at a time: a card has one line, and a custodian reads one prompt.
        let is_busy = dialog.state.request().is_some();
        match asked {
            DeviceRequest::CardPowerOff => self.on_power_off(request),
            DeviceRequest::CardPowerOn
            | DeviceRequest::CardTransmit { .. }
            | DeviceRequest::CardVerifyPin { .. }
                if is_busy =>
            {
                self.answer_error(request, ErrorName::WrongState);
            }
            DeviceRequest::CardPowerOn => self.power_on(request),
            DeviceRequest::CardTransmit { apdu } => match Relayable::try_from(apdu.clone()) {
                Ok(command) => self.on_transmit(request, command),
                Err(_) => self.refuse(request, asked),
            },
            DeviceRequest::CardVerifyPin { header } => match PinRequested::try_from(&header[..]) {
                Ok(requested) => self.on_verify_pin(request, requested),
                Err(_) => self.refuse(request, asked),
            },
        }
    }

    /// The device asks for the card of a dialog that this station's custodian has ended. Nothing to do but say so.
    pub(super) fn on_request_too_late(&mut self, request: u64, asked: &DeviceRequest) {
        match asked {
            DeviceRequest::CardPowerOff => self.answer(request, Map::new()),
            DeviceRequest::CardPowerOn
            | DeviceRequest::CardTransmit { .. }
            | DeviceRequest::CardVerifyPin { .. } => {
                self.answer_error(request, ErrorName::PinCancelled);
            }
        }
    }

    /// The device is done with the card, whatever it asked for before; the dialog itself ends with its `auth.start`.
    fn on_power_off(&mut self, request: u64) {
        self.end(Some(ErrorName::WrongState));
        self.open();
        self.answer(request, Map::new());
    }

    fn power_on(&mut self, request: u64) {
        self.move_to(State::ExpectAtr(ExpectAtr {
            request,
            inserted_since: false,
        }));
        if let Some(dialog) = &mut self.dialog {
            dialog.taken.get_or_insert(CardTaken(()));
        }
        self.outputs.push_back(CardOutput::Reader(ReaderCommand::PowerOn));
    }

    fn on_transmit(&mut self, request: u64, command: Relayable) {
        if let Err(error) = self.check_powered() {
            return self.answer_error(request, error);
        }
        self.move_to(State::ExpectResponse(ExpectResponse {
            request,
            removed_since: false,
        }));
        let command = ReaderCommand::Transmit(command.into_tpdu());
        self.outputs.push_back(CardOutput::Reader(command));
    }

    fn on_verify_pin(&mut self, request: u64, requested: PinRequested) {
        if let Err(error) = self.check_powered() {
            return self.answer_error(request, error);
        }
        self.move_to(State::ExpectPin(ExpectPin { request, requested }));
        self.outputs.push_back(CardOutput::AskForPin);
    }

    /// Whether there is a card to talk to, and else what the device is told.
    fn check_powered(&self) -> Result<(), ErrorName> {
        match self.dialog.as_ref().map(|dialog| &dialog.state) {
            Some(State::Ready) => Ok(()),
            Some(State::Removed) => Err(ErrorName::CardRemoved),
            Some(
                State::Off
                | State::ExpectCard(_)
                | State::ExpectAtr(_)
                | State::ExpectResponse(_)
                | State::ExpectPin(_)
                | State::ExpectPinStatus(_),
            )
            | None => Err(ErrorName::CardAbsent),
        }
    }

    /// A card was put into the reader.
    pub(super) fn on_card_inserted(&mut self) {
        let Some(dialog) = &mut self.dialog else { return };
        match &mut dialog.state {
            State::ExpectCard(ExpectCard { request }) => {
                let request = *request;
                self.power_on(request);
            }
            State::ExpectAtr(waiting) => waiting.inserted_since = true,
            State::Off
            | State::Ready
            | State::Removed
            | State::ExpectResponse(_)
            | State::ExpectPin(_)
            | State::ExpectPinStatus(_) => {}
        }
    }

    /// The card was taken out of the reader. A command in flight is answered by the reader, which knows how far it
    /// came.
    pub(super) fn on_card_removed(&mut self) {
        let Some(dialog) = &mut self.dialog else { return };
        match &mut dialog.state {
            State::Ready => dialog.state = State::Removed,
            State::ExpectAtr(waiting) => waiting.inserted_since = false,
            State::ExpectResponse(ExpectResponse { removed_since, .. })
            | State::ExpectPinStatus(ExpectPinStatus { removed_since, .. }) => *removed_since = true,
            State::ExpectPin(ExpectPin { request, .. }) => {
                let request = *request;
                dialog.state = State::Removed;
                self.outputs.push_back(CardOutput::WithdrawPrompt);
                self.answer_error(request, ErrorName::CardRemoved);
            }
            State::Off | State::Removed | State::ExpectCard(_) => {}
        }
    }

    /// The reader answers its oldest command that has no answer yet.
    pub(super) fn on_reader_answer(&mut self, answer: ReaderAnswer) {
        if self.stale_answers > 0 {
            self.stale_answers -= 1;
            return;
        }
        let Some(dialog) = &mut self.dialog else { return };
        match core::mem::take(&mut dialog.state) {
            State::ExpectAtr(waiting) => self.on_power_on_answer(&waiting, answer),
            State::ExpectResponse(ExpectResponse {
                request,
                removed_since,
            }) => {
                if let Some(response) = self.on_transmit_answer(request, removed_since, answer) {
                    self.answer(request, CardResponse { response });
                }
            }
            State::ExpectPinStatus(ExpectPinStatus {
                request,
                removed_since,
            }) => {
                if let Some(response) = self.on_transmit_answer(request, removed_since, answer) {
                    let status_word = response[response.len() - 2..].to_vec();
                    self.answer(request, PinStatus { status_word });
                }
            }
            // A reader that answers what nobody asked: nothing is done about it.
            state @ (State::Off
            | State::Ready
            | State::Removed
            | State::ExpectCard(_)
            | State::ExpectPin(_)) => {
                dialog.state = state;
            }
        }
    }

    fn on_power_on_answer(&mut self, waiting: &ExpectAtr, answer: ReaderAnswer) {
        let request = waiting.request;
        match answer {
            ReaderAnswer::Atr(atr) => {
                self.move_to(State::Ready);
                let atr = atr.as_bytes().to_vec();
                self.answer(request, CardAtr { atr });
            }
            ReaderAnswer::CardAbsent if waiting.inserted_since => self.power_on(request),
            ReaderAnswer::CardAbsent => {
                self.release();
                self.move_to(State::ExpectCard(ExpectCard { request }));
                self.outputs.push_back(CardOutput::AskForCard);
            }
            ReaderAnswer::ReaderUnavailable => {
                self.release();
                self.answer_error(request, ErrorName::ReaderUnavailable);
            }
            ReaderAnswer::CardRemoved => self.answer_error(request, ErrorName::CardRemoved),
            // A reader that answers something else than was asked is as good as a mute card.
            ReaderAnswer::CardMute | ReaderAnswer::Response(_) | ReaderAnswer::PoweredOff => {
                self.answer_error(request, ErrorName::CardMute);
            }
        }
    }

    /// The card's bytes; else the device has been told why there are none.
    fn on_transmit_answer(
        &mut self,
        request: u64,
        removed_since: bool,
        answer: ReaderAnswer,
    ) -> Option<Vec<u8>> {
        let (state, outcome) = match answer {
            ReaderAnswer::Response(response) if removed_since => (State::Removed, Ok(response.to_bytes())),
            ReaderAnswer::Response(response) => (State::Ready, Ok(response.to_bytes())),
            ReaderAnswer::CardRemoved => (State::Removed, Err(ErrorName::CardRemoved)),
            ReaderAnswer::CardAbsent => (State::Removed, Err(ErrorName::CardAbsent)),
            ReaderAnswer::ReaderUnavailable => (State::Off, Err(ErrorName::ReaderUnavailable)),
            ReaderAnswer::CardMute | ReaderAnswer::Atr(_) | ReaderAnswer::PoweredOff => {
                (State::Off, Err(ErrorName::CardMute))
            }
        };
        self.move_to(state);
        outcome.map_err(|error| self.answer_error(request, error)).ok()
    }

    /// The custodian typed something. Wiped when this returns.
    pub(super) fn on_pin_entered(&mut self, pin: &Pin) {
        let Some(dialog) = &mut self.dialog else { return };
        let State::ExpectPin(ExpectPin { request, requested }) = &dialog.state else {
            return;
        };
        match pin.check() {
            Ok(entry) => {
                let verify = present_pin(&entry, requested);
                dialog.state = State::ExpectPinStatus(ExpectPinStatus {
                    request: *request,
                    removed_since: false,
                });
                self.outputs.push_back(CardOutput::Reader(verify));
            }
            //= PN-03
            Err(why) => {
                self.outputs
                    .push_back(CardOutput::Notice(Notice::PinRefused(why)));
                self.outputs.push_back(CardOutput::AskForPin);
            }
        }
    }

    /// The custodian gave up at the prompt: no try is lost.
    //= AU-09
    pub(super) fn on_pin_cancelled(&mut self) {
        let Some(dialog) = &mut self.dialog else { return };
        let (request, state) = match &dialog.state {
            State::ExpectCard(ExpectCard { request }) => (*request, State::Off),
            State::ExpectPin(ExpectPin { request, .. }) => (*request, State::Ready),
            State::Off
            | State::Ready
            | State::Removed
            | State::ExpectAtr(_)
            | State::ExpectResponse(_)
            | State::ExpectPinStatus(_) => return,
        };
        dialog.state = state;
        self.answer_error(request, ErrorName::PinCancelled);
    }

    fn move_to(&mut self, state: State) {
        if let Some(dialog) = &mut self.dialog {
            dialog.state = state;
        }
    }

    /// The reader holds nothing for this dialog, so there is nothing to reset.
    fn release(&mut self) {
        if let Some(dialog) = &mut self.dialog {
            dialog.taken = None;
        }
    }

    fn reset_card(&mut self, CardTaken(()): CardTaken) {
        self.stale_answers += 1;
        self.outputs
            .push_back(CardOutput::Reader(ReaderCommand::PowerOff));
    }

    fn answer(&mut self, request: u64, result: impl Serialize) {
        let result =
            serde_json::to_value(result).expect("our own types have string keys and no failing serializer");
        self.outputs.push_back(CardOutput::Answer(request, Ok(result)));
    }

    fn answer_error(&mut self, request: u64, error: ErrorName) {
        self.outputs.push_back(CardOutput::Answer(request, Err(error)));
    }

    /// The custodian learns of it too: a device that asks for such a thing is not to be trusted with a card.
    fn refuse(&mut self, request: u64, asked: &DeviceRequest) {
        let command = match asked {
            DeviceRequest::CardPowerOn | DeviceRequest::CardPowerOff => &[][..],
            DeviceRequest::CardTransmit { apdu } => apdu,
            DeviceRequest::CardVerifyPin { header } => header,
        };
        self.outputs
            .push_back(CardOutput::Notice(Notice::CardRequestRefused {
                method: asked.method().to_owned(),
                header: command[..command.len().min(4)].to_vec(),
            }));
        self.answer_error(request, ErrorName::ApduRefused);
    }
}
