//! The limits of a device: which run, and what happens when one is over. Their lengths stand in the profile and where
//! each limit is set.

use machine::{Cx, Instant};
use protocol::ClosingReason;

use super::Device;
use crate::LifeCycle;

/// Every limit of the device that is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The start or stop sequence is over.
    PowerSequence,
    /// The cards accepted so far no longer count. Before [`Inactivity`](Self::Inactivity) at the same instant.
    Interval,
    /// The manager sent no line.
    Inactivity,
    /// A user asked for nothing.
    UserIdle,
    /// Refusals were counted long enough.
    Denials,
    /// The other side of live sync said nothing.
    LiveSync,
}

impl Device {
    /// The limits that run, each with the moment at which it is over.
    pub fn limits(&self) -> impl Iterator<Item = (Limit, Instant)> {
        let inactivity = self
            .manager
            .as_ref()
            .and_then(|manager| manager.inactivity.deadline());
        let limits = [
            (Limit::PowerSequence, self.power_sequence.deadline()),
            (Limit::Interval, self.interval.deadline()),
            (Limit::Inactivity, inactivity),
            (Limit::UserIdle, self.users.idle_deadline()),
            (Limit::Denials, self.denials.deadline()),
            (Limit::LiveSync, self.live_sync.deadline()),
        ];
        limits
            .into_iter()
            .filter_map(|(limit, deadline)| deadline.map(|deadline| (limit, deadline)))
    }

    /// The limit that is over at this instant, the first in the order of [`Limit`].
    fn take_expired(&mut self, now: Instant) -> Option<Limit> {
        if self.power_sequence.take_expired(now) {
            return Some(Limit::PowerSequence);
        }
        if self.interval.take_expired(now) {
            return Some(Limit::Interval);
        }
        let manager = self.manager.as_mut();
        if manager.is_some_and(|manager| manager.inactivity.take_expired(now)) {
            return Some(Limit::Inactivity);
        }
        let is_over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_over(self.users.idle_deadline()) {
            return Some(Limit::UserIdle);
        }
        if is_over(self.denials.deadline()) {
            return Some(Limit::Denials);
        }
        is_over(self.live_sync.deadline()).then_some(Limit::LiveSync)
    }

    pub(super) fn expire(&mut self, cx: &Cx<'_>) {
        self.expire_limits(cx);
        self.tend_live_sync(cx);
    }

    fn expire_limits(&mut self, cx: &Cx<'_>) {
        while let Some(limit) = self.take_expired(cx.now) {
            match limit {
                Limit::PowerSequence => match self.state {
                    LifeCycle::Starting => self.on_started(cx),
                    LifeCycle::Stopping => self.on_stopped(cx),
                    LifeCycle::Off
                    | LifeCycle::FirstBoot
                    | LifeCycle::Waiting
                    | LifeCycle::Stopped
                    | LifeCycle::Running
                    | LifeCycle::StoppedLocked
                    | LifeCycle::RunningLocked => unreachable!("only the two sequences set this timer"),
                },
                Limit::Interval => self.on_interval_over(cx),
                //= RM-07
                Limit::Inactivity => self.end_session(cx, ClosingReason::Inactivity, None),
                Limit::LiveSync => self.on_sync_silence(cx),
                //= HC-02
                Limit::UserIdle => self.expire_users(cx),
                Limit::Denials => {
                    for event in self.denials.take_expired(cx.now) {
                        self.tell(cx, event);
                    }
                }
            }
        }
    }
}
