//! Users as somebody with the permission sees them: who there is, and what can be done with each.

use axum::response::Response;
use hsm_core::{Password, Permissions, UserAnswer, UserFacts, UserName, UserRefusal, UserRequest};

use super::{
    Desk, Entry, Visitor,
    frame::{
        NOT_SURE, News, button, form, hidden, link, page, permissions, refused, secret, sure, user_name,
    },
};
use crate::http::{
    form::Form,
    html::Html,
    words::{PERMISSIONS, permission_names},
};

/// A user more, as a form says it.
pub(super) fn creation(name: String, form: &Form) -> UserRequest {
    UserRequest::Create {
        name,
        password: Password::from(form.field("password")),
        permissions: ticked(form),
    }
}

/// The end of a user, if whoever asks is sure.
pub(super) fn removal(name: String, form: &Form) -> Result<UserRequest, &'static str> {
    form.is_ticked("sure")
        .then_some(UserRequest::Remove { name })
        .ok_or(NOT_SURE)
}

/// Other permissions for a user, as a form says it.
pub(super) fn other_permissions(name: String, form: &Form) -> UserRequest {
    UserRequest::SetPermissions {
        name,
        permissions: ticked(form),
    }
}

/// The permissions whose boxes are ticked.
fn ticked(form: &Form) -> Permissions {
    let ticked = PERMISSIONS.iter().filter(|(_, field, _)| form.is_ticked(field));
    Permissions(ticked.fold(0, |bits, (permission, ..)| bits | permission.0))
}

/// What is known of one user.
pub(super) fn showing(name: &str) -> UserRequest {
    UserRequest::ShowUser {
        name: name.to_owned(),
    }
}

/// The page of a user: what is known of it, and the forms about it.
pub(super) fn facts(visitor: &Visitor, answer: &UserAnswer) -> Html {
    match answer {
        UserAnswer::Users { users, .. } => users
            .iter()
            .fold(Html::default(), |html, facts| html.piece(&user(visitor, facts))),
        _ => unreachable!("the device answers what it was asked"),
    }
}

/// The page of all users.
pub(super) async fn list(
    desk: &Desk,
    visitor: &Visitor,
    after: &str,
    news: &News,
) -> Result<Response, Response> {
    let may = visitor.details.permissions;
    if !Entry::Users.is_for(may) {
        return Ok(refused(visitor, Entry::Users, "Users", UserRefusal::NotPermitted));
    }
    let (mut status, mut body) = (news.status(), news.html());
    if may.include(Permissions::USER_LIST) {
        let request = UserRequest::ListUsers {
            after: (!after.is_empty()).then(|| after.to_owned()),
        };
        match desk.told(visitor, request).await? {
            Ok(UserAnswer::Users { users, more }) => body = body.piece(&table(visitor, &users, more)),
            Ok(_) => unreachable!("the device answers what it was asked"),
            Err(refusal) => {
                let why = News::Bad(refusal);
                status = why.status();
                body = body.piece(&why.html());
            }
        }
    }
    if may.include(Permissions::USER_CREATE) {
        body = body
            .raw("<h2>Create</h2>")
            .piece(&form("/users/create", visitor))
            .piece(&user_name("created"))
            .piece(&secret("password", "Password", "new-password"))
            .piece(&permissions(visitor, Permissions::NONE))
            .piece(&button("Create the user"))
            .raw("<h2>Remove</h2>")
            .piece(&form("/users/remove", visitor))
            .piece(&user_name("removed"))
            .piece(&sure("Remove this user and all keys of the user for ever"))
            .piece(&button("Remove the user"));
    }
    Ok(page(status, "Users", Some((visitor, Entry::Users)), &body))
}

fn table(visitor: &Visitor, users: &[UserFacts], more: bool) -> Html {
    let Some(last) = users.last() else {
        return Html::default().raw("<p>There are no more users.</p>");
    };
    let mut html = Html::default()
        .raw("<table><caption>Users of the device</caption><thead><tr><th scope=\"col\">User</th>")
        .raw("<th scope=\"col\">Permissions</th><th scope=\"col\">State</th></tr></thead><tbody>");
    for user in users {
        let name = user.name.as_str();
        html = html.raw("<tr><td>");
        html = if has_something_to_do(visitor) {
            html.piece(&link("/users/user", "name", name, name))
        } else {
            html.text(name)
        };
        html = html
            .raw("</td><td>")
            .text(&permission_names(user.permissions))
            .raw("</td><td class=\"word\">")
            .raw(state(user))
            .raw("</td></tr>");
    }
    html = html.raw("</tbody></table>");
    if more {
        html = html
            .raw("<p>")
            .piece(&link("/users", "after", last.name.as_str(), "More users"))
            .raw("</p>");
    }
    html
}

/// Whether there is a form for this visitor on the page of a user.
const fn has_something_to_do(visitor: &Visitor) -> bool {
    // An operator has every permission.
    visitor.details.permissions.include(Permissions::USER_CREATE)
}

const fn state(user: &UserFacts) -> &'static str {
    if user.blocked { "blocked" } else { "not blocked" }
}

fn user(visitor: &Visitor, facts: &UserFacts) -> Html {
    let name = hidden("name", facts.name.as_str());
    let about_form = |action| form(action, visitor).piece(&name);
    let is_master = facts.name == UserName::master();
    let mut html = Html::default()
        .raw("<dl><dt>User</dt><dd>")
        .text(facts.name.as_str())
        .raw("</dd><dt>State</dt><dd>")
        .raw(state(facts))
        .raw("</dd><dt>Permissions</dt><dd>")
        .text(&permission_names(facts.permissions))
        .raw("</dd></dl>");
    if visitor.details.permissions.include(Permissions::SYS_OPERATOR) {
        html = html
            .raw("<h2>Unblock</h2>")
            .piece(&about_form("/users/unblock"))
            .raw("<p>Wrong passwords are forgotten, and the user may log in, with the same password.</p>")
            .piece(&button("Unblock the user"));
        if !facts.blocked {
            html = html
                .raw("<h2>Block</h2>")
                .piece(&about_form("/users/block"))
                .raw("<p>The user cannot log in until an operator, or the device's console for master, says so.</p>")
                .piece(&button("Block the user"));
        }
        // `master` is an operator for ever.
        if !is_master {
            html = html
                .raw("<h2>Permissions</h2>")
                .piece(&about_form("/users/permissions"))
                .piece(&permissions(visitor, facts.permissions))
                .piece(&button("Change the permissions"));
        }
    }
    if visitor.details.permissions.include(Permissions::USER_CREATE) && !is_master {
        html = html
            .raw("<h2>Remove</h2>")
            .piece(&about_form("/users/remove"))
            .piece(&sure("Remove this user and all keys of the user for ever"))
            .piece(&button("Remove the user"));
    }
    html.raw("<p><a href=\"/users\">All users</a></p>")
}
