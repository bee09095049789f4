//! The own partition: its keys, and what is known of each. Shows no key, only what everybody may know of it.

use axum::response::Response;
use data_encoding::{BASE64, HEXUPPER};
use hsm_core::{
    Attributes, KeyAlgorithm, OBJECT_LABEL_BYTES_MAX, OBJECT_NAME_CHARACTERS_MAX, ObjectFacts, ObjectRequest,
    UserAnswer, UserRequest,
};
use machine::WallClock;

use super::{
    Desk, Entry, Visitor,
    frame::{NOT_SURE, News, button, form, hidden, label_of, link, name_field, page, sure, tick},
};
use crate::http::{form::Form, html::Html};

/// Characters of a line of base64. Source: RFC 7468.
const PEM_LINE_CHARACTERS: usize = 64;

/// A new key, as a form says it.
pub(super) fn creation(name: String, form: &Form) -> Result<UserRequest, &'static str> {
    let algorithm = KeyAlgorithm::named(form.field("algorithm"));
    let request = ObjectRequest::Create {
        algorithm: algorithm.ok_or("No key was created. Choose one of the kinds of key.")?,
        attributes: attributes(form),
    };
    Ok(about(name, request))
}

/// Other attributes, as a form says it.
pub(super) fn attributes(form: &Form) -> Attributes {
    Attributes {
        exportable: form.is_ticked("exportable"),
        label: form.field("label").to_owned(),
    }
}

/// The end of a key, if whoever asks is sure.
pub(super) fn removal(name: String, form: &Form) -> Result<UserRequest, &'static str> {
    form.is_ticked("sure")
        .then(|| about(name, ObjectRequest::Remove))
        .ok_or(NOT_SURE)
}

/// Something about a key of the own partition.
pub(super) fn about(name: String, request: ObjectRequest) -> UserRequest {
    UserRequest::Object {
        partition: None,
        name,
        request,
    }
}

/// What is known of one key.
pub(super) fn showing(name: &str) -> UserRequest {
    about(name.to_owned(), ObjectRequest::Show)
}

/// The page of a key: what is known of it, and the forms about it.
pub(super) fn facts(visitor: &Visitor, answer: &UserAnswer) -> Html {
    match answer {
        UserAnswer::Object(facts) => key(visitor, facts),
        _ => unreachable!("the device answers what it was asked"),
    }
}

/// The page of all keys.
pub(super) async fn list(
    desk: &Desk,
    visitor: &Visitor,
    after: &str,
    news: &News,
) -> Result<Response, Response> {
    let request = UserRequest::ListObjects {
        partition: None,
        after: (!after.is_empty()).then(|| after.to_owned()),
    };
    let (status, list) = match desk.told(visitor, request).await? {
        Ok(UserAnswer::Objects { objects, more }) => (news.status(), table(objects, more)),
        Ok(_) => unreachable!("the device answers what it was asked"),
        Err(refusal) => {
            let why = News::Bad(refusal);
            (why.status(), why.html())
        }
    };
    let body = news.html().piece(&list).piece(&creation_form(visitor));
    Ok(page(status, "Keys", Some((visitor, Entry::Keys)), &body))
}

fn table(mut keys: Vec<ObjectFacts>, more: bool) -> Html {
    let Some(last) = keys.last().map(|key| key.name.to_string()) else {
        return Html::default().raw("<p>There is no key here.</p>");
    };
    keys.sort_by(|one, other| one.name.cmp(&other.name));
    let mut html = Html::default()
        .raw("<table><caption>Keys of the own partition</caption><thead><tr><th scope=\"col\">Name</th>")
        .raw("<th scope=\"col\">Kind</th><th scope=\"col\">Label</th><th scope=\"col\">State</th></tr></thead><tbody>");
    for key in keys {
        html = html
            .raw("<tr><td>")
            .piece(&link("/keys/key", "name", key.name.as_str(), key.name.as_str()))
            .raw("</td><td class=\"word\">")
            .raw(key.algorithm.name())
            .raw("</td><td>")
            .text(&key.attributes.label)
            .raw("</td><td class=\"word\">")
            .raw(state(&key))
            .raw("</td></tr>");
    }
    html = html.raw("</tbody></table>");
    if more {
        html = html
            .raw("<p>")
            .piece(&link("/keys", "after", &last, "More keys"))
            .raw("</p>");
    }
    html
}

const fn state(key: &ObjectFacts) -> &'static str {
    if key.blocked { "blocked" } else { "usable" }
}

fn creation_form(visitor: &Visitor) -> Html {
    let mut html = Html::default()
        .raw("<h2>Create</h2>")
        .piece(&form("/keys/create", visitor))
        .piece(&name_field("created", "Name", OBJECT_NAME_CHARACTERS_MAX))
        .piece(&label_of("algorithm", "Kind"))
        .raw("<select id=\"algorithm\" name=\"algorithm\">");
    for algorithm in KeyAlgorithm::ALL {
        html = html
            .raw("<option")
            .raw(if algorithm == KeyAlgorithm::Aes256 {
                " selected>"
            } else {
                ">"
            })
            .raw(algorithm.name())
            .raw("</option>");
    }
    html.raw("</select>")
        .piece(&attribute_fields("", true, false))
        .piece(&button("Create the key"))
}

fn attribute_fields(label: &str, may_be_exportable: bool, is_exportable: bool) -> Html {
    let html = Html::default()
        .piece(&label_of("label", "Label"))
        .raw("<input id=\"label\" name=\"label\" autocomplete=\"off\" maxlength=\"")
        .text(&OBJECT_LABEL_BYTES_MAX.to_string())
        .raw("\" value=\"")
        .text(label)
        .raw("\">");
    if may_be_exportable {
        html.piece(&tick("exportable", "May leave the device", is_exportable))
    } else {
        html
    }
}

fn key(visitor: &Visitor, facts: &ObjectFacts) -> Html {
    let name = hidden("name", facts.name.as_str());
    let exportable = facts.attributes.exportable;
    let about_form = |action| form(action, visitor).piece(&name);
    let mut html = Html::default()
        .raw("<dl><dt>Name</dt><dd>")
        .text(facts.name.as_str())
        .raw("</dd><dt>Kind</dt><dd>")
        .raw(facts.algorithm.name())
        .raw("</dd><dt>State</dt><dd>")
        .raw(state(facts))
        .raw("</dd><dt>Label</dt><dd>")
        .text(&facts.attributes.label)
        .raw("</dd><dt>May leave the device</dt><dd>")
        .raw(if exportable { "yes" } else { "no, and never again" })
        .raw("</dd><dt>Made</dt><dd>")
        .text(&WallClock::from_unix_millis(facts.created_unix_millis).to_string())
        .raw("</dd>")
        .piece(&public(facts))
        .raw("</dl>");
    html = if facts.blocked {
        html.raw("<h2>Release</h2>")
            .piece(&about_form("/keys/release"))
            .raw("<p>The key may be used and its attributes changed again.</p>")
            .piece(&button("Release the key"))
    } else {
        html.raw("<h2>Attributes</h2>")
            .piece(&about_form("/keys/attributes"))
            .piece(&attribute_fields(&facts.attributes.label, exportable, exportable))
            .piece(&button("Change the attributes"))
            .raw("<h2>Block</h2>")
            .piece(&about_form("/keys/block"))
            .raw("<p>The key is not used until it is released.</p>")
            .piece(&button("Block the key"))
    };
    html.raw("<h2>Remove</h2>")
        .piece(&about_form("/keys/remove"))
        .piece(&sure("Remove this key for ever"))
        .piece(&button("Remove the key"))
        .raw("<p><a href=\"/keys\">All keys</a></p>")
}

/// What everybody may know of the key itself.
fn public(facts: &ObjectFacts) -> Html {
    match facts.algorithm {
        KeyAlgorithm::Aes128 | KeyAlgorithm::Aes192 | KeyAlgorithm::Aes256 => Html::default()
            .raw("<dt>Check value</dt><dd>")
            .text(&HEXUPPER.encode(&facts.public))
            .raw("</dd>"),
        KeyAlgorithm::Rsa2048
        | KeyAlgorithm::Rsa3072
        | KeyAlgorithm::Rsa4096
        | KeyAlgorithm::EcP256
        | KeyAlgorithm::EcP384
        | KeyAlgorithm::EcP521
        | KeyAlgorithm::Ed25519 => {
            let mut html = Html::default().raw("<dt>Public key</dt><dd><pre>-----BEGIN PUBLIC KEY-----\n");
            let base64 = BASE64.encode(&facts.public);
            let mut rest = base64.as_str();
            while !rest.is_empty() {
                let (line, after) = rest.split_at(rest.len().min(PEM_LINE_CHARACTERS));
                html = html.text(line).raw("\n");
                rest = after;
            }
            html.raw("-----END PUBLIC KEY-----</pre></dd>")
        }
    }
}

#[cfg(test)]
mod tests {
    use hsm_core::{ObjectName, UserName};

    use super::*;

    #[test]
    fn a_public_key_is_shown_in_lines_of_64_and_a_secret_one_by_its_check_value() {
        let facts = |algorithm, public: &[u8]| ObjectFacts {
            owner: UserName::master(),
            name: ObjectName::parse("k").expect("a name"),
            algorithm,
            attributes: Attributes::default(),
            blocked: false,
            created_unix_millis: 0,
            public: public.to_vec(),
        };
        let secret = public(&facts(KeyAlgorithm::Aes256, &[0xAB, 0, 1])).into_string();
        assert_eq!(secret, "<dt>Check value</dt><dd>AB0001</dd>");
        for (bytes, lines) in [(48, 1), (49, 2), (96, 2)] {
            let shown = public(&facts(KeyAlgorithm::EcP256, &vec![0; bytes])).into_string();
            assert_eq!(shown.lines().count(), lines + 2, "{shown}");
            assert!(
                shown.lines().nth(1).is_some_and(|line| line == "A".repeat(64)),
                "{shown}"
            );
        }
    }
}
