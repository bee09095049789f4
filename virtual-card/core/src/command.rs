//! Which command a TPDU is. Judges class, instruction, parameters and length in this order; what a command does stands
//! in its own file.

mod card_manager;
mod change_pin;
mod erase;
mod format;
mod get_challenge;
mod get_data;
mod get_info;
mod get_response;
mod read_binary;
mod select;
mod update_binary;
mod verify;

use apdu::{ResponseApdu, StatusWord, mpcos};

use crate::{
    file::Directory, image::CardImage, pin::Presented, plan::Plan, randomness::Randomness, session::Session,
    tpdu::Tpdu,
};

/// What a command leads to.
pub(crate) enum Outcome {
    Answer(ResponseApdu),
    /// Writes in an order, and success after the last.
    Write(Plan),
    /// A PIN, to be counted before it is compared.
    CountTry(Presented),
}

impl<T: Into<ResponseApdu>> From<T> for Outcome {
    fn from(answer: T) -> Self {
        Self::Answer(answer.into())
    }
}

/// Every byte string has an answer.
//= CD-09
pub(crate) fn run(
    session: &mut Session,
    image: &CardImage,
    randomness: &mut Randomness,
    bytes: &[u8],
) -> Outcome {
    // Whatever comes, the data that waited for GET RESPONSE are gone unless GET RESPONSE puts them back.
    let pending = session.pending.take();
    let tpdu = match Tpdu::read(bytes) {
        Ok(tpdu) => tpdu,
        Err(status) => return status.into(),
    };
    // What both applications answer.
    let done = match (tpdu.header.class, tpdu.header.instruction) {
        (0x00, mpcos::SELECT) => select::run(session, &tpdu).map(Outcome::from),
        (0x00, mpcos::GET_RESPONSE) => get_response::run(session, pending, &tpdu).map(Outcome::from),
        (0x80, mpcos::GET_RESPONSE) if tpdu.header.p1 != get_info::P1 => {
            get_response::run(session, pending, &tpdu).map(Outcome::from)
        }
        (0x80, mpcos::GET_DATA) => get_data::run(image, &tpdu).map(Outcome::from),
        _ if session.directory == Directory::CardManager => Err(card_manager::refusal(&tpdu)),
        (0x00, mpcos::VERIFY) => verify::run(session, image, &tpdu),
        (0x00 | 0x80, mpcos::CHANGE_PIN) => change_pin::run(session, image, &tpdu),
        (0x00, mpcos::READ_BINARY) => read_binary::run(session, image, &tpdu).map(Outcome::from),
        (0x00, mpcos::UPDATE_BINARY) => update_binary::run(session, image, &tpdu).map(Outcome::Write),
        (0x00, mpcos::GET_CHALLENGE) => get_challenge::run(randomness, &tpdu).map(Outcome::from),
        (0x80, mpcos::GET_RESPONSE) => get_info::run(session, image, &tpdu).map(Outcome::from),
        (0x80, mpcos::FORMAT) => format::run(image, &tpdu).map(Outcome::Write),
        (erase::CLASS, mpcos::ERASE) => erase::run(session, image, &tpdu).map(Outcome::Write),
        (0x00 | 0x80 | erase::CLASS, _) => Err(StatusWord::UNKNOWN_INSTRUCTION),
        (_, _) => Err(StatusWord::UNKNOWN_CLASS),
    };
    done.unwrap_or_else(Outcome::from)
}
