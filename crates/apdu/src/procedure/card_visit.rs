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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    const PIN: &str = "12345678";

    fn status_block(life_cycle: LifeCycle, shadow_len: u16) -> Vec<u8> {
        let status = CardStatus {
            life_cycle,
            is_blocked: false,
            lock1: 0x02,
            lock2: 0x02,
            try_counter: 0,
            presentations_max: 7,
            pin_changes_left: 1,
            product: [0xA2, 0x01, 0x09, 0x01, 0x38],
            card_type: *b"SmOe",
            label_len: 0,
            shadow_len,
            share: [0; 3],
            is_verified: false,
        };
        status.to_bytes().to_vec()
    }

    fn answer(visit: &mut CardVisit, data: &[u8], status: u16) {
        visit.handle_response(ResponseApdu {
            data: data.to_vec(),
            status: StatusWord(status),
        });
    }

    /// The commands that are asked for until there is an end, each answered with the next of the answers.
    fn run(
        visit: &mut CardVisit,
        answers: &[(&[u8], u16)],
    ) -> (Vec<String>, Option<Result<(), VisitRefusal>>) {
        let mut answers = answers.iter();
        let mut sent = Vec::new();
        while let Some(output) = visit.poll_output() {
            match output {
                CardVisitOutput::PowerOn => panic!("the card is powered once"),
                CardVisitOutput::Transmit(tpdu) => {
                    sent.push(hex::encode(&tpdu));
                    let Some((data, status)) = answers.next() else {
                        break;
                    };
                    answer(visit, data, *status);
                }
                CardVisitOutput::Finished(result) => return (sent, Some(result)),
            }
        }
        (sent, None)
    }

    /// A formatted card that has told what it tells anybody.
    fn met(shadow_len: u16) -> CardVisit {
        let mut visit = CardVisit::new();
        assert_eq!(visit.poll_output(), Some(CardVisitOutput::PowerOn));
        let atr = hex::decode("3B7A9400008065A20101013D72D643").expect("the test writes hex");
        visit.handle_atr(Atr::try_from(&atr[..]).expect("the one of the card"));
        let block = status_block(LifeCycle::PostFormat, shadow_len);
        let (sent, result) = run(
            &mut visit,
            &[(&[], 0x9000), (&block, 0x9000), (b"an example card!", 0x9000)],
        );
        assert_eq!(result, Some(Ok(())));
        assert_eq!(sent[1..], ["80C002E018", "80C002E110"]);
        visit
    }

    fn pin() -> PinEntry {
        PinEntry::try_from(PIN).expect("eight digits")
    }

    //= SC-01
    #[test]
    fn a_card_tells_anybody_its_atr_status_and_serial_number() {
        let visit = met(56);
        let inspection = visit.inspection().expect("it was met");
        assert_eq!(inspection.csn, Csn(*b"an example card!"));
        assert_eq!((inspection.status.shadow_len, inspection.refusal()), (56, None));
        assert!(!visit.is_being_written());
    }

    #[test]
    fn a_card_without_our_applet_is_incompatible() {
        for status in [0x6A82, 0x6D00, 0x6E00, 0x6985, 0x0000] {
            let mut visit = CardVisit::new();
            visit.poll_output();
            visit.handle_atr(Atr::try_from(&[0x3B, 0x00][..]).expect("a short answer"));
            let (_, result) = run(&mut visit, &[(&[], status)]);
            assert_eq!(result, Some(Err(VisitRefusal::Incompatible)), "{status:04X}");
        }
    }

    fn check_pin(status: u16, expected: Result<(), VisitRefusal>) {
        let mut visit = met(0);
        visit.verify(&pin());
        let (sent, result) = run(&mut visit, &[(&[], status)]);
        assert_eq!(sent, ["00200000083132333435363738"]);
        assert_eq!(result, Some(expected), "{status:04X}");
    }

    #[test]
    fn a_pin_is_right_wrong_or_of_no_use() {
        check_pin(0x9000, Ok(()));
        check_pin(0x63C6, Err(VisitRefusal::PinWrong { tries_left: 6 }));
        check_pin(0x63C0, Err(VisitRefusal::Blocked));
        check_pin(0x6983, Err(VisitRefusal::Blocked));
        check_pin(0x6985, Err(VisitRefusal::Unformatted));
        check_pin(0x6581, Err(VisitRefusal::CardError(StatusWord::MEMORY_FAILURE)));
    }

    //= SC-02
    #[test]
    fn a_pin_is_changed_or_sealed() {
        let new = NewPin::try_from("87654321").expect("eight digits");
        for (status, expected) in [
            (0x9000, Ok(())),
            (0x6985, Err(VisitRefusal::PinSealed)),
            (0x63C1, Err(VisitRefusal::PinWrong { tries_left: 1 })),
            (0x63C0, Err(VisitRefusal::Blocked)),
        ] {
            let mut visit = met(0);
            visit.change_pin(&pin(), &new);
            let (sent, result) = run(&mut visit, &[(&[], status)]);
            assert_eq!(sent, ["002400001031323334353637383837363534333231"]);
            assert_eq!(result, Some(expected), "{status:04X}");
            // Half of it is one of two whole PINs; nothing else is touched.
            assert!(!visit.is_being_written());
        }
    }

    #[test]
    fn label_and_shadow_are_written_in_this_order_and_read_back() {
        let mut visit = met(0);
        visit.write(b"Ana", b"shadow");
        let (sent, result) = run(
            &mut visit,
            &[
                (&[], 0x9000),
                (&[], 0x9000),
                (b"Ana", 0x6282),
                (&[], 0x9000),
                (&[], 0x9000),
                (b"shadow", 0x9000),
            ],
        );
        let expected = [
            "00A40200020001",
            "00D6000003416E61",
            "00B0000000",
            "00A40200020002",
            "00D6000006736861646F77",
            "00B0000006",
        ];
        assert_eq!((sent, result), (expected.map(String::from).into(), Some(Ok(()))));
        assert_eq!(visit.learned().label.as_deref(), Some(&b"Ana"[..]));
        assert!(!visit.is_being_written());
    }

    //= SC-10
    #[test]
    fn what_is_read_back_otherwise_is_damage_and_the_card_is_half_written() {
        let good: [(&[u8], u16); 6] = [
            (&[], 0x9000),
            (&[], 0x9000),
            (b"Ana", 0x9000),
            (&[], 0x9000),
            (&[], 0x9000),
            (b"shadow", 0x9000),
        ];
        for (place, other) in [(2, &b"An"[..]), (2, b""), (5, b"shadoW"), (5, b"shado")] {
            let mut answers = good;
            answers[place] = (other, 0x9000);
            let mut visit = met(0);
            visit.write(b"Ana", b"shadow");
            assert_eq!(
                run(&mut visit, &answers).1,
                Some(Err(VisitRefusal::Damaged)),
                "{place}"
            );
            assert!(visit.is_being_written());
        }
        let mut visit = met(0);
        visit.write(b"Ana", b"shadow");
        assert_eq!(run(&mut visit, &good[..1]).1, None);
        assert!(
            visit.is_being_written(),
            "the first command that changes it is out"
        );
    }

    #[test]
    fn no_label_leaves_the_one_that_is_there() {
        let mut visit = met(0);
        visit.write(b"", b"shadow");
        let (sent, _) = run(&mut visit, &[(&[], 0x9000), (&[], 0x9000), (b"shadow", 0x9000)]);
        assert_eq!(sent[0], "00A40200020002");
        assert_eq!(sent.len(), 3);
    }

    #[test]
    fn a_shadow_of_another_length_than_told_is_damage() {
        let mut visit = met(6);
        visit.read();
        let answers: [(&[u8], u16); 4] = [(&[], 0x9000), (b"Ana", 0x6282), (&[], 0x9000), (b"shado", 0x6282)];
        assert_eq!(run(&mut visit, &answers).1, Some(Err(VisitRefusal::Damaged)));
        assert_eq!(visit.take_shadow(), None);
    }

    //= SC-05
    #[test]
    fn an_erasure_is_done_when_the_card_says_that_nothing_is_left() {
        for (left, expected) in [(0, Ok(())), (6, Err(VisitRefusal::Damaged))] {
            let mut visit = met(6);
            visit.erase();
            let block = status_block(LifeCycle::PostFormat, left);
            let (sent, result) = run(&mut visit, &[(&[], 0x9000), (&block, 0x9000)]);
            assert_eq!(sent, ["DBDE000000", "80C002E018"]);
            assert_eq!(result, Some(expected));
            assert_eq!(visit.is_being_written(), expected.is_err());
        }
    }

    #[test]
    fn debug_shows_neither_pin_nor_shadow() {
        let mut visit = met(6);
        visit.verify(&pin());
        let shown = format!("{visit:?} {:?}", visit.poll_output());
        assert!(!shown.contains(PIN) && !shown.contains("49, 50, 51"), "{shown}");
        let mut visit = met(6);
        visit.write(b"Ana", b"shadow");
        let shown = format!("{visit:?}");
        assert!(!shown.contains("115, 104, 97"), "{shown}");
    }
}
