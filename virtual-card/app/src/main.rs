//! The binary `virtual-card`. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    virtual_card::cli::execute(std::env::args_os()).into()
}
