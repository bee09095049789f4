//! The device driven from outside, as a listener and a disk drive it: what no sequence of inputs may do.

mod bench;
mod card_bench;
mod dialogs;
mod limits;
mod lines;
mod objects;
mod operations;
mod quorum;
mod screens;
mod shapes;
mod smart_cards;
mod users;
