//! `hsm-emulator state`: shows, exports and imports what is kept of a device, as test data for bug reports. Never
//! touches the state of a device that runs, and never hands out its TLS key.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use hsm_core::{
    OBJECTS_MAX, ObjectId, Objects, PasswordPolicy, Profile, SEALED_BYTES_MAX, SealedObject, Stored,
    USERS_MAX,
};
use hsm_listener::Identity;
use program::{ExitCode, Problem};
use serde::{Deserialize, Serialize};

use super::data;
use crate::store::{Kept, Store};

/// What stands in every export.
const TEST_DATA: &str = "the state of an emulated HSM: test data that protects nothing";
/// The version of the export's form.
const VERSION: u32 = 3;
/// Bytes of an export that is imported, at most.
const EXPORT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct StateArgs {
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Debug, Subcommand)]
enum StateCommand {
    /// Show what is kept of a device, for a person
    Show(Folder),
    /// Print what is kept of a device as JSON: test data with hashes of its passwords, without its TLS key
    Export(Folder),
    /// Make the state of a device from an export; it gets a TLS key of its own
    Import {
        #[command(flatten)]
        folder: Folder,
        /// The export
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Folder {
    /// The folder that holds the device's state
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
}

/// An export. What a program of another release wrote is refused by its version.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    test_data: String,
    version: u32,
    profile: String,
    stored: Stored,
    objects: Vec<Object>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    #[serde(with = "hex")]
    id: Vec<u8>,
    /// Sealed: nobody reads it without the Server Master Key.
    #[serde(with = "hex")]
    sealed: Vec<u8>,
}

mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&apdu::hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        apdu::hex::decode(&text)
            .map_err(|why| D::Error::custom(format!("expected hexadecimal digits: {why}")))
    }
}

/// `hsm-emulator state`
pub(super) fn state(args: &StateArgs) -> Result<(), Problem> {
    match &args.command {
        StateCommand::Show(folder) => show(&folder.state),
        StateCommand::Export(folder) => export(&folder.state),
        StateCommand::Import { folder, file } => import(&folder.state, file),
    }
}

fn open(folder: &Path) -> Result<(Store, Kept), Problem> {
    Store::open(folder)?.ok_or_else(|| {
        let what = format!(
            "open state folder `{}`: expected the state of a device, found none",
            folder.display()
        );
        Problem::new(ExitCode::Usage, what).hint("name the folder that `hsm-emulator run --state` was given")
    })
}

fn show(folder: &Path) -> Result<(), Problem> {
    let (_, kept) = open(folder)?;
    let profile = Profile::parse(&kept.profile_text)
        .map_err(|why| Problem::new(ExitCode::WrongState, format!("read profile of the state: {why}")))?;
    let stored = kept.stored;
    let policy = stored
        .password_policy
        .unwrap_or_else(|| PasswordPolicy::of(&profile.users));
    let yes = |is: bool| if is { "yes" } else { "no" };
    let mut text = format!("# {TEST_DATA}\n");
    let mut row = |name: &str, value: String| text.extend([&format!("{name:<22}"), value.as_str(), "\n"]);
    row("model", profile.model.to_string());
    row("serial number", profile.serial);
    row("switched on", yes(stored.switched_on).into());
    row("last went down by", stored.last_stop.to_string());
    row("bound to a key", yes(stored.binding.is_some()).into());
    row("activation password", yes(stored.activation.is_some()).into());
    row("wrong passwords", stored.activation_failures.to_string());
    row(
        "remote management",
        if stored.remote_management {
            "enabled"
        } else {
            "disabled"
        }
        .into(),
    );
    row("operating mode", stored.mode.to_string());
    row(
        "network",
        if stored.network.is_some() {
            "changed"
        } else {
            "of the profile"
        }
        .into(),
    );
    row(
        "objects",
        format!("{} with {} bytes", stored.objects.count, stored.objects.bytes),
    );
    row("tampered", yes(stored.tampered).into());
    let domain = stored
        .replication_domain
        .as_deref()
        .map_or_else(|| "<none>".into(), hsm_core::escape);
    row("replication domain", domain);
    row("sealed users", stored.sealed_users.len().to_string());
    for (name, user) in &stored.users {
        let blocked = if user.failures >= policy.login_tries {
            ", blocked"
        } else {
            ""
        };
        let value = format!(
            "{name}, permissions {:#x}, {} failures{blocked}",
            user.permissions.0, user.failures
        );
        row("user", value);
    }
    data(text.as_bytes())
}

fn export(folder: &Path) -> Result<(), Problem> {
    let (store, kept) = open(folder)?;
    let objects = store.objects()?.into_iter().map(|(id, sealed)| Object {
        id: id.as_bytes().to_vec(),
        sealed: sealed.as_bytes().to_vec(),
    });
    let export = Export {
        test_data: TEST_DATA.into(),
        version: VERSION,
        profile: kept.profile_text,
        stored: kept.stored,
        objects: objects.collect(),
    };
    let mut text = serde_json::to_vec_pretty(&export)
        .map_err(|error| Problem::new(ExitCode::Internal, format!("write export: {error}")))?;
    text.push(b'\n');
    data(text)
}

fn import(folder: &Path, file: &Path) -> Result<(), Problem> {
    let read = fs::File::open(file).and_then(|opened| read_at_most(opened, EXPORT_BYTES_MAX));
    let read = read.map_err(|error| Problem::io("read export", file, &error))?;
    let refuse = |why: String| {
        Problem::new(
            ExitCode::Usage,
            format!("read export `{}`: {why}", file.display()),
        )
        .hint("give a file that `hsm-emulator state export` of this release wrote")
    };
    let text = read.ok_or_else(|| refuse(format!("expected at most {EXPORT_BYTES_MAX} bytes, got more")))?;
    let export: Export = serde_json::from_slice(&text).map_err(|error| refuse(error.to_string()))?;
    if export.version != VERSION {
        return Err(refuse(format!(
            "expected version {VERSION}, got {}",
            export.version
        )));
    }
    let profile = Profile::parse(&export.profile).map_err(|why| refuse(format!("its profile: {why}")))?;
    let objects_len = u64::try_from(export.objects.len()).unwrap_or(u64::MAX);
    check_numbers(export.stored.users_len(), objects_len).map_err(refuse)?;
    if Store::open(folder)?.is_some() {
        let what = format!("import into `{}`: expected no state, found one", folder.display());
        return Err(Problem::new(ExitCode::Usage, what).hint("name a folder that is not there yet"));
    }
    let mut objects = Vec::with_capacity(export.objects.len());
    for Object { id, sealed } in export.objects {
        let id = ObjectId::new(
            <[u8; ObjectId::BYTES]>::try_from(id)
                .map_err(|id| refuse(format!("expected ids of 32 bytes, got {}", id.len())))?,
        );
        let sealed = SealedObject::new(sealed)
            .ok_or_else(|| refuse(format!("expected objects of at most {SEALED_BYTES_MAX} bytes")))?;
        objects.push((id, sealed));
    }
    let stored = Stored {
        // They are counted as they are put in.
        objects: Objects::default(),
        ..export.stored
    };
    let kept = Kept {
        identity: Identity::generate(&profile.serial)
            .map_err(|error| Problem::new(ExitCode::Internal, error.to_string()))?,
        profile_text: export.profile,
        stored,
    };
    let store = Store::create(folder, &kept)?;
    store.add_objects(&objects)?;
    Ok(())
}

/// Everything that there is to read; `None` if that is more than so many bytes.
fn read_at_most(from: impl Read, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    from.take(bytes_max.saturating_add(1)).read_to_end(&mut text)?;
    let is_more = u64::try_from(text.len()).is_ok_and(|len| len > bytes_max);
    Ok((!is_more).then_some(text))
}

/// Whether a device may have so many.
fn check_numbers(users: usize, objects: u64) -> Result<(), String> {
    if users > USERS_MAX {
        return Err(format!("expected at most {USERS_MAX} users, got {users}"));
    }
    if objects > OBJECTS_MAX {
        return Err(format!("expected at most {OBJECTS_MAX} objects, got {objects}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_bytes_as_the_limit_are_read_and_of_more_nothing() {
        for (len, is_read) in [(0, true), (9, true), (10, true), (11, false), (1000, false)] {
            let read = read_at_most(io::repeat(7).take(len), 10).expect("it is memory");
            let len = usize::try_from(len).expect("it is small");
            assert_eq!(read, is_read.then(|| vec![7; len]), "{len}");
        }
    }

    #[test]
    fn a_device_is_imported_with_as_many_users_and_objects_as_it_may_have() {
        assert_eq!(check_numbers(USERS_MAX, OBJECTS_MAX), Ok(()));
        let refused = |users, objects| check_numbers(users, objects).expect_err("it is too many");
        assert!(refused(USERS_MAX + 1, 0).contains("at most 1024 users, got 1025"));
        assert!(refused(0, OBJECTS_MAX + 1).contains("at most 1000000 objects, got 1000001"));
    }
}
