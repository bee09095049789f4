//! Where the activation password comes from: a file or a variable, never the command line. Shows none.

use std::{env, path::Path};

use program::{read_secret_file, shown};
use protocol::ActivationPassword;

use crate::{cli::PasswordArgs, outcome::Outcome};

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
    let line = read_secret_file(path).map_err(|why| Outcome::File {
        message: format!(
            "read the activation password from `{}`: {why}",
            shown(&path.to_string_lossy())
        ),
        hint: None,
    })?;
    Ok(ActivationPassword::from(line.as_str()))
}
