//! The mains: whoever gives a device power, at the start of the program or after a cut. What comes up is what is on the
//! disk, and nothing else.

use std::{path::PathBuf, time::Duration};

use hsm_core::{Device, Profile};
use hsm_listener::Appliance;
use program::{ExitCode, Problem};

use crate::store::{FILE_NAME, Kept, Store};

/// What a device needs besides its disk.
#[derive(Clone, Debug)]
pub(crate) struct Mains {
    /// The folder of its state.
    pub(crate) state: PathBuf,
    /// How long it takes to start.
    pub(crate) start: Duration,
    /// How long it takes to stop.
    pub(crate) stop: Duration,
}

impl Mains {
    /// Opens the state that is kept.
    pub(crate) fn open(&self) -> Result<(Store, Kept), Problem> {
        Store::open(&self.state)?.ok_or_else(|| {
            let what = format!(
                "open state folder `{}`: expected the state of a device, got none",
                self.state.display()
            );
            Problem::new(ExitCode::WrongState, what)
        })
    }

    /// A device that is switched off, with what it kept.
    pub(crate) fn device(&self, kept: &Kept) -> Result<Appliance, Problem> {
        let damaged = |why: String| {
            let path = self.state.join(FILE_NAME);
            let what = format!("read state `{}`: it is damaged: {why}", path.display());
            Problem::new(ExitCode::WrongState, what)
        };
        let mut profile =
            Profile::parse(&kept.profile_text).map_err(|why| damaged(format!("its profile: {why}")))?;
        profile.limits.start = self.start;
        profile.limits.stop = self.stop;
        let tls = kept
            .identity
            .server_config()
            .map_err(|error| damaged(error.to_string()))?;
        Ok(Appliance::new(Device::new(profile, kept.stored.clone()), tls))
    }
}
