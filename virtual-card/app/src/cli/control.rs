//! `virtual-card insert` and `remove`: asks the program that holds a card, and says where the card is then.

use std::path::PathBuf;

use clap::Args;
use program::{ExitCode, Problem};

use super::data;
use crate::control::{Move, Place, ask};

#[derive(Debug, Args)]
pub(super) struct ControlArgs {
    /// The image of a card that `virtual-card vicc` holds
    #[arg(value_name = "CARD")]
    card: PathBuf,
}

/// `virtual-card insert` and `remove`
pub(super) fn control(args: &ControlArgs, what: Move) -> Result<(), Problem> {
    match ask(&args.card, what)? {
        Place::In(reader) => data(format!("in the reader at {reader}\n")),
        Place::Out => data("out\n"),
        Place::Waiting(why) => Err(Problem::new(ExitCode::Network, format!("insert card: {why}"))
            .hint("the card goes in by itself as soon as the reader is there; or start the PC/SC daemon")),
    }
}
