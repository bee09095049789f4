//! Reading a custodian's shadow. Asks for no PIN that cannot help, never sees one, and never transmits anything but
//! SELECT, GET INFO, READ BINARY and GET RESPONSE.

use core::fmt;
use std::collections::VecDeque;

use crate::{
    Atr, CardStatus, CommandApdu, Csn, Exchange, ExchangeOutput, Header, Le, LifeCycle, ResponseApdu,
    SecretBytes, StatusWord, mpcos,
};

/// The dialog with one card. Dropping it is how a dialog ends early; the card is then powered off by its owner.
#[derive(Clone, Debug)]
pub struct ReadShadow {
    step: Step,
    learned: LearnedOfCard,
    outputs: VecDeque<ReadShadowOutput>,
}

/// What the procedure asks for, one at a time.
#[derive(Clone, PartialEq, Eq)]
pub enum ReadShadowOutput {
    /// Reset the card and tell its ATR.
    PowerOn,
    /// Send one T=0 command and tell its answer unchanged.
    Transmit(Vec<u8>),
    /// Have the PIN presented where it is typed, and tell the status word.
    VerifyPin,
    /// The dialog is over; nothing comes after this. The card is still powered.
    Finished(Result<CardReading, CardRefusal>),
}

/// What the procedure is told, each in answer to one output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadShadowInput {
    /// The card was powered on.
    Atr(Atr),
    /// The card answered.
    Response(ResponseApdu),
    /// The PIN was presented.
    PinStatus(StatusWord),
}

/// A card that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardReading {
    /// Of the card itself, not of its set.
    pub serial_number: Csn,
    /// The bytes of the label as they are on the card; `None` is a card without one.
    pub label: Option<Vec<u8>>,
    /// The whole shadow, not yet looked into.
    pub shadow: SecretBytes,
}

/// Why a card gave no shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardRefusal {
    /// Another card, or one whose status we do not know.
    Incompatible,
    /// Never formatted, or without a shadow.
    NotInitialized,
    /// The PIN is blocked, or has just been.
    Blocked,
    /// The PIN was wrong; the card counts at least one more try.
    PinWrong {
        /// Tries that are left, 1..=15.
        tries_left: u8,
    },
    /// The card answered success with bytes that cannot be what was asked for.
    Damaged,
    /// The card answered something that the dialog does not foresee.
    CardError(StatusWord),
}

/// What is known of the card so far; every dialog is logged with it, whatever its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LearnedOfCard {
    /// Known once it was read, with or without a PIN.
    pub serial_number: Option<Csn>,
    /// Known only after a right PIN, and only where the card has one.
    pub label: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Step {
    ExpectAtr,
    ExpectAnswer(Exchange, Question),
    ExpectPin(Readable),
    Finished,
}

/// What the command under way is for.
#[derive(Clone, Copy, Debug)]
enum Question {
    Applet,
    Status,
    /// Asked for before an unfit status refuses the card, so that the log can name it.
    SerialNumber(Option<CardStatus>),
    LabelFile(Readable),
    Label(Readable),
    ShadowFile(Readable),
    Shadow(Readable),
}

/// A card of ours, formatted, not blocked, with a shadow: what has to be true before a PIN is asked for.
#[derive(Clone, Copy, Debug)]
struct Readable {
    serial_number: Csn,
    shadow_len: u8,
}

impl ReadShadow {
    /// Begins: the first output is the power-on.
    pub fn new() -> Self {
        Self {
            step: Step::ExpectAtr,
            learned: LearnedOfCard::default(),
            outputs: VecDeque::from([ReadShadowOutput::PowerOn]),
        }
    }

    /// What is known of the card so far.
    //= AU-14
    pub const fn learned(&self) -> &LearnedOfCard {
        &self.learned
    }

    /// The answer to the last output. Panics if it answers something that was not asked: matching answers to
    /// questions is the driver's work, and a misbehaving station ends the dialog before it reaches this.
    pub fn handle_input(&mut self, input: ReadShadowInput) {
        match (core::mem::replace(&mut self.step, Step::Finished), input) {
            (Step::ExpectAtr, ReadShadowInput::Atr(atr)) => self.on_atr(&atr),
            (Step::ExpectAnswer(exchange, question), ReadShadowInput::Response(response)) => {
                self.on_response(exchange, question, response);
            }
            (Step::ExpectPin(readable), ReadShadowInput::PinStatus(status)) => {
                self.on_pin_status(readable, status);
            }
            (Step::ExpectAtr, ReadShadowInput::Response(_) | ReadShadowInput::PinStatus(_))
            | (Step::ExpectAnswer(..), ReadShadowInput::Atr(_) | ReadShadowInput::PinStatus(_))
            | (Step::ExpectPin(_), ReadShadowInput::Atr(_) | ReadShadowInput::Response(_))
            | (
                Step::Finished,
                ReadShadowInput::Atr(_) | ReadShadowInput::Response(_) | ReadShadowInput::PinStatus(_),
            ) => panic!("the driver answered a question that was not asked"),
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<ReadShadowOutput> {
        self.outputs.pop_front()
    }

    fn on_atr(&mut self, atr: &Atr) {
        if !atr.is_offering(0) {
            return self.refuse(CardRefusal::Incompatible);
        }
        let select =
            CommandApdu::with_data(mpcos::SELECT_BY_NAME, &mpcos::APPLET).expect("the name has 16 bytes");
        self.ask(select, Question::Applet);
    }

    fn on_response(&mut self, mut exchange: Exchange, question: Question, response: ResponseApdu) {
        exchange.handle_response(response);
        match exchange
            .poll_output()
            .expect("an exchange that was answered has the next output")
        {
            ExchangeOutput::Transmit(tpdu) => {
                self.outputs.push_back(ReadShadowOutput::Transmit(tpdu));
                self.step = Step::ExpectAnswer(exchange, question);
            }
            ExchangeOutput::Finished(Ok(response)) => self.on_answer(question, response),
            // A card that cannot keep to T=0 is not one of ours.
            ExchangeOutput::Finished(Err(_)) => self.refuse(CardRefusal::Incompatible),
        }
    }

    fn on_answer(&mut self, question: Question, response: ResponseApdu) {
        match question {
            Question::Applet if response.status == StatusWord::OK => {
                self.ask(
                    CommandApdu::expecting(mpcos::CARD_STATUS, Le::from_byte(24)),
                    Question::Status,
                );
            }
            Question::Status if response.status == StatusWord::OK => {
                let status = CardStatus::try_from(&response.data[..]).ok();
                let ask = CommandApdu::expecting(mpcos::SERIAL_NUMBER, Le::from_byte(16));
                self.ask(ask, Question::SerialNumber(status));
            }
            Question::SerialNumber(status) if response.status == StatusWord::OK => {
                self.on_serial_number(status, &response.data);
            }
            Question::Applet | Question::Status | Question::SerialNumber(_)
                if is_unknown_to_card(response.status) =>
            {
                self.refuse(CardRefusal::Incompatible);
            }
            Question::LabelFile(readable) if response.status == StatusWord::OK => {
                // The card does not tell the label's length before the PIN, so all of it is asked for.
                self.ask(
                    CommandApdu::expecting(mpcos::READ_CURRENT_FILE, Le::ALL),
                    Question::Label(readable),
                );
            }
            Question::Label(readable) if is_read(response.status) => self.on_label(readable, response.data),
            Question::ShadowFile(readable) if response.status == StatusWord::OK => {
                let le = Le::from_byte(readable.shadow_len);
                self.ask(
                    CommandApdu::expecting(mpcos::READ_CURRENT_FILE, le),
                    Question::Shadow(readable),
                );
            }
            Question::Shadow(readable) if is_read(response.status) => self.on_shadow(readable, response.data),
            Question::Applet
            | Question::Status
            | Question::SerialNumber(_)
            | Question::LabelFile(_)
            | Question::Label(_)
            | Question::ShadowFile(_)
            | Question::Shadow(_) => self.refuse(CardRefusal::CardError(response.status)),
        }
    }

    /// Everything that is refused without a PIN is refused here, so that no custodian types one in vain.
    fn on_serial_number(&mut self, status: Option<CardStatus>, data: &[u8]) {
        let Ok(csn) = <[u8; 16]>::try_from(data) else {
            return self.refuse(CardRefusal::Incompatible);
        };
        let serial_number = Csn(csn);
        self.learned.serial_number = Some(serial_number);

        let Some(status) = status else {
            return self.refuse(CardRefusal::Incompatible);
        };
        match status.life_cycle {
            LifeCycle::Virgin => return self.refuse(CardRefusal::NotInitialized),
            LifeCycle::PostFormat | LifeCycle::Sealed => {}
        }
        if status.is_blocked {
            return self.refuse(CardRefusal::Blocked);
        }
        let Ok(shadow_len) = u8::try_from(status.shadow_len) else {
            return self.refuse(CardRefusal::Incompatible);
        };
        if shadow_len == 0 {
            return self.refuse(CardRefusal::NotInitialized);
        }
        self.outputs.push_back(ReadShadowOutput::VerifyPin);
        self.step = Step::ExpectPin(Readable {
            serial_number,
            shadow_len,
        });
    }

    fn on_pin_status(&mut self, readable: Readable, status: StatusWord) {
        match (status, status.tries_left()) {
            (StatusWord::OK, _) => {
                self.ask(select_file(mpcos::LABEL_FILE), Question::LabelFile(readable));
            }
            (StatusWord::BLOCKED, _) | (_, Some(0)) => self.refuse(CardRefusal::Blocked),
            (_, Some(tries_left)) => self.refuse(CardRefusal::PinWrong { tries_left }),
            (status, None) => self.refuse(CardRefusal::CardError(status)),
        }
    }

    fn on_label(&mut self, readable: Readable, label: Vec<u8>) {
        if label.len() > mpcos::LABEL_BYTES_MAX {
            return self.refuse(CardRefusal::Damaged);
        }
        self.learned.label = Some(label).filter(|label| !label.is_empty());
        self.ask(select_file(mpcos::SHADOW_FILE), Question::ShadowFile(readable));
    }

    fn on_shadow(&mut self, readable: Readable, data: Vec<u8>) {
        let shadow = SecretBytes::from(data);
        if shadow.len() != usize::from(readable.shadow_len) {
            return self.refuse(CardRefusal::Damaged);
        }
        let label = self.learned.label.clone();
        let reading = CardReading {
            serial_number: readable.serial_number,
            label,
            shadow,
        };
        self.outputs.push_back(ReadShadowOutput::Finished(Ok(reading)));
    }

    fn ask(&mut self, command: CommandApdu, question: Question) {
        //= AU-22
        let header = command.header();
        assert!(
            is_relayed(header),
            "a dialog transmits four instructions only, not {header}"
        );
        let mut exchange = Exchange::new(command);
        if let Some(ExchangeOutput::Transmit(tpdu)) = exchange.poll_output() {
            self.outputs.push_back(ReadShadowOutput::Transmit(tpdu));
        }
        self.step = Step::ExpectAnswer(exchange, question);
    }

    fn refuse(&mut self, refusal: CardRefusal) {
        self.step = Step::Finished;
        self.outputs.push_back(ReadShadowOutput::Finished(Err(refusal)));
    }
}

impl Default for ReadShadow {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a station relays this command during a dialog: SELECT, READ BINARY, GET RESPONSE and GET INFO only.
//= AU-22
pub const fn is_relayed(header: Header) -> bool {
    matches!(
        (header.class, header.instruction),
        (0x00, mpcos::SELECT | mpcos::READ_BINARY) | (0x00 | 0x80, mpcos::GET_RESPONSE)
    )
}

fn select_file(file: [u8; 2]) -> CommandApdu {
    CommandApdu::with_data(mpcos::SELECT_ELEMENTARY_FILE, &file).expect("an identifier has 2 bytes")
}

/// A read may end with the file before Le; what came is then all that there is.
fn is_read(status: StatusWord) -> bool {
    status == StatusWord::OK || status == StatusWord::END_OF_FILE
}

/// What a card says to a question that only our cards know.
fn is_unknown_to_card(status: StatusWord) -> bool {
    [
        StatusWord::FILE_NOT_FOUND,
        StatusWord::NOT_SUPPORTED,
        StatusWord::WRONG_PARAMETERS,
        StatusWord(0x6A86),
        StatusWord(0x6A88),
        StatusWord::UNKNOWN_INSTRUCTION,
        StatusWord::UNKNOWN_CLASS,
    ]
    .contains(&status)
}

impl fmt::Debug for ReadShadowOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOn => f.write_str("PowerOn"),
            Self::Transmit(tpdu) => crate::reader::fmt_tpdu(tpdu, f),
            Self::VerifyPin => f.write_str("VerifyPin"),
            Self::Finished(result) => f.debug_tuple("Finished").field(result).finish(),
        }
    }
}

impl fmt::Display for CardRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("read shadow: ")?;
        match self {
            Self::Incompatible => f.write_str("expected a card of this family, got another"),
            Self::NotInitialized => f.write_str("expected a card with a shadow, got one without"),
            Self::Blocked => f.write_str("expected a usable PIN, got a blocked one"),
            Self::PinWrong { tries_left } => {
                write!(f, "expected the right PIN, got a wrong one, {tries_left} left")
            }
            Self::Damaged => f.write_str("expected label and shadow in their lengths, got others"),
            Self::CardError(status) => write!(f, "expected success, got {status}"),
        }
    }
}

impl core::error::Error for CardRefusal {}
