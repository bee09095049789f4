//! The HTTP console: pages over TLS for the users of the database. Each request becomes one thing that happens in the
//! task that owns the device, and is answered by it. Decides nothing about a user: not who one is, not what one may do.

mod form;
mod guard;
mod html;
mod log_search;
mod pages;
mod server;
mod sessions;
mod words;

pub(crate) use server::{Answer, Server, Visit};
