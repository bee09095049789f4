//! Tickets to the bench's page: each lets one browser in, once. Holds few of them and prints none.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use hsm_bench::Ticket;

use super::Token;

/// Tickets that are not used yet. One more, and the oldest is worth nothing.
pub(crate) const TICKETS_MAX: usize = 8;

/// Those that are not used yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tickets(Arc<Mutex<VecDeque<Token>>>);

impl Tickets {
    /// One that nobody has seen.
    pub(crate) fn issue(&self) -> Token {
        let ticket = Token::generate();
        let mut unused = self.lock();
        if unused.len() == TICKETS_MAX {
            unused.pop_front();
        }
        unused.push_back(ticket.clone());
        ticket
    }

    /// Whether this is one. It is none any more afterwards.
    pub(crate) fn redeem(&self, presented: &Ticket) -> bool {
        let mut unused = self.lock();
        let found = unused
            .iter()
            .position(|ticket| ticket.is(presented.as_str().as_bytes()));
        found.and_then(|place| unused.remove(place)).is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Token>> {
        // Nothing panics while it has the lock, and if it did the list would still be one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(ticket: &Token) -> Ticket {
        serde_json::from_value(serde_json::json!({ "ticket": ticket.expose() })).expect("it is one")
    }

    #[test]
    fn a_ticket_is_good_once() {
        let tickets = Tickets::default();
        let ticket = presented(&tickets.issue());
        assert!(!tickets.redeem(&presented(&Token::generate())));
        assert!(tickets.redeem(&ticket));
        assert!(!tickets.redeem(&ticket));
    }

    #[test]
    fn one_ticket_more_than_are_kept_makes_the_oldest_worthless() {
        let tickets = Tickets::default();
        let issued: Vec<_> = (0..=TICKETS_MAX).map(|_| presented(&tickets.issue())).collect();
        assert!(!tickets.redeem(&issued[0]));
        assert!(issued[1..].iter().all(|ticket| tickets.redeem(ticket)));
    }
}
