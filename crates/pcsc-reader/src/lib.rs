//! Readers of PC/SC: a card in one answers as every reader of the rig does. Knows no command of a card, and resolves
//! neither 61xx nor 6Cxx. Empty without the feature `pcsc`, which needs libpcsclite to build.
//!
//! ```no_run
//! # #[cfg(feature = "pcsc")]
//! # fn main() -> Result<(), program::Problem> {
//! use std::time::Duration;
//!
//! use apdu::{ReaderAnswer, ReaderCommand};
//! use pcsc_reader::{PcscReader, Presence, await_card, reader_names};
//!
//! let name = reader_names()?.remove(0);
//! if await_card(&name, Presence::Inserted, Duration::from_secs(60))? {
//!     let mut reader = PcscReader::new(&name)?;
//!     if let ReaderAnswer::Atr(atr) = reader.answer(&ReaderCommand::PowerOn) {
//!         println!("{atr:?}");
//!     }
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "pcsc"))]
//! # fn main() {}
//! ```

#[cfg(feature = "pcsc")]
mod presence;
#[cfg(feature = "pcsc")]
mod reader;

#[cfg(feature = "pcsc")]
pub use presence::{Presence, await_card, reader_names};
#[cfg(feature = "pcsc")]
pub use reader::{ABANDONED_MAX, PATIENCE, PcscReader};
