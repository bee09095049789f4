//! Which readers there are, and whether a card is in one. Waits for events of PC/SC; never touches a card.

use std::{
    ffi::CString,
    time::{Duration, Instant},
};

use pcsc::{Context, Error, ReaderState, Scope, State};
use program::{ExitCode, Problem};

/// Whether a card is in a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A card is in the reader. PC/SC: `SCARD_STATE_PRESENT`.
    Inserted,
    /// No card is in the reader. PC/SC: `SCARD_STATE_EMPTY`.
    Removed,
}

/// The readers that PC/SC knows, in its order. None if there is no reader.
pub fn reader_names() -> Result<Vec<String>, Problem> {
    let doing = "list the readers of PC/SC";
    match context(doing)?.list_readers_owned() {
        Ok(names) => Ok(names
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect()),
        Err(Error::NoReadersAvailable) => Ok(Vec::new()),
        Err(why) => Err(problem(doing, why)),
    }
}

/// Waits until the reader has a card, or has none. `Ok(false)` if `within` was over first.
pub fn await_card(reader: &str, awaited: Presence, within: Duration) -> Result<bool, Problem> {
    let doing = format!("wait for a card in the reader `{reader}`");
    let context = context(&doing)?;
    let deadline = Instant::now() + within;
    let mut states = [ReaderState::new(name_of(reader)?, State::UNAWARE)];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match context.get_status_change(left, &mut states) {
            Ok(()) => {}
            Err(Error::Timeout) => return Ok(false),
            Err(why) => return Err(problem(&doing, why)),
        }
        let [state] = &mut states;
        let now = state.event_state();
        if now.intersects(State::UNKNOWN | State::IGNORE) {
            return Err(problem(&doing, Error::UnknownReader));
        }
        let is_so = match awaited {
            Presence::Inserted => now.contains(State::PRESENT) && !now.contains(State::MUTE),
            Presence::Removed => now.contains(State::EMPTY),
        };
        if is_so {
            return Ok(true);
        }
        state.sync_current_state();
    }
}

pub(crate) fn name_of(reader: &str) -> Result<CString, Problem> {
    CString::new(reader).map_err(|_| {
        let what = format!("name a reader: expected a name without a NUL, got {reader:?}");
        Problem::new(ExitCode::Usage, what)
    })
}

fn context(doing: &str) -> Result<Context, Problem> {
    Context::establish(Scope::User).map_err(|why| problem(doing, why))
}

fn problem(doing: &str, why: Error) -> Problem {
    let problem = Problem::new(ExitCode::Card, format!("{doing}: PC/SC says: {why}"));
    match why {
        Error::NoService | Error::ServiceStopped => {
            problem.hint("start the PC/SC daemon, on Debian the package `pcscd`; if it runs, see whether polkit lets this user in")
        }
        Error::CommError | Error::InternalError => {
            problem.hint("restart the PC/SC daemon: it broke off in the middle of an answer")
        }
        Error::SecurityViolation => problem.hint(
            "the daemon lets this user not in: allow the polkit actions `org.debian.pcsc-lite.access_pcsc` and \
             `org.debian.pcsc-lite.access_card`, or work at a local session",
        ),
        Error::UnknownReader => problem.hint("`opensc-tool -l` lists the readers that are there"),
        _ => problem,
    }
}
