//! What stands between a program and a card: APDUs, status words, the ATR, the exchange by T=0, and the procedures
//! that an HSM runs on a custodian's card. Holds no card and no reader, and never reads a clock or a socket.
//!
//! ```
//! use apdu::{CommandApdu, Exchange, ExchangeOutput, Header, ResponseApdu, StatusWord};
//!
//! // SELECT the master file; the card offers 2 bytes, the exchange collects them.
//! let select = CommandApdu::with_data(Header::new(0x00, 0xA4, 0x00, 0x00), &[0x3F, 0x00])?;
//! let mut exchange = Exchange::new(select);
//! assert_eq!(exchange.poll_output(), Some(ExchangeOutput::Transmit(vec![0x00, 0xA4, 0, 0, 2, 0x3F, 0x00])));
//! exchange.handle_response(ResponseApdu::try_from(&[0x61, 0x02][..])?);
//! assert_eq!(exchange.poll_output(), Some(ExchangeOutput::Transmit(vec![0x00, 0xC0, 0, 0, 2])));
//! exchange.handle_response(ResponseApdu::try_from(&[0x85, 0x00, 0x90, 0x00][..])?);
//! let finished = ResponseApdu { data: vec![0x85, 0x00], status: StatusWord::OK };
//! assert_eq!(exchange.poll_output(), Some(ExchangeOutput::Finished(Ok(finished))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod atr;
mod card_status;
mod command;
mod csn;
mod exchange;
pub mod hex;
mod inspection;
pub mod mpcos;
mod pin_entry;
pub mod procedure;
mod reader;
mod response;
mod secret;
mod status_word;

pub use atr::{Atr, InvalidAtr};
pub use card_status::{CardStatus, InvalidCardStatus, LifeCycle};
pub use command::{CommandApdu, Header, InvalidCommand, Le};
pub use csn::Csn;
pub use exchange::{Exchange, ExchangeError, ExchangeOutput};
pub use inspection::Inspection;
pub use pin_entry::{InvalidNewPin, InvalidPinEntry, NewPin, PinEntry};
pub use reader::{ReaderAnswer, ReaderCommand};
pub use response::{InvalidResponse, ResponseApdu};
pub use secret::SecretBytes;
pub use status_word::StatusWord;
