//! The file of settings: what is not said by an argument or the environment. Holds no secret.

use std::{
    ffi::OsString,
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use program::shown;
use serde::Deserialize;

use crate::{cli::ConnectionArgs, cli::duration, known_hsms, outcome::Outcome};

/// Bytes of the largest file that is read.
const FILE_BYTES_MAX: u64 = 65_536;

/// Every setting that can stand in the file, as texts: each is read as its argument is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    hsm: Option<String>,
    source: Option<String>,
    fingerprint: Option<String>,
    known_hsms: Option<PathBuf>,
    timeout: Option<String>,
    answer_timeout: Option<String>,
    reader: Option<String>,
    opener: Option<OsString>,
}

/// Fills in what is said nowhere else. The user's own file need not be there; one that was named must.
pub(crate) fn fill_in(args: &mut ConnectionArgs) -> Result<(), Outcome> {
    let Some((path, is_named)) = path(args) else {
        return Ok(());
    };
    let settings = read(&path, is_named)?;
    let wrong = |name: &str, why: String| Outcome::File {
        message: format!(
            "read settings `{}`, `{name}`: {why}",
            shown(&path.to_string_lossy())
        ),
        hint: Some("the form is in docs/client.md, Settings"),
    };
    /// Reads a setting as its argument is read, unless that was given.
    macro_rules! fill {
        ($name:ident, $read:expr) => {
            if args.$name.is_none() {
                args.$name = match settings.$name {
                    Some(text) => Some($read(&text).map_err(|why| wrong(stringify!($name), why))?),
                    None => None,
                };
            }
        };
    }
    fill!(hsm, parsed);
    fill!(source, parsed);
    fill!(fingerprint, parsed);
    fill!(known_hsms, |path: &PathBuf| Ok::<_, String>(path.clone()));
    fill!(timeout, duration);
    fill!(answer_timeout, duration);
    fill!(reader, parsed);
    fill!(opener, |name: &OsString| Ok::<_, String>(name.clone()));
    Ok(())
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|why: T::Err| why.to_string())
}

fn path(args: &ConnectionArgs) -> Option<(PathBuf, bool)> {
    match &args.config {
        Some(path) => Some((path.clone(), true)),
        None => Some((known_hsms::user_folder()?.join("hsm-client.toml"), false)),
    }
}

fn read(path: &Path, is_named: bool) -> Result<Settings, Outcome> {
    let shown_path = shown(&path.to_string_lossy());
    let failed = |why: String| Outcome::File {
        message: format!("read settings `{shown_path}`: {why}"),
        hint: Some("the form is in docs/client.md, Settings"),
    };
    let text = match fs::metadata(path) {
        Err(why) if why.kind() == io::ErrorKind::NotFound && !is_named => return Ok(Settings::default()),
        Err(why) => return Err(failed(why.to_string())),
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
            return Err(failed(format!(
                "expected at most {FILE_BYTES_MAX} bytes, got more"
            )));
        }
        Ok(_) => fs::read_to_string(path).map_err(|why| failed(why.to_string()))?,
    };
    toml::from_str(&text).map_err(|why| {
        let line = why
            .span()
            .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        failed(format!("line {line}: {}", why.message()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn filled(file: &str, args: &[&str]) -> Result<ConnectionArgs, Outcome> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        fs::write(&path, file).unwrap();
        let named = ["hsm-client", "--config", path.to_str().unwrap()];
        let args = named.iter().chain(args).chain(&["status"]);
        let mut cli = crate::cli::Cli::try_parse_from(args).unwrap();
        fill_in(&mut cli.connection).map(|()| cli.connection)
    }

    #[test]
    fn an_argument_is_stronger_than_the_file() {
        let file = "hsm = \"192.0.2.1\"\ntimeout = \"2m\"\nreader = \"pcsc:CT30\"\n";
        let args = filled(file, &["--hsm", "192.0.2.2"]).unwrap();
        assert_eq!(args.device().to_string(), "192.0.2.2:4433");
        assert_eq!(args.timeout, Some(core::time::Duration::from_secs(120)));
        assert_eq!(args.reader.unwrap().to_string(), "pcsc:CT30");
    }

    #[test]
    fn what_the_file_should_not_say_is_refused_with_its_place() {
        for (file, said) in [
            ("\nhms = \"x\"\n", "line 2: unknown field `hms`"),
            ("hsm = 1\n", "line 1: invalid type"),
            ("hsm = \"1.2.3\"\n", "`hsm`: expected `ADDRESS`"),
            ("timeout = \"soon\"\n", "`timeout`: expected a number"),
            ("reader = \"usb\"\n", "`reader`: expected `pcsc`"),
        ] {
            let Err(Outcome::File { message, .. }) = filled(file, &[]) else {
                panic!("{file} was taken")
            };
            assert!(message.contains(said), "{message}");
        }
        let long = "#".repeat(usize::try_from(FILE_BYTES_MAX).unwrap());
        assert!(filled(&long, &[]).is_ok());
        assert!(filled(&format!("{long}#"), &[]).is_err());
    }
}
