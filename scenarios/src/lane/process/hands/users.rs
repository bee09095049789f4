//! Hands of users of the database at the HTTP console: what they log in with, which forms they send, what the pages say.

use hsm_core::Permissions;

use super::{
    super::{
        browser::form,
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
            if stage.browser(args.person(0)).told.as_deref() == Some("nobody listens") {
                // The console is up with the service, and its closed port is how it says so.
                stage.is_on()?;
                let service = stage.device()?.state.service;
                if service == hsm_bench::Service::Stopped {
                    stage.browser(args.person(0)).told = Some("service_not_started".into());
                }
            }
            Ok(())
        },
    ),
    (
        "{person} creates the user {string} with the password {string} and the permissions {int}",
        |stage, args| {
            let mut bits = u32::try_from(args.int(3)).unwrap_or(u32::MAX);
            let mut fields = vec![("name", args.string(1)), ("password", args.string(2))];
            for (permission, field) in PERMISSIONS {
                if bits & permission.0 == permission.0 {
                    bits &= !permission.0;
                    fields.push((field, "1"));
                }
            }
            if bits != 0 {
                return Err(mismatch("permissions that the page has", format!("{bits:#x}")));
            }
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
        let page = format!("/users/user?{}", form(&fields));
        send(stage, args, &page, "/users/unblock", &fields)
    }),
    ("{person} removes the user {string}", |stage, args| {
        let fields = [("name", args.string(1)), ("sure", "1")];
        send(stage, args, "/users", "/users/remove", &fields)
    }),
    ("{person} clears the log", |stage, args| {
        send(stage, args, "/log", "/log/clear", &[])
    }),
    ("{person} retrieves the log", |stage, args| {
        let http = stage.http()?;
        let browser = stage.browser(args.person(0));
        browser.download_log(http).map_err(broken)
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
        let log = &stage.browser(args.person(0)).log;
        let has_read = log.iter().any(|line| line.contains(args.string(1)));
        expect(has_read, "such a line", || format!("none in {} lines", log.len()))
    }),
];

fn send(
    stage: &mut Stage<'_>,
    args: &Args,
    page: &str,
    action: &str,
    fields: &[(&str, &str)],
) -> Result<(), Mismatch> {
    let http = stage.http()?;
    let browser = stage.browser(args.person(0));
    browser.send(http, page, action, fields).map_err(broken)
}
