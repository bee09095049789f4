//! What the Smart Card Manager does with the one card in the local reader, from its power-on until it is let go:
//! inspects it, presents its PIN, changes it, reads label and shadow, writes them, erases them. Never relays anything
//! to a station, and never presents a PIN that it was not given for that very request.

use core::fmt;
use std::collections::VecDeque;

use super::LearnedOfCard;
use crate::{
    Atr, CardStatus, CommandApdu, Csn, Exchange, ExchangeOutput, Inspection, Le, LifeCycle, NewPin, PinEntry,
    ResponseApdu, SecretBytes, StatusWord, mpcos,
};

/// A card in the reader. It is asked for one thing after the other; each ends with one
/// [`CardVisitOutput::Finished`]. Dropping it leaves the card powered; its owner switches it off.
#[derive(Clone, Debug)]
pub struct CardVisit {
    /// The commands that are still to be sent for what was asked for.
    planned: VecDeque<Planned>,
    under_way: UnderWay,
    atr: Option<Atr>,
    status: Option<CardStatus>,
    learned: LearnedOfCard,
    shadow: Option<SecretBytes>,
    is_being_written: bool,
    outputs: VecDeque<CardVisitOutput>,
}

/// What the visit asks for, one at a time.
#[derive(Clone, PartialEq, Eq)]
pub enum CardVisitOutput {
    /// Reset the card and tell its ATR.
    PowerOn,
    /// Send one T=0 command and tell its answer unchanged. It may carry a PIN or a shadow.
    Transmit(Vec<u8>),
    /// What was asked for is done or refused. The card is still powered.
    Finished(Result<(), VisitRefusal>),
}

/// Why a card did not do what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitRefusal {
    /// Another card, or one that does not keep to T=0.
    Incompatible,
    /// Never formatted, so without a PIN.
    Unformatted,
    /// The PIN is blocked, or has just been.
    Blocked,
    /// The PIN was wrong; the card counts one more try.
    PinWrong {
        /// Tries that are left, 1..=15.
        tries_left: u8,
    },
    /// The PIN was changed before and can never be changed again. Source: SC-02.
    PinSealed,
    /// What was read back is not what was written, or not as long as the card says.
    Damaged,
    /// The card answered something that is not foreseen.
    CardError(StatusWord),
}

/// A command with what its answer must be.
#[derive(Clone, Debug)]
struct Planned {
    command: CommandApdu,
    expected: Expected,
}

#[derive(Clone, Debug)]
enum UnderWay {
    Nothing,
    PowerOn,
    Command(Exchange, Expected),
}

/// What the answer to a command must be.
#[derive(Clone, Debug)]
enum Expected {
    Applet,
    Status,
    SerialNumber,
    PinVerified,
    PinChanged,
    FileSelected,
    Label,
    /// So many bytes.
    Shadow(usize),
    Written,
    /// The label that was just written.
    LabelReadBack(Vec<u8>),
    /// The shadow that was just written.
    ShadowReadBack(SecretBytes),
    Erased,
    /// The status of a card without a shadow.
    ErasedStatus,
}

impl CardVisit {
    /// Begins with the power-on and with what the card tells anybody: its ATR, its status and its serial number.
    //= SC-01
    pub fn new() -> Self {
        let select =
            CommandApdu::with_data(mpcos::SELECT_BY_NAME, &mpcos::APPLET).expect("the name has 16 bytes");
        Self {
            planned: VecDeque::from([
                Planned::new(select, Expected::Applet),
                Planned::new(status(), Expected::Status),
                Planned::new(
                    CommandApdu::expecting(mpcos::SERIAL_NUMBER, Le::from_byte(16)),
                    Expected::SerialNumber,
                ),
            ]),
            under_way: UnderWay::PowerOn,
            atr: None,
            status: None,
            learned: LearnedOfCard::default(),
            shadow: None,
            is_being_written: false,
            outputs: VecDeque::from([CardVisitOutput::PowerOn]),
        }
    }

    /// What is known of the card so far, for the log.
    //= AU-14
    pub const fn learned(&self) -> &LearnedOfCard {
        &self.learned
    }

    /// What the card has told without its PIN, once it has.
    pub fn inspection(&self) -> Option<Inspection> {
        Some(Inspection {
            atr: self.atr.clone()?,
            csn: self.learned.serial_number?,
            status: self.status?,
        })
    }

    /// Whether the card was ever powered.
    pub const fn was_powered(&self) -> bool {
        self.atr.is_some()
    }

    /// Whether a command went out that changes label or shadow, and is not known to have ended well. A card that is
    /// taken out now is neither what it was nor finished.
    //= SC-10
    pub const fn is_being_written(&self) -> bool {
        self.is_being_written
    }

    /// The shadow that was read. It is handed over once.
    pub fn take_shadow(&mut self) -> Option<SecretBytes> {
        self.shadow.take()
    }

    /// Asks for the PIN to be presented.
    pub fn verify(&mut self, pin: &PinEntry) {
        self.plan(pin.to_verify(), Expected::PinVerified);
        self.go_on();
    }

    /// Asks for the PIN to be changed, which a card does once.
    //= SC-02
    pub fn change_pin(&mut self, old: &PinEntry, new: &NewPin) {
        self.plan(new.to_change(old), Expected::PinChanged);
        self.go_on();
    }

    /// Asks for the label, after the PIN.
    //= SC-07
    pub fn read_label(&mut self) {
        self.plan(select(mpcos::LABEL_FILE), Expected::FileSelected);
        self.plan(read_all(), Expected::Label);
        self.go_on();
    }

    /// Asks for label and shadow, after the PIN. A card without a shadow gives an empty one.
    pub fn read(&mut self) {
        let shadow_len = self.status.map_or(0, |status| status.shadow_len);
        let shadow_len = u8::try_from(shadow_len).unwrap_or(u8::MAX);
        self.plan(select(mpcos::LABEL_FILE), Expected::FileSelected);
        self.plan(read_all(), Expected::Label);
        if shadow_len == 0 {
            self.shadow = Some(SecretBytes::default());
        } else {
            self.plan(select(mpcos::SHADOW_FILE), Expected::FileSelected);
            let read = CommandApdu::expecting(mpcos::READ_CURRENT_FILE, Le::from_byte(shadow_len));
            self.plan(read, Expected::Shadow(usize::from(shadow_len)));
        }
        self.go_on();
    }

    /// Asks for label and shadow to be written, after the PIN, and reads both back. The shadow goes last, so that a
    /// card that holds it holds its label too. No label leaves the one that is there. Panics if there is no shadow, or
    /// if one of them does not fit on a card.
    pub fn write(&mut self, label: &[u8], shadow: &[u8]) {
        assert!(
            label.len() <= mpcos::LABEL_BYTES_MAX,
            "labels are made to fit on a card"
        );
        let update = |data| {
            CommandApdu::with_data(mpcos::UPDATE_CURRENT_FILE, data).expect("it is not empty and fits")
        };
        let shadow_len = u8::try_from(shadow.len()).expect("shadows are made to fit on a card");
        let read_shadow = CommandApdu::expecting(mpcos::READ_CURRENT_FILE, Le::from_byte(shadow_len));
        if !label.is_empty() {
            self.plan(select(mpcos::LABEL_FILE), Expected::FileSelected);
            self.plan(update(label), Expected::Written);
            self.plan(read_all(), Expected::LabelReadBack(label.to_vec()));
        }
        self.plan(select(mpcos::SHADOW_FILE), Expected::FileSelected);
        self.plan(update(shadow), Expected::Written);
        let written = SecretBytes::from(shadow.to_vec());
        self.plan(read_shadow, Expected::ShadowReadBack(written));
        self.go_on();
    }

    /// Asks for label and shadow to be erased, after the PIN, and sees that the shadow is gone.
    //= SC-05
    pub fn erase(&mut self) {
        self.plan(CommandApdu::bare(mpcos::ERASE_CARD), Expected::Erased);
        self.plan(status(), Expected::ErasedStatus);
        self.go_on();
    }

    /// The card was powered on. Panics if that was not asked for: answers are matched by the driver.
    pub fn handle_atr(&mut self, atr: Atr) {
        match core::mem::replace(&mut self.under_way, UnderWay::Nothing) {
            UnderWay::PowerOn => {}
            UnderWay::Nothing | UnderWay::Command(..) => panic!("the driver powered a card unasked"),
        }
        let is_t0 = atr.is_offering(0);
        self.atr = Some(atr);
        if is_t0 {
            self.go_on();
        } else {
            self.refuse(VisitRefusal::Incompatible);
        }
    }

    /// The card answered the last command. Panics if none was under way: answers are matched by the driver.
    pub fn handle_response(&mut self, response: ResponseApdu) {
        let UnderWay::Command(mut exchange, expected) =
            core::mem::replace(&mut self.under_way, UnderWay::Nothing)
        else {
            panic!("the driver answered a command that was not sent");
        };
        exchange.handle_response(response);
        match exchange
            .poll_output()
            .expect("an exchange that was answered has the next output")
        {
            ExchangeOutput::Transmit(tpdu) => {
                self.outputs.push_back(CardVisitOutput::Transmit(tpdu));
                self.under_way = UnderWay::Command(exchange, expected);
            }
            ExchangeOutput::Finished(Ok(response)) => {
                let data = SecretBytes::from(response.data);
                match self.judge(expected, response.status, &data) {
                    Ok(()) => self.go_on(),
                    Err(refusal) => self.refuse(refusal),
                }
            }
            // A card that cannot keep to T=0 is not one of ours.
            ExchangeOutput::Finished(Err(_)) => self.refuse(VisitRefusal::Incompatible),
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<CardVisitOutput> {
        self.outputs.pop_front()
    }

    fn plan(&mut self, command: CommandApdu, expected: Expected) {
        self.planned.push_back(Planned::new(command, expected));
    }

    fn go_on(&mut self) {
        let Some(Planned { command, expected }) = self.planned.pop_front() else {
            self.is_being_written = false;
            return self.outputs.push_back(CardVisitOutput::Finished(Ok(())));
        };
        if matches!(expected, Expected::Written | Expected::Erased) {
            self.is_being_written = true;
        }
        let mut exchange = Exchange::new(command);
        if let Some(ExchangeOutput::Transmit(tpdu)) = exchange.poll_output() {
            self.outputs.push_back(CardVisitOutput::Transmit(tpdu));
        }
        self.under_way = UnderWay::Command(exchange, expected);
    }

    fn refuse(&mut self, refusal: VisitRefusal) {
        self.planned.clear();
        self.outputs.push_back(CardVisitOutput::Finished(Err(refusal)));
    }

    fn judge(
        &mut self,
        expected: Expected,
        status: StatusWord,
        data: &SecretBytes,
    ) -> Result<(), VisitRefusal> {
        let is_ok = status == StatusWord::OK;
        // A read may end with the file before Le; what came is then all that there is.
        let is_read = is_ok || status == StatusWord::END_OF_FILE;
        match expected {
            Expected::Applet
            | Expected::PinVerified
            | Expected::PinChanged
            | Expected::Erased
            | Expected::FileSelected
            | Expected::Written
                if is_ok =>
            {
                Ok(())
            }
            Expected::Status if is_ok => self.on_status(data),
            Expected::SerialNumber if is_ok => {
                let csn = <[u8; 16]>::try_from(data.expose()).map_err(|_| VisitRefusal::Incompatible)?;
                self.learned.serial_number = Some(Csn(csn));
                Ok(())
            }
            // Whatever else a card says to these, it is none of ours.
            Expected::Applet | Expected::Status | Expected::SerialNumber => Err(VisitRefusal::Incompatible),
            Expected::PinChanged if status == StatusWord::CONDITIONS_NOT_SATISFIED => {
                Err(VisitRefusal::PinSealed)
            }
            Expected::PinVerified if status == StatusWord::CONDITIONS_NOT_SATISFIED => {
                Err(VisitRefusal::Unformatted)
            }
            Expected::PinVerified | Expected::PinChanged | Expected::Erased => Err(pin_refusal(status)),
            Expected::Label if is_read => {
                if data.len() > mpcos::LABEL_BYTES_MAX {
                    return Err(VisitRefusal::Damaged);
                }
                self.learned.label = Some(data.expose().to_vec()).filter(|label| !label.is_empty());
                Ok(())
            }
            Expected::Shadow(len) if is_read => {
                if data.len() != len {
                    return Err(VisitRefusal::Damaged);
                }
                self.shadow = Some(data.clone());
                Ok(())
            }
            Expected::LabelReadBack(label) if is_read => {
                if data.expose() != label {
                    return Err(VisitRefusal::Damaged);
                }
                self.learned.label = Some(label);
                Ok(())
            }
            Expected::ShadowReadBack(shadow) if is_read && *data == shadow => Ok(()),
            Expected::ShadowReadBack(_) if is_read => Err(VisitRefusal::Damaged),
            Expected::ErasedStatus if is_ok => {
                self.on_status(data)?;
                if self.status.is_some_and(|status| status.shadow_len == 0) {
                    self.learned.label = None;
                    Ok(())
                } else {
                    Err(VisitRefusal::Damaged)
                }
            }
            Expected::FileSelected
            | Expected::Label
            | Expected::Shadow(_)
            | Expected::Written
            | Expected::LabelReadBack(_)
            | Expected::ShadowReadBack(_)
            | Expected::ErasedStatus => Err(VisitRefusal::CardError(status)),
        }
    }

    fn on_status(&mut self, data: &SecretBytes) -> Result<(), VisitRefusal> {
        let status = CardStatus::try_from(data.expose()).map_err(|_| VisitRefusal::Incompatible)?;
        self.status = Some(status);
        Ok(())
    }
}

impl Inspection {
    /// Why no PIN is worth typing for this card: it was never formatted, or it is blocked.
    pub fn refusal(&self) -> Option<VisitRefusal> {
        if self.status.life_cycle == LifeCycle::Virgin {
            Some(VisitRefusal::Unformatted)
        } else if self.status.is_blocked {
            Some(VisitRefusal::Blocked)
        } else {
            None
        }
    }
}

impl Planned {
    const fn new(command: CommandApdu, expected: Expected) -> Self {
        Self { command, expected }
    }
}

impl Default for CardVisit {
    fn default() -> Self {
        Self::new()
    }
}

fn pin_refusal(status: StatusWord) -> VisitRefusal {
    match (status, status.tries_left()) {
        (StatusWord::BLOCKED, _) | (_, Some(0)) => VisitRefusal::Blocked,
        (_, Some(tries_left)) => VisitRefusal::PinWrong { tries_left },
        (status, None) => VisitRefusal::CardError(status),
    }
}

const fn status() -> CommandApdu {
    CommandApdu::expecting(mpcos::CARD_STATUS, Le::from_byte(24))
}

/// The label's length is told after the PIN only, so all of it is asked for.
const fn read_all() -> CommandApdu {
    CommandApdu::expecting(mpcos::READ_CURRENT_FILE, Le::ALL)
}

fn select(file: [u8; 2]) -> CommandApdu {
    CommandApdu::with_data(mpcos::SELECT_ELEMENTARY_FILE, &file).expect("an identifier has 2 bytes")
}

impl fmt::Debug for CardVisitOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOn => f.write_str("PowerOn"),
            Self::Transmit(tpdu) => crate::reader::fmt_tpdu(tpdu, f),
            Self::Finished(result) => f.debug_tuple("Finished").field(result).finish(),
        }
    }
}

impl fmt::Display for VisitRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("use card: ")?;
        match self {
            Self::Incompatible => f.write_str("expected a card of this family, got another"),
            Self::Unformatted => f.write_str("expected a formatted card, got one from the factory"),
            Self::Blocked => f.write_str("expected a usable PIN, got a blocked one"),
            Self::PinWrong { tries_left } => {
                write!(f, "expected the right PIN, got a wrong one, {tries_left} left")
            }
            Self::PinSealed => f.write_str("expected a PIN that can be changed, got a sealed one"),
            Self::Damaged => f.write_str("expected what was written, read something else"),
            Self::CardError(status) => write!(f, "expected success, got {status}"),
        }
    }
}

impl core::error::Error for VisitRefusal {}
