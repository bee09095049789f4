//! Hands that open the published pages. No program has a part in them.

use super::Hands;
use crate::steps::published;

pub(super) const HANDS: Hands = &[
    (
        "the fidelity notes say of {string} that the vendor says {string}, and what is done instead",
        |_, args| published::check_topic(args),
    ),
    (
        "the fidelity notes say of every topic what the vendor says, what is done and why",
        |_, _| published::check_topics(),
    ),
    (
        "every outcome of the client has an exit code of the table and a JSON form of its own",
        |_, _| published::check_outcomes(),
    ),
];
