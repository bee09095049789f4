//! Secrets that a person types or keeps in a file: one line each. Shows none of it, keeps none of it, and wipes what it
//! read.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::Path,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Bytes of a line that may be a secret; what is longer is none.
pub const SECRET_LINE_BYTES_MAX: usize = 256;

/// The first line of a file, without its end. One that is too long is an error: a part of a secret is another secret.
pub fn read_secret_file(path: &Path) -> io::Result<Zeroizing<String>> {
    // Room for a line's end, so that what is read is never moved and left behind.
    let room = SECRET_LINE_BYTES_MAX + 2;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let limit = u64::try_from(room).expect("it is small");
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    if line.len() > SECRET_LINE_BYTES_MAX {
        return Err(invalid(format!(
            "expected a line of at most {SECRET_LINE_BYTES_MAX} bytes"
        )));
    }
    let line = str::from_utf8(line).map_err(|_| invalid("expected UTF-8".into()))?;
    Ok(Zeroizing::new(line.to_owned()))
}

/// The terminal from which the program was started, wherever its input and output go.
pub fn open_terminal() -> io::Result<File> {
    let tty = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    tcgetattr(&tty)?;
    Ok(tty)
}

/// A terminal that shows nothing of what is typed, until this is dropped.
#[derive(Debug)]
pub struct Silence {
    tty: File,
    before: Termios,
}

impl Silence {
    /// From here on nothing is shown but the prompt.
    pub fn fall(tty: File, prompt: &str) -> io::Result<Self> {
        let before = tcgetattr(&tty)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, so that the next output does not stand behind the prompt.
        silent.local_modes.insert(LocalModes::ECHONL);
        // What was typed before the prompt is not meant for it.
        tcsetattr(&tty, OptionalActions::Flush, &silent)?;
        let mut silence = Self { tty, before };
        silence.tty.write_all(prompt.as_bytes())?;
        Ok(silence)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }
}

/// One line from the terminal; `None` if the person ended the input (Ctrl-D), or the terminal is gone. What is not
/// UTF-8 reads as an empty line, which is no secret of ours.
pub fn read_secret_line(mut tty: File) -> Option<Zeroizing<String>> {
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_LINE_BYTES_MAX));
    let mut byte = Zeroizing::new([0; 1]);
    loop {
        match tty.read(byte.as_mut()) {
            Ok(0) if line.is_empty() => return None,
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if line.len() < SECRET_LINE_BYTES_MAX => line.push(byte[0]),
            Ok(_) => {}
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(Zeroizing::new(
        core::str::from_utf8(&line).unwrap_or_default().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_file_has_a_limit_and_is_never_cut() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("secret");
        let longest = "x".repeat(SECRET_LINE_BYTES_MAX);
        for (text, line) in [
            ("", ""),
            ("12345678", "12345678"),
            ("one\r\ntwo\n", "one"),
            (longest.as_str(), &longest),
            (&format!("{longest}\r\n"), &longest),
        ] {
            std::fs::write(&path, text).expect("there is room");
            assert_eq!(*read_secret_file(&path).expect("it is a line"), line);
        }
        for bytes in [format!("{longest}x").as_bytes(), b"\xFF\n"] {
            std::fs::write(&path, bytes).expect("there is room");
            let error = read_secret_file(&path).expect_err("it is none");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
