//! A strict parser of plain Gherkin, English keywords only. Never takes a line for prose that may have been meant to
//! run, and never stops at the first error.
//!
//! It reads a subset of the language: what it accepts, the official parser reads to the same tree (see
//! [`tree_json`]). Columns count characters, from 1; a byte order mark is not a character.

mod check;
mod json;
mod keyword;
mod line;
mod parse;
pub mod pickle;
pub mod tree;

pub use check::{
    CELLS_MAX, EXAMPLES_ROWS_MAX, EXPANDED_BYTES_MAX, EXPANDED_STEPS_MAX, STEP_CHARS_MAX, STEPS_MAX, TAGS_MAX,
};
pub use json::tree_json;
pub use parse::{DIAGNOSTICS_MAX, FILE_BYTES_MAX, Parsed, parse};
