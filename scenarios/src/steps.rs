//! A stand-in for every step there is.

use crate::lane::Mismatch;
use crate::step::{Argument, BlockKind, Match, Registry};

/// Stand-in.
#[derive(Clone, Copy)]
pub struct Handler0(pub fn(&Match<'_, Value, Handler0>) -> Option<Mismatch>);
/// Stand-in.
pub enum Value {}
/// Every step there is.
pub type Steps = Registry<Value, Handler0>;

/// Every step there is.
pub fn registry() -> Steps {
    let mut steps = Steps::new();
    steps.define(
        "a world that works",
        "does nothing, well",
        BlockKind::None,
        Handler0(|_| None),
    );
    steps.define(
        "a step that fails with {string}",
        "fails",
        BlockKind::None,
        Handler0(|found| {
            let Argument::String(text) = &found.arguments[0].value else {
                return None;
            };
            Some(Mismatch {
                argument: Some(0),
                expected: text.clone(),
                actual: "something else".to_owned(),
            })
        }),
    );
    steps
}
