//! Cards on disk, for the shells: a card image in a file that one program holds, and that answers as a reader does; the
//! two ends of a virtual reader around it; the program `virtual-card`. What a card does with a command is `card-core`'s.
//!
//! ```
//! use apdu::{Csn, ReaderAnswer, ReaderCommand};
//! use card_core::{CardImage, Personalisation, profile};
//! use virtual_card::CardFile;
//!
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("ana.card");
//! let image = CardImage::personalised(&Personalisation {
//!     csn: Csn(*b"an example card!"),
//!     pin: "12345678",
//!     label: "Ana",
//!     shadow: b"not a real shadow",
//!     card_type: profile::CARD_TYPE,
//!     presentations_max: profile::PRESENTATIONS_MAX,
//! })?;
//! CardFile::create(&path, image)?;
//!
//! let mut card = CardFile::open(&path)?;
//! assert!(CardFile::open(&path).is_err(), "one program holds it");
//! assert!(matches!(card.answer(&ReaderCommand::PowerOn), ReaderAnswer::Atr(_)));
//! let wrong = ReaderCommand::Transmit(b"\x00\x20\x00\x00\x0800000000".to_vec());
//! let ReaderAnswer::Response(response) = card.answer(&wrong) else { panic!("a card answers") };
//! assert_eq!(response.status.to_string(), "63C6 (wrong PIN, 6 tries left)");
//! assert!(std::fs::read_to_string(&path)?.contains("try_counter = 1"), "what was answered is on the disk");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod card_file;
pub mod cli;
mod control;
mod fault_file;
mod peer;
mod vicc;
mod virtual_reader;

pub use card_file::{CardFile, CardFileError, Contact, Fault, IMAGE_BYTES_MAX, read_card};
pub use cli::inspection_to_json;
pub use virtual_reader::{ANSWER_WAIT, Reach, VirtualReader};
