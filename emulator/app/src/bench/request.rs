//! What the bench hands to the task that owns the device, and how that one answers. Holds what was checked already.

use std::path::PathBuf;

use hsm_bench::{Advance, Faults, KeyName, Name, PowerAction, SeedCards, SeededCards, State, Text};
use hsm_core::ConnectionId;
use tokio::sync::oneshot;

use super::Refusal;

/// Where the answer goes. Nobody may be there any more to hear it.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// One request, answered once everything that it caused is durable and handed to the sockets.
#[derive(Debug)]
pub(crate) enum Request {
    /// What is the matter?
    Look(Reply<State>),
    /// What is on the screen?
    Screen(Reply<String>),
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
