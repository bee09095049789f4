//! The file of devices that were met before: an address and a fingerprint a line. Trusts nobody by itself.

use std::{
    collections::BTreeMap,
    env,
    fmt::{self, Write as _},
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
};

use hsm_client::Fingerprint;
use program::{FileLock, replace_file, shown};

use crate::address::Address;

/// What stands at the top of a file that we make.
const FIRST_LINE: &str = "# Devices met by hsm-client: ADDRESS FINGERPRINT\n";

/// Bytes of the largest file that is read.
const FILE_BYTES_MAX: u64 = 1_048_576;

/// The user's own folder: `$XDG_CONFIG_HOME/hsm-rig` or `~/.config/hsm-rig`. `None` for a user without a home.
pub(crate) fn user_folder() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("hsm-rig"))
}

/// The file, which may not exist yet.
#[derive(Clone, Debug)]
pub(crate) struct KnownHsms {
    path: PathBuf,
}

impl KnownHsms {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The user's own, in [`user_folder`].
    pub(crate) fn of_user() -> Option<Self> {
        Some(Self::at(user_folder()?.join("known_hsms")))
    }

    /// The fingerprint under which this device is known.
    pub(crate) fn fingerprint(&self, address: &Address) -> Result<Option<Fingerprint>, KnownHsmsError> {
        self.find(&self.read()?, address)
    }

    /// Remembers a device, unless somebody else has in the meantime; the fingerprint that now stands there.
    pub(crate) fn remember(
        &self,
        address: &Address,
        fingerprint: Fingerprint,
    ) -> Result<Fingerprint, KnownHsmsError> {
        self.change(|text| {
            if let Some(there) = self.find(text, address)? {
                return Ok((there, None));
            }
            let mut changed = if text.is_empty() {
                FIRST_LINE.to_owned()
            } else {
                text.to_owned()
            };
            if !changed.ends_with('\n') {
                changed.push('\n');
            }
            writeln!(changed, "{address} {fingerprint}").expect("a String takes everything");
            Ok((fingerprint, Some(changed)))
        })
    }

    /// Forgets a device; the fingerprint under which it was known.
    pub(crate) fn forget(&self, address: &Address) -> Result<Option<Fingerprint>, KnownHsmsError> {
        if !self.path.exists() {
            return Ok(None);
        }
        self.change(|text| {
            let Some(known) = self.find(text, address)? else {
                return Ok((None, None));
            };
            let key = address.to_string();
            let kept = text
                .split_inclusive('\n')
                .filter(|line| line.split_whitespace().next() != Some(&key));
            Ok((Some(known), Some(kept.collect())))
        })
    }

    /// Reads, and writes what `change` makes of it, with nobody in between.
    fn change<T>(
        &self,
        change: impl FnOnce(&str) -> Result<(T, Option<String>), KnownHsmsError>,
    ) -> Result<T, KnownHsmsError> {
        if let Some(folder) = self.path.parent().filter(|path| !path.as_os_str().is_empty()) {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|why| self.error(Fault::Write(why)))?;
        }
        // Kept elsewhere behind a link, as some keep their settings: the file is written, the link stays.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let _lock = FileLock::wait_for(&path).map_err(|why| self.error(Fault::Write(why)))?;
        let (value, changed) = change(&self.read()?)?;
        if let Some(changed) = changed {
            replace_file(&path, changed.as_bytes()).map_err(|why| self.error(Fault::Write(why)))?;
        }
        Ok(value)
    }

    fn read(&self) -> Result<String, KnownHsmsError> {
        let failed = |why| self.error(Fault::Read(why));
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.len() > FILE_BYTES_MAX => return Err(self.error(Fault::TooLong)),
            Ok(_) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(why) => return Err(failed(why)),
        }
        fs::read_to_string(&self.path).map_err(failed)
    }

    /// Reads the whole file, so that a line that says something else than was meant is found before it is missed.
    fn find(&self, text: &str, address: &Address) -> Result<Option<Fingerprint>, KnownHsmsError> {
        let mut found = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |expected| self.error(Fault::Line { number, expected });
            let (there, fingerprint) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| wrong("`ADDRESS FINGERPRINT`"))?;
            let there: Address = there.parse().map_err(|_| wrong("an address"))?;
            let fingerprint: Fingerprint = fingerprint
                .trim()
                .parse()
                .map_err(|_| wrong("a fingerprint, 32 upper-case hexadecimal bytes between colons"))?;
            if found.insert(there.to_string(), fingerprint).is_some() {
                return Err(wrong("one line for an address, got a second"));
            }
        }
        Ok(found.remove(&address.to_string()))
    }

    fn error(&self, fault: Fault) -> KnownHsmsError {
        KnownHsmsError {
            path: self.path.clone(),
            fault,
        }
    }
}

/// Why the file is of no use.
#[derive(Debug)]
pub(crate) struct KnownHsmsError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Read(io::Error),
    Write(io::Error),
    TooLong,
    Line { number: usize, expected: &'static str },
}

impl fmt::Display for KnownHsmsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = shown(&self.path.to_string_lossy());
        match &self.fault {
            Fault::Read(why) => write!(f, "read known devices `{path}`: {why}"),
            Fault::Write(why) => write!(f, "write known devices `{path}`: {why}"),
            Fault::TooLong => write!(
                f,
                "read known devices `{path}`: expected at most {FILE_BYTES_MAX} bytes, got more"
            ),
            Fault::Line { number, expected } => {
                write!(
                    f,
                    "read known devices `{path}`, line {number}: expected {expected}"
                )
            }
        }
    }
}

impl std::error::Error for KnownHsmsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn fingerprint(byte: u8) -> Fingerprint {
        Fingerprint::from_bytes([byte; 32])
    }

    #[test]
    fn a_device_is_remembered_until_it_is_forgotten_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownHsms::at(folder.path().join("new").join("known_hsms"));
        let (first, second) = (address("127.0.0.1"), address("127.0.0.1:5000"));
        assert_eq!(known.fingerprint(&first).unwrap(), None);
        assert_eq!(known.forget(&first).unwrap(), None);

        assert_eq!(known.remember(&first, fingerprint(1)).unwrap(), fingerprint(1));
        assert_eq!(
            known.remember(&first, fingerprint(2)).unwrap(),
            fingerprint(1),
            "the first counts"
        );
        let mode = fs::metadata(&known.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);

        let text = fs::read_to_string(&known.path).unwrap();
        fs::write(&known.path, format!("{text}\n  # by hand\n")).unwrap();
        known.remember(&second, fingerprint(2)).unwrap();
        assert_eq!(known.fingerprint(&first).unwrap(), Some(fingerprint(1)));
        assert_eq!(known.forget(&first).unwrap(), Some(fingerprint(1)));
        assert_eq!(known.fingerprint(&first).unwrap(), None);
        let text = fs::read_to_string(&known.path).unwrap();
        assert_eq!(
            text,
            format!("{FIRST_LINE}\n  # by hand\n{second} {}\n", fingerprint(2))
        );
    }

    #[test]
    fn a_line_that_says_something_else_is_refused_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownHsms::at(folder.path().join("known_hsms"));
        let good = format!("127.0.0.1:4433 {}\n", fingerprint(1));
        for (text, said) in [
            (
                format!("# x\n{good}{good}"),
                "line 3: expected one line for an address",
            ),
            (
                format!("127.0.0.1 {}\n{good}", fingerprint(1)),
                "line 2: expected one line",
            ),
            (
                "127.0.0.1:4433\n".into(),
                "line 1: expected `ADDRESS FINGERPRINT`",
            ),
            ("127.0.0.1:4433 AB:CD\n".into(), "line 1: expected a fingerprint"),
            (format!("? {}\n", fingerprint(1)), "line 1: expected an address"),
        ] {
            fs::write(&known.path, &text).unwrap();
            for failed in [
                known.fingerprint(&address("127.0.0.1")).unwrap_err(),
                known.remember(&address("127.0.0.2"), fingerprint(3)).unwrap_err(),
                known.forget(&address("127.0.0.1")).unwrap_err(),
            ] {
                assert!(failed.to_string().contains(said), "{failed}");
            }
            assert_eq!(
                fs::read_to_string(&known.path).unwrap(),
                text,
                "it is left as it is"
            );
        }
    }

    #[test]
    fn a_file_behind_a_link_is_written_and_the_link_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept-elsewhere");
        fs::write(&file, "").unwrap();
        let known = KnownHsms::at(folder.path().join("known_hsms"));
        std::os::unix::fs::symlink(&file, &known.path).unwrap();
        known.remember(&address("127.0.0.1"), fingerprint(1)).unwrap();
        assert!(known.path.is_symlink());
        assert!(fs::read_to_string(&file).unwrap().contains("127.0.0.1:4433"));
    }
}
