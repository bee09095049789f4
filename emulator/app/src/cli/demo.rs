//! `hsm-emulator demo`: a device and three cards to try remote management with. The Server Master Key is split and
//! forgotten; it is never written.

use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use clap::Args;
use hsm_core::{LastStop, Profile, Scheme, ServerMasterKey, Stored};
use hsm_listener::Identity;
use program::{ExitCode, Problem};

use super::data;
use crate::{
    card_set::personalise,
    store::{Kept, Store},
    world::OsRandom,
};

const CUSTODIANS: [&str; 3] = ["ana", "bruno", "carla"];
const REQUIRED: u8 = 2;
const PIN: &str = "12345678";

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// The folder to make; it may be there if it is empty
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// `hsm-emulator demo`
pub(super) fn demo(args: &DemoArgs) -> Result<(), Problem> {
    let dir = &args.dir;
    refuse_full(dir)?;
    let profile = Profile::xp();
    let key = ServerMasterKey::generate(&mut OsRandom);
    let identity = Identity::generate(&profile.serial)
        .map_err(|error| Problem::new(ExitCode::Internal, error.to_string()))?;
    let kept = Kept {
        profile_text: Profile::text_of(profile.model).into(),
        stored: after_remote_restart(&key),
        identity,
    };
    Store::create(&dir.join("state"), &kept)?;
    write_cards(&dir.join("cards"), &key)?;
    data(what_to_type(dir).as_bytes())
}

fn refuse_full(dir: &Path) -> Result<(), Problem> {
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let what = format!(
                "make a demo in `{}`: expected an empty folder, got a full one",
                dir.display()
            );
            Err(Problem::new(ExitCode::Usage, what).hint("name a folder that is not there yet"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Problem::io("make a demo in", dir, &error)),
    }
}

/// Enabled, not activated, and on its way up: what a device is after `ops.restart`.
fn after_remote_restart(key: &ServerMasterKey) -> Stored {
    Stored {
        remote_management: true,
        switched_on: true,
        last_stop: LastStop::RemoteRestart,
        ..Stored::bound_to(key.binding())
    }
}

fn write_cards(folder: &Path, key: &ServerMasterKey) -> Result<(), Problem> {
    DirBuilder::new()
        .mode(0o700)
        .create(folder)
        .map_err(|error| Problem::io("make folder", folder, &error))?;
    let cards = u8::try_from(CUSTODIANS.len()).expect("there are few");
    let scheme = Scheme::new(REQUIRED, cards).expect("2 of 3 is a scheme");
    for (custodian, image) in CUSTODIANS.iter().zip(personalise(key, scheme, CUSTODIANS, PIN)) {
        let path = folder.join(format!("{custodian}.card"));
        write_new(&path, image.to_text().as_bytes())
            .map_err(|error| Problem::io("write card", &path, &error))?;
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Problem::io("write cards into", folder, &error))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn what_to_type(dir: &Path) -> String {
    let state = word(&dir.join("state"));
    let card = |custodian: &str| word(&dir.join("cards").join(format!("{custodian}.card")));
    let mut text = String::new();
    let lines = [
        String::from(
            "A device that was restarted remotely waits for 2 of its 3 custodians. Every PIN is 12345678.",
        ),
        String::new(),
        String::from("In one terminal, the device and its console:"),
        format!("  hsm-emulator run --state {state}"),
        String::new(),
        String::from("In another, two custodians, one after the other:"),
        format!(
            "  hsm-client --hsm 127.0.0.1:4433 auth --card {}",
            card(CUSTODIANS[0])
        ),
        format!(
            "  hsm-client --hsm 127.0.0.1:4433 auth --card {}",
            card(CUSTODIANS[1])
        ),
        String::new(),
        String::from("Or by hand: the device greets first, then type a request"),
        String::from("  openssl s_client -quiet -connect 127.0.0.1:4433"),
        String::from("  {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"device.info\"}"),
    ];
    for line in lines {
        writeln!(text, "{line}").expect("a String takes everything");
    }
    text
}

/// A path as one word of a shell.
fn word(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+,:@%".contains(character);
    if path.chars().all(is_plain) && !path.is_empty() {
        path.into_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}
