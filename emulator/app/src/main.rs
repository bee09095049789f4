//! The binary `hsm-emulator`. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    hsm_emulator::cli::execute(std::env::args_os()).into()
}
