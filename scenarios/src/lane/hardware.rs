//! Plays scenarios with real parts: a card in a PC/SC reader, a device at an address, in real time, with a person at the
//! terminal for a hand. What is not chosen is the rig's own. Never writes to a part that the rig file does not name.

#[cfg(feature = "pcsc")]
mod card;
#[cfg(feature = "pcsc")]
mod card_bed;
#[cfg(feature = "pcsc")]
mod hands;
#[cfg(feature = "pcsc")]
mod operator;
#[cfg(feature = "pcsc")]
mod play;
#[cfg(feature = "pcsc")]
mod rig_file;
#[cfg(feature = "pcsc")]
mod stage;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use program::Problem;

#[cfg(feature = "pcsc")]
pub use play::make_ready;

/// With which parts the lane plays.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The file that names what may be written to.
    pub rig: PathBuf,
    /// Whether the word was said without which nothing is written to.
    pub is_dangerous: bool,
    /// The name of a reader of PC/SC, or its begin; `None` is a card of the rig's own.
    pub card: Option<String>,
    /// Where a real device listens; `None` is none.
    pub device: Option<SocketAddr>,
    /// Where the programs are, if not beside this one.
    pub programs: Option<PathBuf>,
    /// What became of the run.
    pub record: Record,
}

/// What a run with real parts tells besides its results. Clones are the same record.
#[derive(Clone, Debug, Default)]
pub struct Record {
    parts: Arc<Mutex<BTreeSet<String>>>,
    ended: Arc<OnceLock<Problem>>,
}

impl Record {
    /// The parts that were played with, each with its serial number.
    pub fn parts(&self) -> Vec<String> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().cloned().collect()
    }

    /// Why the run was ended before its last scenario, if it was.
    pub fn ended(&self) -> Option<&Problem> {
        self.ended.get()
    }

    #[cfg(feature = "pcsc")]
    fn add_part(&self, part: String) {
        self.parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(part);
    }
}
