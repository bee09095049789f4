//! The binary `hsm-rig`. Everything is in the library.

use hsm_rig::rig::Rig;
use hsm_rig::terminal::Terminal;
use hsm_rig::{cli, lane, steps};
use std::process::ExitCode;

fn main() -> ExitCode {
    let rig = Rig {
        steps: steps::registry(),
        play: lane::sim::play,
        play_recorded: Some(lane::sim::play_recorded),
        #[cfg(feature = "pcsc")]
        pcsc: Some(lane::pcsc::make_ready),
        #[cfg(not(feature = "pcsc"))]
        pcsc: None,
        process: Some(lane::process::make_ready),
        #[cfg(feature = "pcsc")]
        hardware: Some(lane::hardware::make_ready),
        #[cfg(not(feature = "pcsc"))]
        hardware: None,
    };
    cli::execute(&rig, std::env::args_os(), &mut Terminal::standard()).into()
}
