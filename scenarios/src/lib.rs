//! The runner of written scenarios: reads feature files strictly, matches steps by their expression, plays each
//! scenario in a world of its own, reports, and says what is wrong at its place. Never looks at the clock of the wall
//! or asks for chance where it could change a result.
//!
//! ```
//! let parsed = hsm_rig::gherkin::parse("x.feature", b"Feature: doors\n  Scenaro: locks\n    Given a door\n");
//! assert!(parsed.diagnostics[0].to_string().starts_with("error: expected a keyword, got `Scenaro:`"));
//! ```

pub mod builtin;
pub mod card_under_test;
pub mod catalogue;
pub mod cli;
pub mod diagnostic;
mod edit_distance;
pub mod gherkin;
pub mod lane;
pub mod report;
pub mod rig;
pub mod selection;
pub mod step;
pub mod steps;
pub mod suite;
pub mod terminal;
mod world;
