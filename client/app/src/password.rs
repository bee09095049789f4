//! Where the activation password comes from: a file or a variable, never the command line. Shows none.

use std::{env, fs::File, io::Read as _, path::Path};

use program::shown;
use protocol::ActivationPassword;
use zeroize::Zeroizing;

use crate::{cli::PasswordArgs, outcome::Outcome};

/// Bytes of a password file that are read; a line that is longer is no password.
const FILE_BYTES_MAX: u64 = 1024;

/// The password that the arguments name.
pub(crate) fn read(args: &PasswordArgs) -> Result<ActivationPassword, Outcome> {
    match (&args.password_file, &args.password_env) {
        (Some(path), _) => of_file(path),
        (None, Some(name)) => env::var(name)
            .map(ActivationPassword::from)
            .map_err(|why| Outcome::Usage {
                message: format!("read the activation password from `{}`: {why}", shown(name)),
                hint: "set the variable, or use `--password-file`",
            }),
        (None, None) => Err(Outcome::Usage {
            message: "the activation password is needed: expected `--password-file` or `--password-env`"
                .into(),
            hint: "write it into a file that only you can read, and name that with `--password-file`",
        }),
    }
}

/// The first line of a file.
pub(crate) fn of_file(path: &Path) -> Result<ActivationPassword, Outcome> {
    let mut text = Zeroizing::new(String::new());
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    let shown = shown(&path.to_string_lossy());
    read.map_err(|why| Outcome::File {
        message: format!("read the activation password from `{shown}`: {why}"),
        hint: None,
    })?;
    let line = text.lines().next().unwrap_or_default();
    if u64::try_from(line.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(Outcome::Usage {
            message: format!(
                "read the activation password from `{shown}`: expected a line of at most {FILE_BYTES_MAX} bytes"
            ),
            hint: "name a file whose first line is the password",
        });
    }
    Ok(ActivationPassword::from(line))
}
