//! What the pages have in common: the frame around each, news at the top, fields of forms. Asks the device nothing.

use axum::response::{IntoResponse as _, Response};
use hsm_core::{Permissions, USER_NAME_CHARACTERS_MAX, UserRefusal};
use hyper::{StatusCode, header::CONTENT_TYPE};

use super::{Entry, Visitor};
use crate::http::{
    html::Html,
    words::{PERMISSIONS, sentence, status},
};

/// How a page begins, if there is something to tell.
pub(super) enum News {
    Nothing,
    Good(&'static str),
    Bad(UserRefusal),
    /// The form was not filled in so that the device could be asked.
    Unclear(&'static str),
}

impl News {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Nothing | Self::Good(_) => StatusCode::OK,
            Self::Bad(refusal) => status(*refusal),
            Self::Unclear(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    pub(super) fn html(&self) -> Html {
        match self {
            Self::Nothing => Html::default(),
            Self::Good(good) => Html::default().raw("<p role=\"status\">").raw(good).raw("</p>"),
            Self::Bad(refusal) => Html::default()
                .raw("<p role=\"alert\">")
                .text(&sentence(*refusal))
                .raw("</p>"),
            Self::Unclear(why) => Html::default().raw("<p role=\"alert\">").raw(why).raw("</p>"),
        }
    }
}

/// The whole of a page; with the menu, if it is somebody's.
pub(super) fn page(
    status: StatusCode,
    title: &'static str,
    visitor: Option<(&Visitor, Entry)>,
    body: &Html,
) -> Response {
    let html = begin(title, visitor).piece(body).raw(END);
    (status, [(CONTENT_TYPE, HTML)], html.into_string()).into_response()
}

/// What a page is, as its header says.
pub(super) const HTML: &str = "text/html; charset=utf-8";
/// The end of a page.
pub(super) const END: &str = "</main></body></html>";

/// The beginning of a page, up to what is on it.
pub(super) fn begin(title: &'static str, visitor: Option<(&Visitor, Entry)>) -> Html {
    let mut html = Html::default()
        .raw("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>")
        .raw(title)
        .raw(" - HSM HTTP console</title><link rel=\"stylesheet\" href=\"/style.css\">")
        .raw("<link rel=\"icon\" href=\"/icon.svg\"></head><body><header><p>HSM HTTP console</p>");
    if let Some((visitor, current)) = visitor {
        html = html.raw("<nav aria-label=\"Menu\"><ul>");
        let permissions = visitor.details.permissions;
        for (entry, path, name) in Entry::ALL
            .into_iter()
            .filter(|(entry, ..)| entry.is_for(permissions))
        {
            html = html.raw("<li><a href=\"").raw(path).raw("\"");
            html = if entry == current {
                html.raw(" aria-current=\"page\">")
            } else {
                html.raw(">")
            };
            html = html.raw(name).raw("</a></li>");
        }
        html = html.raw("</ul></nav>");
    }
    html.raw("</header><main><h1>").raw(title).raw("</h1>")
}

/// A page that tells why it is not the one that was asked for.
pub(super) fn refused(
    visitor: &Visitor,
    entry: Entry,
    title: &'static str,
    refusal: UserRefusal,
) -> Response {
    let news = News::Bad(refusal);
    page(news.status(), title, Some((visitor, entry)), &news.html())
}

/// The beginning of a form that changes something, with the session's token.
pub(super) fn form(action: &'static str, visitor: &Visitor) -> Html {
    Html::default()
        .raw("<form method=\"post\" action=\"")
        .raw(action)
        .raw("\">")
        .piece(&hidden("csrf", visitor.session.csrf.expose()))
}

/// The end of a form.
pub(super) fn button(label: &'static str) -> Html {
    Html::default().raw("<button>").raw(label).raw("</button></form>")
}

pub(super) fn hidden(name: &'static str, value: &str) -> Html {
    Html::default()
        .raw("<input type=\"hidden\" name=\"")
        .raw(name)
        .raw("\" value=\"")
        .text(value)
        .raw("\">")
}

/// A password that is typed.
pub(super) fn secret(id: &'static str, label: &'static str, kind: &'static str) -> Html {
    Html::default()
        .piece(&label_of(id, label))
        .raw("<input type=\"password\" required maxlength=\"128\" id=\"")
        .raw(id)
        .raw("\" name=\"")
        .raw(id)
        .raw("\" autocomplete=\"")
        .raw(kind)
        .raw("\">")
}

/// The name of a user or of a key.
pub(super) fn name_field(id: &'static str, label: &'static str, characters_max: usize) -> Html {
    Html::default()
        .piece(&label_of(id, label))
        .raw("<input required autocomplete=\"off\" name=\"name\" id=\"")
        .raw(id)
        .raw("\" maxlength=\"")
        .text(&characters_max.to_string())
        .raw("\">")
}

pub(super) fn user_name(id: &'static str) -> Html {
    name_field(id, "User", USER_NAME_CHARACTERS_MAX)
}

pub(super) fn label_of(id: &'static str, label: &'static str) -> Html {
    Html::default()
        .raw("<label for=\"")
        .raw(id)
        .raw("\">")
        .raw(label)
        .raw("</label>")
}

pub(super) fn tick(field: &'static str, label: &'static str, is_ticked: bool) -> Html {
    Html::default()
        .raw("<label><input type=\"checkbox\" value=\"1\" name=\"")
        .raw(field)
        .raw(if is_ticked { "\" checked> " } else { "\"> " })
        .raw(label)
        .raw("</label>")
}

/// The box without which nothing is removed.
pub(super) fn sure(label: &'static str) -> Html {
    Html::default()
        .raw("<label><input type=\"checkbox\" required value=\"1\" name=\"sure\"> ")
        .raw(label)
        .raw("</label>")
}

/// What is said to whoever has not ticked it.
pub(super) const NOT_SURE: &str = "Nothing was removed. Tick the box to say that you are sure.";

/// A box for each permission that the visitor can give away, some of them ticked.
pub(super) fn permissions(visitor: &Visitor, ticked: Permissions) -> Html {
    let mut html = Html::default().raw("<fieldset><legend>Permissions</legend>");
    for (permission, field, name) in PERMISSIONS {
        // Nobody gives away what is not theirs.
        if visitor.details.permissions.include(permission) {
            html = html.piece(&tick(field, name, ticked.0 & permission.0 != 0));
        }
    }
    html.raw("</fieldset>")
}

/// A link to the page about something with a name, or to the next page of a list.
pub(super) fn link(path: &'static str, field: &'static str, name: &str, shown: &str) -> Html {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    Html::default()
        .raw("<a href=\"")
        .raw(path)
        .raw("?")
        .raw(field)
        .raw("=")
        .text(&name)
        .raw("\">")
        .text(shown)
        .raw("</a>")
}
