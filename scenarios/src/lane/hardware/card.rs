//! A real card in a reader of PC/SC: its serial number is read before anything is written, and what cannot be taken back
//! is not sent to a card that is not expendable. Asks nobody for anything.

use std::time::Duration;

use apdu::{
    CardStatus, CommandApdu, Csn, Exchange, ExchangeOutput, Header, Le, LifeCycle, ReaderAnswer,
    ReaderCommand, ResponseApdu, StatusWord, hex, mpcos,
};
use card_core::{CardImage, profile};
use pcsc_reader::{PcscReader, Presence, await_card, reader_names};
use program::{ExitCode, Problem};
use sim::Seed;

use crate::{
    card_under_test::{CardBed, Silence, SimulatedBed},
    world::PIN,
};

/// How long a look into a reader may take that has an answer at once.
const LOOK: Duration = Duration::from_millis(200);

/// The reader of the rig. No dialog with a card outlives a call that ends in an error, and dropping it resets the card.
pub(super) struct Slot {
    name: String,
    reader: PcscReader,
    /// Of the card whose serial number was read last.
    serial: Option<Csn>,
    /// Presentations of a PIN that are left, as far as the card has said.
    tries_left: u8,
    /// Of the card that is in it: whether it may be sealed and blocked.
    is_expendable: bool,
    /// What was not sent, and why.
    withheld: Option<String>,
}

/// Why a card cannot be brought to an image.
#[derive(Debug)]
pub(super) enum Unfit {
    /// Another card may do.
    This(String),
    /// No card can.
    Any(String),
    /// The card or the reader does not work.
    Broken(String),
}

impl From<Silence> for Unfit {
    fn from(silence: Silence) -> Self {
        Self::Broken(silence.to_string())
    }
}

impl Slot {
    /// The reader of this name, or the only one whose name begins with it.
    pub(super) fn find(name: &str) -> Result<Self, Problem> {
        let names = reader_names()?;
        let found: Vec<&String> = match names.iter().find(|known| *known == name) {
            Some(exact) => vec![exact],
            None => names.iter().filter(|known| known.starts_with(name)).collect(),
        };
        let [found] = found[..] else {
            let there = if names.is_empty() {
                "there is no reader".to_owned()
            } else {
                format!("there are `{}`", names.join("`, `"))
            };
            let what = format!(
                "find the reader `{name}`: expected one whose name begins so, got {}; {there}",
                found.len()
            );
            return Err(Problem::new(ExitCode::Card, what)
                .hint("name one that is there, after `pcsc:`; one that begins alike needs its whole name"));
        };
        Ok(Self {
            name: found.clone(),
            reader: PcscReader::new(found)?,
            serial: None,
            tries_left: 0,
            is_expendable: false,
            withheld: None,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Looks for as long as it is told whether a card comes in or goes out.
    pub(super) fn await_card(&self, awaited: Presence, within: Duration) -> Result<bool, Problem> {
        await_card(&self.name, awaited, within)
    }

    /// Whether a card is in the reader.
    pub(super) fn holds_card(&self) -> Result<bool, Problem> {
        self.await_card(Presence::Inserted, LOOK)
    }

    /// Reads the serial number of the card and resets it. Nothing is written.
    pub(super) fn read_serial(&mut self) -> Result<Csn, String> {
        let read = self.cold_reset().and_then(|_| {
            let response = self.exchange(CommandApdu::expecting(mpcos::SERIAL_NUMBER, Le::ALL))?;
            <[u8; 16]>::try_from(&response.data[..]).map(Csn).map_err(|_| {
                Silence::Failed(format!(
                    "expected a card that tells its serial number, got {} to {:?}",
                    response.status,
                    mpcos::SERIAL_NUMBER
                ))
            })
        });
        self.let_go();
        self.serial = read.as_ref().ok().copied();
        read.map_err(|silence| silence.to_string())
    }

    /// The serial number of the card that was looked at last.
    pub(super) const fn serial(&self) -> Option<Csn> {
        self.serial
    }

    /// Ends the dialog with a reset of the card.
    pub(super) fn let_go(&mut self) {
        self.reader.answer(&ReaderCommand::PowerOff);
    }

    /// What was withheld from the card since this was asked last.
    pub(super) fn take_withheld(&mut self) -> Option<String> {
        self.withheld.take()
    }

    /// Brings the card to what this image says, but for its serial number, by its own commands. It has this PIN.
    pub(super) fn bring_to(
        &mut self,
        image: &CardImage,
        pin: &str,
        is_expendable: bool,
    ) -> Result<(), Unfit> {
        let wanted = Wanted::of(image)?;
        self.is_expendable = is_expendable;
        let brought = self.bring(&wanted, pin);
        self.let_go();
        self.tries_left = wanted.presentations_max;
        brought
    }

    fn bring(&mut self, wanted: &Wanted, pin: &str) -> Result<(), Unfit> {
        self.cold_reset()?;
        let status = self.status()?;
        if status.is_blocked {
            return Err(Unfit::This("it is blocked for ever".into()));
        }
        if wanted.is_virgin || status.life_cycle == LifeCycle::Virgin {
            if status.life_cycle != LifeCycle::Virgin {
                return Err(Unfit::This("it was formatted, which happens once".into()));
            }
            if !self.is_expendable {
                return Err(Unfit::This("it would be formatted, and is not expendable".into()));
            }
            if wanted.is_virgin {
                return Ok(());
            }
            self.done(format_card(wanted.presentations_max)?)?;
        }
        let status = self.status()?;
        if status.life_cycle != LifeCycle::PostFormat {
            return Err(Unfit::This("its PIN was changed for good".into()));
        }
        if status.presentations_max != wanted.presentations_max {
            return Err(Unfit::This(format!(
                "it was formatted with an MMPN of {}, and {} is needed",
                status.presentations_max, wanted.presentations_max
            )));
        }
        if pin != PIN {
            return Err(Unfit::This(format!(
                "the scenarios need the PIN {PIN}, and its PIN is another"
            )));
        }
        let left = status.presentations_max.saturating_sub(status.try_counter);
        if left < 2 && !self.is_expendable {
            return Err(Unfit::This("it has one try left, and is not expendable".into()));
        }
        self.done(with_data(mpcos::VERIFY_PIN, pin.as_bytes())?)?;
        self.done(CommandApdu::bare(mpcos::ERASE_CARD))?;
        self.done(with_data(mpcos::VERIFY_PIN, pin.as_bytes())?)?;
        self.done(select_directory()?)?;
        for (file, bytes) in [(1, &wanted.label), (2, &wanted.shadow)] {
            if !bytes.is_empty() {
                let header = Header::new(0x00, mpcos::UPDATE_BINARY, 0x80 | file, 0);
                self.done(with_data(header, bytes)?)?;
            }
        }
        Ok(())
    }

    fn status(&mut self) -> Result<CardStatus, Silence> {
        let response = self.exchange(CommandApdu::expecting(mpcos::CARD_STATUS, Le::ALL))?;
        CardStatus::try_from(&response.data[..])
            .map_err(|_| Silence::Failed(format!("expected a card status, got {}", response.status)))
    }

    fn done(&mut self, command: CommandApdu) -> Result<(), Silence> {
        let status = self.exchange(command)?.status;
        if status == StatusWord::OK {
            return Ok(());
        }
        Err(Silence::Failed(format!(
            "prepare the card: expected 9000, got {status}"
        )))
    }

    /// One command with its 61xx and 6Cxx followed.
    fn exchange(&mut self, command: CommandApdu) -> Result<ResponseApdu, Silence> {
        let mut exchange = Exchange::new(command);
        loop {
            match exchange.poll_output() {
                Some(ExchangeOutput::Transmit(tpdu)) => {
                    let bytes = self.ask(&ReaderCommand::Transmit(tpdu))?;
                    let response = ResponseApdu::try_from(&bytes[..])
                        .map_err(|invalid| Silence::Failed(invalid.to_string()))?;
                    exchange.handle_response(response);
                }
                Some(ExchangeOutput::Finished(result)) => {
                    return result.map_err(|error| Silence::Failed(error.to_string()));
                }
                None => return Err(Silence::Mute),
            }
        }
    }

    /// Power off and on.
    pub(super) fn cold_reset(&mut self) -> Result<Vec<u8>, Silence> {
        self.ask(&ReaderCommand::PowerOff)?;
        self.ask(&ReaderCommand::PowerOn)
    }

    pub(super) fn warm_reset(&mut self) -> Result<Vec<u8>, Silence> {
        self.ask(&ReaderCommand::PowerOn)
    }

    /// A command of a scenario, unless it would use the card up.
    pub(super) fn transmit(&mut self, tpdu: &[u8]) -> Result<Vec<u8>, Silence> {
        if let (false, Some(why)) = (self.is_expendable, uses_up(tpdu, self.tries_left)) {
            self.withheld = Some(why.to_owned());
            return Err(Silence::Failed(format!(
                "the command {} was not sent: it {why}, and the card is not expendable",
                hex::encode(&tpdu[..tpdu.len().min(4)])
            )));
        }
        let answer = self.ask(&ReaderCommand::Transmit(tpdu.to_vec()))?;
        if is_verify(tpdu)
            && let [.., 0x63, count] = answer[..]
        {
            self.tries_left = count & 0x0F;
        }
        Ok(answer)
    }

    fn ask(&mut self, command: &ReaderCommand) -> Result<Vec<u8>, Silence> {
        match self.reader.answer(command) {
            ReaderAnswer::Atr(atr) => Ok(atr.as_bytes().to_vec()),
            ReaderAnswer::Response(response) => {
                let mut bytes = response.data;
                bytes.extend(response.status.0.to_be_bytes());
                Ok(bytes)
            }
            ReaderAnswer::PoweredOff => Ok(Vec::new()),
            ReaderAnswer::CardAbsent => Err(Silence::Absent),
            ReaderAnswer::CardRemoved => Err(Silence::Removed),
            ReaderAnswer::CardMute => Err(Silence::Mute),
            ReaderAnswer::ReaderUnavailable => Err(Silence::Failed(format!(
                "the reader `{}`, or the PC/SC daemon, is not there any more, or somebody else has the card",
                self.name
            ))),
        }
    }
}

/// What a card shall be, as its own commands tell it.
struct Wanted {
    is_virgin: bool,
    presentations_max: u8,
    label: Vec<u8>,
    shadow: Vec<u8>,
}

impl Wanted {
    /// Asks a simulated card of this image.
    fn of(image: &CardImage) -> Result<Self, Unfit> {
        if !image.erase_keeps_seal() {
            return Err(Unfit::Any(
                "a card whose erasure breaks the seal is simulated only".into(),
            ));
        }
        let mut wanted = Self {
            is_virgin: image.life_cycle() == LifeCycle::Virgin,
            presentations_max: image.presentations_max(),
            label: Vec::new(),
            shadow: Vec::new(),
        };
        if wanted.is_virgin {
            return Ok(wanted);
        }
        let mut twin = SimulatedBed { seed: Seed(0) }
            .reader_with(image.clone())
            .map_err(Unfit::Broken)?;
        twin.power_on()?;
        for command in [with_data(mpcos::VERIFY_PIN, PIN.as_bytes())?, select_directory()?] {
            twin.transmit(&one_tpdu(command)?)?;
        }
        for (file, bytes) in [(1, &mut wanted.label), (2, &mut wanted.shadow)] {
            let read = |le: u8| [0x00, mpcos::READ_BINARY, 0x80 | file, 0x00, le];
            // 6Cxx tells how long it is, and anything else that there is nothing.
            if let [0x6C, len] = twin.transmit(&read(0))?[..] {
                *bytes = twin.transmit(&read(len))?;
                bytes.truncate(usize::from(len));
            }
        }
        Ok(wanted)
    }
}

fn one_tpdu(command: CommandApdu) -> Result<Vec<u8>, Silence> {
    match Exchange::new(command).poll_output() {
        Some(ExchangeOutput::Transmit(tpdu)) => Ok(tpdu),
        Some(ExchangeOutput::Finished(_)) | None => Err(Silence::Mute),
    }
}

fn with_data(header: Header, data: &[u8]) -> Result<CommandApdu, Silence> {
    CommandApdu::with_data(header, data).map_err(|invalid| Silence::Failed(invalid.to_string()))
}

fn select_directory() -> Result<CommandApdu, Silence> {
    with_data(
        Header::new(0x00, mpcos::SELECT, 0x01, 0x0C),
        &mpcos::APPLET_DIRECTORY,
    )
}

fn format_card(presentations_max: u8) -> Result<CommandApdu, Silence> {
    let digits = hex::decode(PIN).map_err(|invalid| Silence::Failed(invalid.to_string()))?;
    let data = [&[0x01, presentations_max], &digits[..], &profile::CARD_TYPE].concat();
    with_data(mpcos::FORMAT_CARD, &data)
}

/// VERIFY with a PIN.
fn is_verify(tpdu: &[u8]) -> bool {
    matches!(tpdu, [_, mpcos::VERIFY, _, _, _, _, ..])
}

/// Why this command, if it works, is for ever.
fn uses_up(tpdu: &[u8], tries_left: u8) -> Option<&'static str> {
    match tpdu {
        [_, mpcos::CHANGE_PIN, ..] => Some("changes the PIN, which a card lets happen once"),
        [_, mpcos::FORMAT, ..] => Some("formats the card, which happens once"),
        _ if is_verify(tpdu) && tries_left < 2 => Some("is the last try, which can block the card"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_taken_back_is_known_by_its_bytes() {
        let verify = [
            0x00, 0x20, 0x00, 0x00, 0x08, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31,
        ];
        assert_eq!(uses_up(&verify, 2), None);
        assert!(uses_up(&verify, 1).is_some());
        // The query counts nothing.
        assert_eq!(uses_up(&verify[..5], 1), None);
        assert_eq!(uses_up(&verify[..4], 0), None);
        for (class, instruction) in [(0x00, 0x24), (0x80, 0x24), (0x80, 0xFA)] {
            assert!(uses_up(&[class, instruction, 0, 0], 7).is_some());
        }
        assert_eq!(uses_up(&[0xDB, 0xDE, 0, 0], 1), None);
    }

    #[test]
    fn what_a_card_shall_hold_is_read_from_its_image() {
        let image = CardImage::personalised(&card_core::Personalisation {
            csn: Csn([0x11; 16]),
            pin: PIN,
            label: "Ana",
            shadow: &[7; 255],
            card_type: profile::CARD_TYPE,
            presentations_max: 5,
        });
        let wanted = Wanted::of(&image.expect("a card that can be made")).expect("it is no other card");
        assert_eq!((&wanted.label[..], wanted.presentations_max), (&b"Ana"[..], 5));
        assert_eq!(wanted.shadow, [7; 255]);
        assert!(
            Wanted::of(&CardImage::virgin(Csn([0x11; 16])))
                .expect("as above")
                .is_virgin
        );
    }
}
