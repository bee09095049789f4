//! The runner of written scenarios. This much of it reads: feature files strictly, steps by their expression, and
//! it says what is wrong at its place. Knows nothing of any device.
//!
//! ```
//! let parsed = hsm_rig::gherkin::parse("x.feature", b"Feature: doors\n  Scenaro: locks\n    Given a door\n");
//! assert!(parsed.diagnostics[0].to_string().starts_with("error: expected a keyword, got `Scenaro:`"));
//! ```

pub mod diagnostic;
mod edit_distance;
pub mod gherkin;
pub mod lane;
pub mod step;
pub mod steps;
mod world;
