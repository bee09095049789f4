//! The life cycle of the device as a table. Knows nothing of what is kept or wiped on the way.

use protocol::ServiceState;

machine::transitions! {
    /// Where a device is between the mains and its service. Source: LF-01 to LF-08, OP-01, LC-05.
    pub enum LifeCycle {
        /// Without power, or switched off.
        Off,
        /// On its way up.
        Starting,
        /// Bound to no Server Master Key: out of the factory, or after a reset.
        FirstBoot,
        /// Bound to one, which is not in memory: the custodians are awaited.
        Waiting,
        /// Activated; the service is stopped.
        Stopped,
        /// Activated; the service runs.
        Running,
        /// As `Stopped`, and the console asks for the set.
        StoppedLocked,
        /// As `Running`, and the console asks for the set.
        RunningLocked,
        /// On its way down.
        Stopping,
    }
    /// The power button, or the mains after a cut.
    on_switch_on: Off => Starting;
    /// The start sequence is over, and the device is bound to no key.
    on_started_unbound: Starting => FirstBoot;
    /// The start sequence is over.
    on_started: Starting => Waiting;
    /// The Server Master Key is in memory.
    on_activated: FirstBoot | Waiting => Stopped;
    /// Client sessions are served.
    on_service_started: Stopped => Running, StoppedLocked => RunningLocked;
    /// They are not any more.
    on_service_stopped: Running => Stopped, RunningLocked => StoppedLocked;
    /// Somebody locked the console.
    on_locked: Stopped => StoppedLocked, Running => RunningLocked;
    /// The set was shown at a locked console.
    on_unlocked: StoppedLocked => Stopped, RunningLocked => Running;
    /// A restart, a switch-off or a reset was accepted, locally or remotely.
    on_stop: FirstBoot | Waiting | Stopped | Running | StoppedLocked | RunningLocked => Stopping;
    /// The stop sequence is over, and the device was switched off.
    on_switched_off: Stopping => Off;
    /// The stop sequence is over, and the device starts again.
    on_restart: Stopping => Starting;
}

impl LifeCycle {
    /// Every state, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Off,
        Self::Starting,
        Self::FirstBoot,
        Self::Waiting,
        Self::Stopped,
        Self::Running,
        Self::StoppedLocked,
        Self::RunningLocked,
        Self::Stopping,
    ];

    /// Whether the device takes keys, and connections if it listens.
    pub const fn is_on(self) -> bool {
        match self {
            Self::Off | Self::Starting | Self::Stopping => false,
            Self::FirstBoot
            | Self::Waiting
            | Self::Stopped
            | Self::Running
            | Self::StoppedLocked
            | Self::RunningLocked => true,
        }
    }

    /// Whether the Server Master Key is in memory.
    pub const fn is_activated(self) -> bool {
        match self {
            Self::Stopped | Self::Running | Self::StoppedLocked | Self::RunningLocked => true,
            Self::Off | Self::Starting | Self::FirstBoot | Self::Waiting | Self::Stopping => false,
        }
    }

    /// Whether the console asks for the set although the device is activated. Source: LC-05.
    pub const fn is_locked(self) -> bool {
        matches!(self, Self::StoppedLocked | Self::RunningLocked)
    }

    /// Whether the HSM service runs.
    pub const fn service(self) -> ServiceState {
        match self {
            Self::Running | Self::RunningLocked => ServiceState::Running,
            Self::Off
            | Self::Starting
            | Self::FirstBoot
            | Self::Waiting
            | Self::Stopped
            | Self::StoppedLocked
            | Self::Stopping => ServiceState::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LifeCycle;

    #[test]
    fn the_table_has_this_matrix_and_this_diagram() {
        insta::assert_snapshot!("life_cycle_matrix", LifeCycle::matrix());
        insta::assert_snapshot!("life_cycle_diagram", LifeCycle::diagram());
    }

    #[test]
    fn every_state_is_listed_once() {
        let mut names: Vec<_> = LifeCycle::ALL.iter().map(|state| state.name()).collect();
        names.dedup();
        assert_eq!(names.len(), 9);
        assert_eq!(LifeCycle::matrix().lines().count(), LifeCycle::ALL.len() * 11);
    }
}
