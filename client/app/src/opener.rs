//! The program that shows a web page: the desktop's own, or the one that the user names. Never through a shell.

use std::{
    ffi::OsString,
    io,
    process::{Command, Stdio},
    thread,
};

use hsm_client::WebAddress;

/// What desktops of this system have for it.
#[cfg(target_os = "macos")]
pub(crate) const OPENER: &str = "open";
/// What desktops of this system have for it.
#[cfg(not(target_os = "macos"))]
pub(crate) const OPENER: &str = "xdg-open";

/// Starts the opener with the address as its last argument, and does not wait for it.
//= HT-01
pub(crate) fn open(opener: &OsString, address: &WebAddress) -> io::Result<()> {
    let mut child = Command::new(opener)
        .arg(address.as_str())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Somebody has to take note of its end, and may do so later.
    thread::Builder::new()
        .name("opener".into())
        .spawn(move || child.wait())?;
    Ok(())
}
