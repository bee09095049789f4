//! Who has which cookie. A session is known here as long as the device knows it; nothing here says what somebody may do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hsm_core::UserSession;

use crate::bench::Token;

/// Cookies with this beginning are taken by a browser over TLS only, and from this host alone.
pub(crate) const COOKIE: &str = "__Host-hsm";

/// A session that has begun with a login.
#[derive(Clone)]
pub(crate) struct Session {
    /// How the device knows it.
    pub(crate) number: UserSession,
    /// What every form of its pages holds.
    pub(crate) csrf: Token,
    /// Whoever asks the device has it until the answer: one request of a session after the other.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
}

/// Sessions by their cookies. The device bounds how many there are.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    next: u64,
    known: Vec<(Token, Session)>,
}

impl Sessions {
    fn table(&self) -> MutexGuard<'_, Table> {
        // Nobody panics while holding it, and a table is whole between two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that no session had.
    pub(crate) fn next_number(&self) -> UserSession {
        let mut table = self.table();
        table.next += 1;
        UserSession(table.next)
    }

    /// A session begins, with a cookie that nobody has seen, whatever cookie came with the login.
    pub(crate) fn begin(&self, number: UserSession) -> Token {
        let cookie = Token::generate();
        let session = Session {
            number,
            csrf: Token::generate(),
            turn: Arc::default(),
        };
        self.table().known.push((cookie.clone(), session));
        cookie
    }

    /// The session of a cookie.
    pub(crate) fn find(&self, cookie: &[u8]) -> Option<Session> {
        let table = self.table();
        let found = table.known.iter().find(|(token, _)| token.is(cookie));
        found.map(|(_, session)| session.clone())
    }

    /// A session is over.
    pub(crate) fn end(&self, number: UserSession) {
        self.table().known.retain(|(_, session)| session.number != number);
    }

    /// Every session is over.
    pub(crate) fn end_all(&self) {
        self.table().known.clear();
    }
}
