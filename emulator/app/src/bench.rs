//! The bench: a way for programs to do to the device what a hand does, over HTTP on loopback. Each request becomes one
//! thing that happens in the task that owns the device, and is answered by it. Decides nothing about the device.

mod api;
mod card_folder;
mod events;
mod gate;
mod page;
mod refusal;
mod request;
mod server;
mod tickets;
mod token;

pub(crate) use events::EventLog;
pub(crate) use refusal::Refusal;
pub(crate) use request::{Act, Reply, Request, Sight};
pub(crate) use server::Server;
pub(crate) use token::Token;
