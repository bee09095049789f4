//! What the bench hands to the task that owns the device, and how that one answers. Holds what was checked already.

use std::path::PathBuf;

use hsm_bench::{Advance, Faults, KeyName, Name, PowerAction, SeedCards, SeededCards, State, Text};
use hsm_core::{Area, ConnectionId, Place};
use tokio::sync::oneshot;

use super::Refusal;

/// Where the answer goes. Nobody may be there any more to hear it.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// What somebody sees who stands before the device, all of it at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) state: State,
    /// 25 lines of 80 characters.
    pub(crate) screen: String,
    /// What of it has the keys.
    pub(crate) focus: Option<Area>,
    /// Where the next character will stand.
    pub(crate) cursor: Option<Place>,
}

/// One request, answered once everything that it caused is durable and handed to the sockets.
#[derive(Debug)]
pub(crate) enum Request {
    /// What is the matter?
    Look(Reply<State>),
    /// What is on the screen?
    Screen(Reply<String>),
    /// Both, and where the screen's highlight is.
    See(Reply<Sight>),
    /// Do this, and say what is the matter then.
    Act(Act, Reply<State>),
    /// Move the clock.
    Advance(Advance, Reply<State>),
    /// Make cards.
    SeedCards(SeedCards, Reply<SeededCards>),
}

/// What a hand does.
#[derive(Debug)]
pub(crate) enum Act {
    Keys(Vec<KeyName>),
    Type(Text),
    InsertCard(PathBuf),
    RemoveCard,
    Power(PowerAction),
    Faults(Faults),
    DropLink(ConnectionId),
    SeedUsers(Vec<Name>),
}
