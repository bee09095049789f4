//! What a card knows only while it is powered. A reset begins a new one.

use crate::{
    file::{Directory, File},
    pin::PinVerified,
};

/// The volatile state: gone at removal and at every reset.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) verified: Option<PinVerified>,
    pub(crate) directory: Directory,
    pub(crate) file: Option<File>,
    /// What waits for GET RESPONSE; never a secret, for only SELECT leaves something.
    pub(crate) pending: Option<Vec<u8>>,
}

impl Session {
    /// After a reset: nothing verified, the master file current.
    //= CD-08
    pub(crate) fn after_reset() -> Self {
        Self {
            verified: None,
            directory: Directory::Master,
            file: None,
            pending: None,
        }
    }
}
