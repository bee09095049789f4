//! Hands of users of the database at the HTTP console: what they log in with, which forms they send, what the pages say.

use std::net::SocketAddr;

use hsm_core::Permissions;

use super::{
    super::{
        browser::{Browser, NOBODY_LISTENS, form},
        stage::{Stage, broken},
    },
    Hands,
};
use crate::{
    lane::Mismatch,
    steps::{Args, expect, expect_argument, mismatch},
};

/// The fields of the page that creates users.
const PERMISSIONS: [(Permissions, &str); 6] = [
    (Permissions::USER_CREATE, "user_create"),
    (Permissions::USER_REMOTE_LOG, "remote_log"),
    (Permissions::USER_LIST, "user_list"),
    (Permissions::SYS_OPERATOR, "operator"),
    (Permissions::SYS_BACKUP, "backup"),
    (Permissions::SYS_UPDATE_HSM, "update"),
];

pub(super) const HANDS: Hands = &[
    (
        "{person} logs in as {string} with the password {string}",
        |stage, args| {
            let http = stage.http()?;
            let browser = stage.browser(args.person(0));
            browser
                .log_in(http, args.string(1), args.string(2))
                .map_err(broken)?;
            hear_the_closed_port(stage, args.person(0), "service_not_started")
        },
    ),
    (
        "{person} creates the user {string} with the password {string} and the permissions {int}",
        |stage, args| {
            let mut fields = vec![("name", args.string(1)), ("password", args.string(2))];
            fields.extend(boxes(args.int(3))?);
            send(stage, args, "/users", "/users/create", &fields)
        },
    ),
    (
        "{person}, a user, changes the password from {string} to {string}",
        |stage, args| {
            let (old, new) = (args.string(1), args.string(2));
            let fields = [("old", old), ("new", new), ("again", new)];
            send(stage, args, "/password", "/password", &fields)
        },
    ),
    ("{person} unblocks the user {string}", |stage, args| {
        let fields = [("name", args.string(1))];
        send(stage, args, &page_of(args), "/users/unblock", &fields)
    }),
    ("{person} blocks the user {string}", |stage, args| {
        let fields = [("name", args.string(1))];
        send(stage, args, &page_of(args), "/users/block", &fields)
    }),
    (
        "{person} gives the user {string} the permissions {int}",
        |stage, args| {
            let mut fields = vec![("name", args.string(1))];
            fields.extend(boxes(args.int(2))?);
            send(stage, args, &page_of(args), "/users/permissions", &fields)
        },
    ),
    ("{person} lists the users", |stage, args| {
        read(stage, args, |browser, http| browser.list(http, "/users"))
    }),
    ("{person} looks at the user {string}", |stage, args| {
        read(stage, args, |browser, http| {
            browser.look_at(http, &page_of(args), "User")
        })
    }),
    ("{person} removes the user {string}", |stage, args| {
        let fields = [("name", args.string(1)), ("sure", "1")];
        send(stage, args, "/users", "/users/remove", &fields)
    }),
    ("{person} clears the log", |stage, args| {
        send(stage, args, "/log", "/log/clear", &[])
    }),
    ("{person} retrieves the log", |stage, args| {
        read(stage, args, Browser::download_log)
    }),
    ("{person} follows the log", |stage, args| {
        read(stage, args, Browser::follow_log)
    }),
    ("{person}, a user, asks who is logged in", |stage, args| {
        let http = stage.http()?;
        let browser = stage.browser(args.person(0));
        let name = browser.look(http).map_err(broken)?;
        browser.told = Some(name.map_or("wrong_state".into(), |name| format!("logged in as {name}")));
        Ok(())
    }),
    ("{person}, a user, is told {string}", |stage, args| {
        let http = stage.http()?;
        let browser = stage.browser(args.person(0));
        // No page comes by itself: whoever is put out finds out at the next look.
        if args.string(1) == "logged out" && browser.has_session() {
            browser.told = Some(match browser.look(http).map_err(broken)? {
                None => "logged out".into(),
                Some(name) => format!("logged in as {name}"),
            });
        }
        expect_argument(1, &Some(args.string(1).to_owned()), &browser.told)
    }),
    ("{person}, a user, has read the line {string}", |stage, args| {
        let browser = stage.browser(args.person(0));
        let has_read = browser.has_read(args.string(1)).map_err(broken)?;
        expect(has_read, "such a line", || "none".into())
    }),
];

/// The page about the user that is named.
fn page_of(args: &Args) -> String {
    format!("/users/user?{}", form(&[("name", args.string(1))]))
}

/// The boxes that say these permissions.
fn boxes(permissions: i64) -> Result<Vec<(&'static str, &'static str)>, Mismatch> {
    let mut bits = u32::try_from(permissions).unwrap_or(u32::MAX);
    let mut boxes = Vec::new();
    for (permission, field) in PERMISSIONS {
        if bits & permission.0 == permission.0 {
            bits &= !permission.0;
            boxes.push((field, "1"));
        }
    }
    if bits == 0 {
        Ok(boxes)
    } else {
        Err(mismatch("permissions that the page has", format!("{bits:#x}")))
    }
}

/// Somebody sends a form.
pub(super) fn send(
    stage: &mut Stage<'_>,
    args: &Args,
    page: &str,
    action: &str,
    fields: &[(&str, &str)],
) -> Result<(), Mismatch> {
    read(stage, args, |browser, http| {
        browser.send(http, page, action, fields)
    })
}

/// Somebody does something at the pages. While the service is stopped there are none, and so no session either.
pub(super) fn read(
    stage: &mut Stage<'_>,
    args: &Args,
    act: impl FnOnce(&mut Browser, SocketAddr) -> Result<(), String>,
) -> Result<(), Mismatch> {
    let http = stage.http()?;
    act(stage.browser(args.person(0)), http).map_err(broken)?;
    hear_the_closed_port(stage, args.person(0), "wrong_state")
}

/// The console is up with the service, and its closed port is how it says that it is not.
fn hear_the_closed_port(stage: &mut Stage<'_>, name: &str, refusal: &str) -> Result<(), Mismatch> {
    if stage.browser(name).told.as_deref() == Some(NOBODY_LISTENS) {
        stage.is_on()?;
        if stage.device()?.state.service == hsm_bench::Service::Stopped {
            stage.browser(name).told = Some(refusal.into());
        }
    }
    Ok(())
}
