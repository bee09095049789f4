//! Refusals that repeat themselves, counted instead of told: a flood of strangers makes few lines (LG-04). Decides
//! nothing about who is refused.

use core::{net::IpAddr, time::Duration};
use std::collections::BTreeMap;

use machine::{Instant, Timer};

use crate::{Denial, Event};

/// For how long the same refusal of the same address is counted after it was told.
pub const DENIALS_WINDOW: Duration = Duration::from_secs(60);
/// Refusals that are told apart at once; all others are counted together.
pub const DENIALS_TOLD_APART_MAX: usize = 64;

type What = Option<(IpAddr, Denial)>;

/// What is being counted. `None` stands for all that is not told apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denials {
    tallies: BTreeMap<What, Tally>,
}

#[derive(Clone, Debug)]
struct Tally {
    window: Timer,
    /// How often it happened again.
    times: u64,
}

impl Denials {
    /// Something was refused. Whether it is to be told: it is the first of its kind in a window.
    pub(crate) fn count(&mut self, now: Instant, address: IpAddr, denial: Denial) -> bool {
        let what = Some((address, denial));
        if let Some(tally) = self.tallies.get_mut(&what) {
            tally.times += 1;
            return false;
        }
        let window = Timer::at(now + DENIALS_WINDOW);
        if self.tallies.keys().filter(|what| what.is_some()).count() < DENIALS_TOLD_APART_MAX {
            self.tallies.insert(what, Tally { window, times: 0 });
            return true;
        }
        let others = self.tallies.entry(None).or_insert(Tally { window, times: 0 });
        others.times += 1;
        false
    }

    /// When the next window ends.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.tallies
            .values()
            .filter_map(|tally| tally.window.deadline())
            .min()
    }

    /// What was counted in windows that are over.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Vec<Event> {
        let tallies = self.tallies.iter_mut();
        let over = tallies.filter_map(|(what, tally)| tally.window.take_expired(now).then_some(*what));
        let whats: Vec<_> = over.collect();
        whats.into_iter().filter_map(|what| self.take(what)).collect()
    }

    /// What was counted in windows that are not over, when the device goes down.
    pub(crate) fn take_all(&mut self) -> Vec<Event> {
        let whats: Vec<_> = self.tallies.keys().copied().collect();
        whats.into_iter().filter_map(|what| self.take(what)).collect()
    }

    fn take(&mut self, what: What) -> Option<Event> {
        let tally = self.tallies.remove(&what)?;
        (tally.times > 0).then_some(Event::DeniedAgain {
            what,
            times: tally.times,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;
    use protocol::DeniedReason;

    const BUSY: Denial = Denial::Denied(DeniedReason::Busy);

    fn address(number: usize) -> IpAddr {
        let number = u32::try_from(number).expect("it is small");
        Ipv4Addr::from_bits(0xC633_0000 + number).into()
    }

    //= LG-04
    #[test]
    fn the_first_of_a_window_is_told_and_the_others_are_counted() {
        let mut denials = Denials::default();
        let start = Instant::from_micros(5);
        assert!(denials.count(start, address(1), BUSY));
        assert!(!denials.count(start, address(1), BUSY));
        assert!(!denials.count(start, address(1), BUSY));
        assert!(denials.count(start, address(2), BUSY));
        assert!(denials.count(start, address(1), Denial::Denied(DeniedReason::NotArmed)));
        let end = start + DENIALS_WINDOW;
        assert_eq!(denials.deadline(), Some(end));
        assert_eq!(
            denials.take_expired(Instant::from_micros(end.as_micros() - 1)),
            []
        );
        let told = denials.take_expired(end);
        let what = Some((address(1), BUSY));
        assert_eq!(told, [Event::DeniedAgain { what, times: 2 }]);
        assert_eq!(denials.deadline(), None);
        assert!(denials.count(end, address(1), BUSY), "a new window");
    }

    //= LG-04
    #[test]
    fn more_addresses_than_are_told_apart_are_counted_together() {
        let mut denials = Denials::default();
        for number in 0..DENIALS_TOLD_APART_MAX {
            assert!(denials.count(Instant::POWER_ON, address(number), BUSY));
        }
        for number in 0..1000 {
            assert!(!denials.count(Instant::POWER_ON, address(DENIALS_TOLD_APART_MAX + number), BUSY));
        }
        assert_eq!(denials.tallies.len(), DENIALS_TOLD_APART_MAX + 1);
        let others = Event::DeniedAgain {
            what: None,
            times: 1000,
        };
        assert_eq!(denials.take_all(), [others]);
    }
}
