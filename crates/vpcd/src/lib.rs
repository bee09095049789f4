//! The wire of vsmartcard, on which a virtual reader (`vpcd`, a driver of the PC/SC daemon) speaks with a virtual card
//! (`vicc`): messages, what a card is asked, and the reader's side of a dialog. Owns no socket and no card.
//!
//! Source: the format and its observed use are those of vsmartcard (`virtualsmartcard/doc/api.txt`, `vpcd.c`,
//! `VirtualSmartcard.py`), releases 0.8 to 0.10.
//!
//! ```
//! use apdu::{ReaderAnswer, ReaderCommand, StatusWord};
//! use vpcd::{Decoder, Input, Output, Reader, Request, encode};
//!
//! // A reader with a card in it sends a command …
//! let mut reader = Reader::default();
//! reader.handle_input(Input::CardInserted);
//! reader.handle_input(Input::Command(&ReaderCommand::Transmit(vec![0x00, 0x84, 0x00, 0x00, 0x08])));
//! let Some(Output::Send(bytes)) = reader.poll_output() else { panic!("it sends") };
//!
//! // … which the card reads, however the bytes were cut, and answers.
//! let (mut decoder, mut rest) = (Decoder::default(), &bytes[..]);
//! let message = decoder.take(&mut rest).expect("it is whole");
//! assert_eq!(Request::from(message), Request::Transmit(vec![0x00, 0x84, 0x00, 0x00, 0x08]));
//! reader.handle_input(Input::Received(&encode(&[0x6D, 0x00])?));
//! assert_eq!(
//!     reader.poll_output(),
//!     Some(Output::Answer(ReaderAnswer::Response(StatusWord::UNKNOWN_INSTRUCTION.into())))
//! );
//! # Ok::<(), vpcd::TooLong>(())
//! ```

mod message;
mod reader;
mod request;
mod slot;

pub use message::{Decoder, MESSAGE_BYTES_MAX, TooLong, encode};
pub use reader::{Input, Output, Reader};
pub use request::Request;
pub use slot::{PORT, SLOTS_MAX, port_of_slot};
