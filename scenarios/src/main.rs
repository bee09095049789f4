//! The binary `hsm-rig`. Everything is in the library.

use hsm_rig::rig::Rig;
use hsm_rig::terminal::Terminal;
use hsm_rig::{cli, lane, steps};
use std::process::ExitCode;

fn main() -> ExitCode {
    let rig = Rig {
        steps: steps::registry(),
        play: lane::sim::play,
    };
    cli::execute(&rig, std::env::args_os(), &mut Terminal::standard()).into()
}
