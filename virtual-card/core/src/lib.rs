//! The card of a custodian as a value: told a command, it hands out the cells to write and then the answer. Owns no
//! file and no reader; whoever drives it keeps the image durable.
//!
//! ```
//! use apdu::Csn;
//! use card_core::{Card, CardImage, Input, Output, Personalisation, profile};
//!
//! let mut image = CardImage::personalised(&Personalisation {
//!     csn: Csn(*b"an example card!"),
//!     pin: "12345678",
//!     label: "Alice",
//!     shadow: b"not a real shadow",
//!     card_type: profile::CARD_TYPE,
//!     presentations_max: profile::PRESENTATIONS_MAX,
//! })?;
//! let mut card = Card::from_image(image.clone());
//! let mut answers = Vec::new();
//! for input in [Input::PowerOn, Input::Transmit(b"\x00\x20\x00\x00\x0812345678")] {
//!     card.handle_input(input);
//!     while let Some(output) = card.poll_output() {
//!         match output {
//!             Output::Write(write) => {
//!                 image.apply(&write); // and make it durable, before saying so:
//!                 card.handle_input(Input::Written);
//!             }
//!             Output::Atr(atr) => answers.push(atr.to_string()),
//!             Output::Answer(response) => answers.push(response.status.to_string()),
//!         }
//!     }
//! }
//! assert_eq!(answers, ["3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43", "9000 (done)"]);
//! # Ok::<(), card_core::InvalidPersonalisation>(())
//! ```

mod card;
mod cell;
mod command;
mod faults;
mod fields;
mod file;
mod image;
mod pin;
mod plan;
pub mod profile;
mod randomness;
mod session;
mod tpdu;

pub use card::{Card, Input, Output, WriteFault};
pub use cell::{Cell, CellWrite};
pub use faults::{
    ATR_BYTES_MAX, DELAY_MAX, FAULTS_MAX, Fault, FaultKind, Faults, FaultyCard, FaultyOutput, InvalidFaults,
};
pub use image::{CardImage, InvalidImage, InvalidPersonalisation, Personalisation};
