//! What a card knows only while it is powered. A reset begins a new one.

use crate::{
    file::{Directory, File, Template},
    pin::PinVerified,
};

/// The volatile state: gone at removal and at every reset.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) verified: Option<PinVerified>,
    pub(crate) directory: Directory,
    pub(crate) file: Option<File>,
    /// What waits for GET RESPONSE; never a secret, for only SELECT leaves something.
    pub(crate) pending: Option<Pending>,
}

/// What is left of a template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    template: Template,
    collected: usize,
}

impl Pending {
    pub(crate) const fn all_of(template: Template) -> Self {
        Self {
            template,
            collected: 0,
        }
    }

    /// The bytes that wait, never none.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.template[self.collected..]
    }

    /// What waits after so many bytes were handed over, if anything does.
    pub(crate) fn after(self, bytes: usize) -> Option<Self> {
        let collected = self.collected + bytes;
        (collected < self.template.len()).then_some(Self { collected, ..self })
    }
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
