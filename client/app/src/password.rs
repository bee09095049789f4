//! Where the activation password comes from: a file, a variable, or the terminal without echo; never the command line.
//! Shows none.

use std::{env, io, path::Path, thread};

use program::{Silence, open_terminal, read_secret_file, read_secret_line, shown};
use protocol::ActivationPassword;
use tokio::sync::oneshot;

use crate::{cli::PasswordArgs, outcome::Outcome, signals::Signals};

/// The password that the arguments name, or else the owner types.
pub(crate) fn read(args: &PasswordArgs) -> Result<ActivationPassword, Outcome> {
    match given(args)? {
        Some(password) => Ok(password),
        None => ask("Activation password: "),
    }
}

/// The same for one that is being set, which is typed twice.
pub(crate) fn read_new(args: &PasswordArgs) -> Result<ActivationPassword, Outcome> {
    match given(args)? {
        Some(password) => Ok(password),
        None => ask_twice(),
    }
}

/// The new password, from a file or typed twice.
pub(crate) fn new(file: Option<&Path>) -> Result<ActivationPassword, Outcome> {
    file.map_or_else(ask_twice, of_file)
}

fn given(args: &PasswordArgs) -> Result<Option<ActivationPassword>, Outcome> {
    match (&args.password_file, &args.password_env) {
        (Some(path), _) => of_file(path).map(Some),
        (None, Some(name)) => {
            let password = env::var(name).map_err(|why| Outcome::Usage {
                message: format!("read the activation password from `{}`: {why}", shown(name)),
                hint: "set the variable, or use `--password-file`",
            });
            password.map(|password| Some(password.into()))
        }
        (None, None) => Ok(None),
    }
}

/// The first line of a file.
fn of_file(path: &Path) -> Result<ActivationPassword, Outcome> {
    let line = read_secret_file(path).map_err(|why| Outcome::File {
        message: format!(
            "read the activation password from `{}`: {why}",
            shown(&path.to_string_lossy())
        ),
        hint: None,
    })?;
    Ok(ActivationPassword::from(line.as_str()))
}

/// A device cannot tell a slip of the fingers from what was meant.
fn ask_twice() -> Result<ActivationPassword, Outcome> {
    let password = ask("New activation password: ")?;
    if ask("The new one again: ")? == password {
        Ok(password)
    } else {
        Err(Outcome::Usage {
            message: "set the activation password: the second was another than the first".into(),
            hint: "run the command again; the device has seen neither",
        })
    }
}

/// Asks at the terminal. A signal, or the end of the input, is a person who gives up.
pub(crate) fn ask(prompt: &str) -> Result<ActivationPassword, Outcome> {
    let runtime = crate::runtime()?;
    let typed = runtime.block_on(typed(prompt));
    // A read of a terminal cannot be taken back; its thread ends with the program.
    runtime.shutdown_background();
    match typed {
        Ok(Some(password)) => Ok(password),
        Ok(None) => Err(Outcome::GaveUp),
        Err(why) => Err(Outcome::Usage {
            message: format!("ask for the activation password: there is no terminal ({why})"),
            hint: "use `--password-file` or `--password-env`",
        }),
    }
}

async fn typed(prompt: &str) -> io::Result<Option<ActivationPassword>> {
    // Before the echo is taken away, so that no signal leaves it so.
    let mut signals = Signals::new()?;
    let tty = open_terminal()?;
    let _silence = Silence::fall(tty.try_clone()?, prompt)?;
    let (tell, line) = oneshot::channel();
    thread::Builder::new().name("password".into()).spawn(move || {
        // Nobody waits any more after a signal.
        let _ = tell.send(read_secret_line(tty).map(|line| ActivationPassword::from(line.as_str())));
    })?;
    tokio::select! {
        () = signals.recv() => Ok(None),
        line = line => Ok(line.unwrap_or_default()),
    }
}
