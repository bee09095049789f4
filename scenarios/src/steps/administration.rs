//! Steps about a device out of the factory, its operations, the owner of a Pocket, users and their log.

use hsm_core::{
    Attributes, Key, KeyAlgorithm, ObjectRequest, Password, Permissions, UserAnswer, UserRequest,
};
use protocol::{ActivationPassword, ManagerRequest};

use super::{Args, Stage, Steps, define, expect, mismatch};
use crate::{lane::Mismatch, step::BlockKind, world::World};

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "a(n) {model} HSM out of the factory, and a {scheme} set of cards held by {people}",
        "a device that is switched on and bound to no key; the set is any valid one",
        |stage, args| {
            if stage.world.is_some() {
                return Err(mismatch("one HSM in a scenario", "a second one"));
            }
            let world =
                World::out_of_the_factory(stage.seed, args.model(0).clone(), *args.scheme(1), args.people(2));
            stage.set_world(world, |world| {
                world.press_power_button();
                super::device::start(world);
            });
            Ok(())
        },
    );
    define(
        steps,
        "{person} asks the HSM to {operation}, confirmed as {string}",
        "with this serial number",
        |stage, args| {
            let world = stage.world()?;
            let method = *args.act(1);
            let params = serde_json::json!({"confirm": args.string(2), "mode": "RM1"});
            let request = ManagerRequest::decode(method.name(), &params).map_err(|error| Mismatch {
                argument: Some(1),
                expected: "an operation that is confirmed".into(),
                actual: error.to_string(),
            })?;
            world.ask(args.person(0), request);
            Ok(())
        },
    );
    define(
        steps,
        "somebody types {string}",
        "at the console, key by key",
        |stage, args| {
            let text = args.string(0).to_owned();
            let world = stage.world()?;
            for character in text.chars() {
                world.press(Key::Char(character));
            }
            Ok(())
        },
    );
    define(
        steps,
        "somebody answers Yes",
        "to the question on the console",
        |stage, _| {
            let world = stage.world()?;
            world.press(Key::Right);
            world.press(Key::Enter);
            Ok(())
        },
    );
    define(
        steps,
        "somebody answers No",
        "to the question on the console",
        |stage, _| {
            stage.world()?.press(Key::Enter);
            Ok(())
        },
    );
    define(
        steps,
        "{person} gives the activation password {string}",
        "`auth.activate`: sets it, or shows that it is known",
        |stage, args| {
            let password = ActivationPassword::from(args.string(1));
            stage
                .world()?
                .ask(args.person(0), ManagerRequest::Activate { password });
            Ok(())
        },
    );
    define(
        steps,
        "{person} changes the activation password from {string} to {string}",
        "`auth.change_password`",
        |stage, args| {
            let (old, new) = (args.string(1).into(), args.string(2).into());
            stage
                .world()?
                .ask(args.person(0), ManagerRequest::ChangePassword { old, new });
            Ok(())
        },
    );
    steps.define(
        "{person} sets the network to:",
        "`network.set` with these members",
        BlockKind::DocString,
        |stage, args| {
            let members = serde_json::from_str(args.text())
                .map_err(|why| mismatch("a JSON object", why.to_string()))?;
            let request = ManagerRequest::SetNetwork(members);
            stage.world()?.ask(args.person(0), request);
            Ok(())
        },
    );
    define(
        steps,
        "{person} logs in as {string} with the password {string}",
        "as a user of the database",
        |stage, args| {
            let request = UserRequest::Login {
                name: args.string(1).to_owned(),
                password: Password::from(args.string(2)),
            };
            // Each login is a conversation of its own.
            stage.world()?.user_sessions.remove(args.person(0));
            ask(stage, args, request)
        },
    );
    define(
        steps,
        "{person} creates the user {string} with the password {string} and the permissions {int}",
        "the vendor's bits; 32 is the log",
        |stage, args| {
            let permissions = Permissions(u32::try_from(args.int(3)).unwrap_or(0));
            let request = UserRequest::Create {
                name: args.string(1).to_owned(),
                password: Password::from(args.string(2)),
                permissions,
            };
            ask(stage, args, request)
        },
    );
    define(
        steps,
        "{person}, a user, changes the password from {string} to {string}",
        "the own one",
        |stage, args| {
            let (old, new) = (args.string(1).into(), args.string(2).into());
            ask(stage, args, UserRequest::ChangePassword { old, new })
        },
    );
    define(
        steps,
        "{person} unblocks the user {string}",
        "as an operator",
        |stage, args| {
            let name = args.string(1).to_owned();
            ask(stage, args, UserRequest::Unblock { name })
        },
    );
    define(
        steps,
        "{person} blocks the user {string}",
        "by hand, as an operator",
        |stage, args| {
            let name = args.string(1).to_owned();
            ask(stage, args, UserRequest::Block { name })
        },
    );
    define(
        steps,
        "{person} gives the user {string} the permissions {int}",
        "instead of those that the user had; the vendor's bits, as an operator",
        |stage, args| {
            let permissions = u32::try_from(args.int(2))
                .map_err(|_| mismatch("the vendor's bits", args.int(2).to_string()))?;
            let request = UserRequest::SetPermissions {
                name: args.string(1).to_owned(),
                permissions: Permissions(permissions),
            };
            ask(stage, args, request)
        },
    );
    define(
        steps,
        "{person} lists the users",
        "and is told their names, the first ones",
        |stage, args| ask(stage, args, UserRequest::ListUsers { after: None }),
    );
    define(
        steps,
        "{person} looks at the user {string}",
        "and is told the name",
        |stage, args| {
            let name = args.string(1).to_owned();
            ask(stage, args, UserRequest::ShowUser { name })
        },
    );
    define(
        steps,
        "{person} removes the user {string}",
        "for ever",
        |stage, args| {
            let name = args.string(1).to_owned();
            ask(stage, args, UserRequest::Remove { name })
        },
    );
    define(
        steps,
        "{person} creates the key {string} with the label {string}",
        "AES with 256 bits in the own partition, which may leave the device",
        |stage, args| {
            let request = ObjectRequest::Create {
                algorithm: KeyAlgorithm::Aes256,
                attributes: attributes(args.string(2), true),
            };
            ask_about_key(stage, args, request)
        },
    );
    define(
        steps,
        "{person} looks at the key {string}",
        "of the own partition, and is told its name",
        |stage, args| ask_about_key(stage, args, ObjectRequest::Show),
    );
    define(
        steps,
        "{person} looks at the key {string} of the user {string}",
        "in that user's partition",
        |stage, args| {
            let request = UserRequest::Object {
                partition: Some(args.string(2).to_owned()),
                name: args.string(1).to_owned(),
                request: ObjectRequest::Show,
            };
            ask(stage, args, request)
        },
    );
    define(
        steps,
        "{person} keeps the key {string} in the device for ever and labels it {string}",
        "the attributes of a key of the own partition",
        |stage, args| {
            let attributes = attributes(args.string(2), false);
            ask_about_key(stage, args, ObjectRequest::SetAttributes(attributes))
        },
    );
    define(
        steps,
        "{person} lets the key {string} leave the device and labels it {string}",
        "the attributes of a key of the own partition",
        |stage, args| {
            let attributes = attributes(args.string(2), true);
            ask_about_key(stage, args, ObjectRequest::SetAttributes(attributes))
        },
    );
    define(
        steps,
        "{person} blocks the key {string}",
        "of the own partition",
        |stage, args| ask_about_key(stage, args, ObjectRequest::Block(true)),
    );
    define(
        steps,
        "{person} releases the key {string}",
        "that was blocked",
        |stage, args| ask_about_key(stage, args, ObjectRequest::Block(false)),
    );
    define(
        steps,
        "{person} removes the key {string}",
        "of the own partition, for ever",
        |stage, args| ask_about_key(stage, args, ObjectRequest::Remove),
    );
    define(
        steps,
        "{person} lists the keys",
        "of the own partition, and is told their names",
        |stage, args| {
            let request = UserRequest::ListObjects {
                partition: None,
                after: None,
            };
            ask(stage, args, request)
        },
    );
    define(
        steps,
        "{person} retrieves the log",
        "the whole of it",
        |stage, args| ask(stage, args, UserRequest::RetrieveLog),
    );
    define(steps, "{person} follows the log", "from now on", |stage, args| {
        ask(stage, args, UserRequest::FollowLog)
    });
    define(steps, "{person} clears the log", "all of it", |stage, args| {
        ask(stage, args, UserRequest::ClearLog)
    });
    define(
        steps,
        "{person}, a user, asks who is logged in",
        "as every page of the HTTP console does",
        |stage, args| ask(stage, args, UserRequest::Details),
    );
    define(
        steps,
        "{person}, a user, is told {string}",
        "the newest answer of the device: `done`, `logged in`, `logged in as NAME`, `logged out`, or the name of a refusal",
        |stage, args| {
            let told = last_answer(stage.world()?, args.person(0));
            super::expect_argument(1, &Some(args.string(1).to_owned()), &told)
        },
    );
    define(
        steps,
        "{person}, a user, has read the line {string}",
        "of the log, retrieved or followed",
        |stage, args| {
            let world = stage.world()?;
            let session = world.user_sessions.get(args.person(0)).copied();
            let has_read = world.told_users.iter().any(|(number, answer)| {
                let is_line = matches!(answer, UserAnswer::LogLine(line) if line.contains(args.string(1)));
                Some(*number) == session && is_line
            });
            expect(has_read, "such a line", || "none".into())
        },
    );
    define(
        steps,
        "nothing that was kept holds a secret",
        "no PIN, password, key or shadow, as text, hexadecimal, base64 or a list of bytes; nor does the trace",
        |stage, _| {
            let world = stage.world()?;
            let mut secrets: Vec<Vec<u8>> = vec![crate::world::PIN.into(), b"correct horse".into()];
            secrets.push(b"battery staple".into());
            secrets.extend(world.secrets());
            let written = world.persisted.iter().map(|(changes, kept)| {
                format!(
                    "{changes:?} {}",
                    serde_json::to_string(&kept.stored).unwrap_or_default()
                )
            });
            let kept = written.collect::<Vec<_>>().join("\n");
            let trace = world.trace.lines().join("\n");
            for secret in &secrets {
                for written in spellings(secret) {
                    let found = kept.contains(&written) || trace.contains(&written);
                    expect(!found, "no secret", || format!("one of {} bytes", secret.len()))?;
                }
            }
            expect(
                !world.persisted.is_empty() && secrets.len() > 5,
                "something to search",
                || "nothing".into(),
            )
        },
    );
}

fn ask(stage: &mut Stage, args: &Args, request: UserRequest) -> Result<(), Mismatch> {
    stage.world()?.ask_as_user(args.person(0), request);
    Ok(())
}

fn ask_about_key(stage: &mut Stage, args: &Args, request: ObjectRequest) -> Result<(), Mismatch> {
    let request = UserRequest::Object {
        partition: None,
        name: args.string(1).to_owned(),
        request,
    };
    ask(stage, args, request)
}

fn attributes(label: &str, exportable: bool) -> Attributes {
    Attributes {
        exportable,
        label: label.to_owned(),
    }
}

fn last_answer(world: &World, person: &str) -> Option<String> {
    let session = world.user_sessions.get(person)?;
    let answers = world.told_users.iter().rev();
    let (_, answer) = answers
        .filter(|(_, answer)| !matches!(answer, UserAnswer::LogLine(_)))
        .find(|(number, _)| number == session)?;
    Some(match answer {
        UserAnswer::LoggedIn { .. } => "logged in".into(),
        UserAnswer::Done => "done".into(),
        UserAnswer::Details(details) => format!("logged in as {}", details.name),
        UserAnswer::Refused(why) => why.to_string(),
        UserAnswer::LoggedOut => "logged out".into(),
        UserAnswer::Object(facts) => facts.name.to_string(),
        UserAnswer::Objects { objects, .. } => {
            let names: Vec<_> = objects.iter().map(|facts| facts.name.as_str()).collect();
            names.join(", ")
        }
        UserAnswer::Users { users, .. } => {
            let names: Vec<_> = users.iter().map(|facts| facts.name.as_str()).collect();
            names.join(", ")
        }
        UserAnswer::Trusted(users) => {
            let names: Vec<_> = users.iter().map(|(name, _)| name.as_str()).collect();
            names.join(", ")
        }
        UserAnswer::LogLine(_) => unreachable!("filtered above"),
    })
}

/// The ways in which bytes are written down.
pub(crate) fn spellings(secret: &[u8]) -> Vec<String> {
    let mut spellings = vec![
        apdu::hex::encode(secret),
        apdu::hex::encode(secret).to_lowercase(),
        data_encoding::BASE64_NOPAD.encode(secret),
        format!("{secret:?}").trim_matches(['[', ']']).to_owned(),
        format!("{secret:?}").trim_matches(['[', ']']).replace(' ', ""),
    ];
    spellings.extend(std::str::from_utf8(secret).map(str::to_owned));
    spellings
}
