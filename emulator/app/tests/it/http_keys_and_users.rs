//! Keys of the own partition and users at the HTTP console: what each form does, what comes back when it does not.

use std::path::Path;

use hsm_core::LIST_PAGE_MAX;

use crate::{
    hand::Answer,
    http_console::{Console, Login, PASSWORD},
};

/// What a page says at its top, with its status.
fn said(answer: &Answer) -> (u16, String) {
    let news = ["<p role=\"status\">", "<p role=\"alert\">"]
        .iter()
        .find_map(|begin| answer.body.split_once(begin))
        .and_then(|(_, rest)| rest.split_once("</p>"))
        .map_or("", |(news, _)| news);
    (answer.status, news.to_owned())
}

fn title(answer: &Answer) -> &str {
    let (_, rest) = answer.body.split_once("<h1>").expect("a page");
    rest.split_once("</h1>").expect("its end").0
}

fn console(folder: &Path) -> (Console, Login) {
    let console = Console::start(folder);
    let login = console.login("master", PASSWORD);
    (console, login)
}

fn key(console: &Console, login: &Login, name: &str) -> Answer {
    console.get(&format!("/keys/key?name={name}"), Some(login))
}

//= HC-01
#[test]
fn a_key_is_created_seen_changed_blocked_released_and_removed() {
    let folder = tempfile::tempdir().expect("there is room");
    let (console, login) = console(folder.path());
    let post = |path: &str, fields: &str| console.post(path, Some(&login), fields);
    let is = |answer: &Answer, status: u16, news: &str| {
        let (came, said) = said(answer);
        assert!(came == status && said.contains(news), "{answer:?}");
    };
    assert!(
        console
            .get("/keys", Some(&login))
            .body
            .contains("There is no key here.")
    );
    let answer = post(
        "/keys/create",
        "name=k1&algorithm=aes256&label=the+first&exportable=1",
    );
    is(&answer, 200, "The key is created.");
    assert_eq!(title(&answer), "Keys");
    assert!(answer.body.contains(
        "<a href=\"/keys/key?name=k1\">k1</a></td><td class=\"word\">aes256</td><td>the first</td>"
    ));
    is(
        &post("/keys/create", "name=k2&algorithm=ec_p256"),
        200,
        "The key is created.",
    );
    // What cannot be created.
    let twice = post("/keys/create", "name=k1&algorithm=aes128");
    is(&twice, 409, "Error (object_exists): ");
    assert_eq!(title(&twice), "Keys");
    is(
        &post("/keys/create", "name=k3&algorithm=des"),
        422,
        "Choose one of the kinds",
    );
    is(
        &post("/keys/create", "name=a+b&algorithm=aes128"),
        422,
        "Error 5014 (invalid_name): ",
    );
    let long = format!("name=k3&algorithm=aes128&label={}", "x".repeat(65));
    is(&post("/keys/create", &long), 422, "Error 5021 (invalid_value): ");

    let page = key(&console, &login, "k1");
    assert_eq!((page.status, title(&page)), (200, "Key"));
    assert!(page.body.contains("<dt>Check value</dt>") && !page.body.contains("PUBLIC KEY"));
    assert!(
        key(&console, &login, "k2")
            .body
            .contains("-----BEGIN PUBLIC KEY-----")
    );
    is(&key(&console, &login, "k3"), 404, "Error (object_not_found): ");

    let answer = post("/keys/attributes", "name=k1&label=another");
    is(&answer, 200, "The attributes are changed.");
    assert!(answer.body.contains("no, and never again") && answer.body.contains("value=\"another\""));
    is(
        &post("/keys/attributes", "name=k1&label=another&exportable=1"),
        422,
        "Error 5021",
    );
    is(&post("/keys/block", "name=k1"), 200, "The key is blocked.");
    let blocked = key(&console, &login, "k1");
    assert!(blocked.body.contains("<dd>blocked</dd>") && !blocked.body.contains("/keys/attributes"));
    is(
        &post("/keys/attributes", "name=k1&label=third"),
        409,
        "Error (object_blocked): ",
    );
    is(&post("/keys/remove", "name=k2"), 422, "Nothing was removed.");

    // All of it outlives the cable.
    drop(console);
    let (console, login) = self::console(folder.path());
    let list = console.get("/keys", Some(&login)).body;
    assert!(
        list.contains("<td>another</td><td class=\"word\">blocked</td>") && list.contains(">k2</a>"),
        "{list}"
    );
    let post = |path: &str, fields: &str| console.post(path, Some(&login), fields);
    is(&post("/keys/release", "name=k1"), 200, "The key is released.");
    is(
        &post("/keys/attributes", "name=k1&label=third"),
        200,
        "are changed",
    );
    let answer = post("/keys/remove", "name=k1&sure=1");
    is(&answer, 200, "The key is removed.");
    assert_eq!(title(&answer), "Keys");
    assert!(!answer.body.contains(">k1</a>") && answer.body.contains(">k2</a>"));
    is(
        &post("/keys/remove", "name=k1&sure=1"),
        404,
        "Error (object_not_found): ",
    );
}

//= HC-01
#[test]
fn a_partition_is_its_owners_and_a_list_has_pages() {
    let folder = tempfile::tempdir().expect("there is room");
    let (console, master) = console(folder.path());
    console.post("/users/create", Some(&master), "name=ana&password=a+password");
    let ana = console.login("ana", "a+password");
    for number in 0..=LIST_PAGE_MAX {
        let fields = format!("name=k{number}&algorithm=aes128");
        assert_eq!(console.post("/keys/create", Some(&ana), &fields).status, 200);
    }
    let rows = |page: &str| page.matches("<a href=\"/keys/key?name=").count();
    let first = console.get("/keys", Some(&ana)).body;
    assert_eq!(rows(&first), LIST_PAGE_MAX);
    let (_, after) = first
        .split_once("<a href=\"/keys?after=")
        .expect("there are more");
    let (after, _) = after.split_once('"').expect("its end");
    let second = console.get(&format!("/keys?after={after}"), Some(&ana)).body;
    assert_eq!((rows(&second), second.contains("More keys")), (1, false));
    // An operator has a partition, and no other.
    assert_eq!(rows(&console.get("/keys", Some(&master)).body), 0);
    assert_eq!(key(&console, &master, "k0").status, 404);
    for (path, fields) in [
        ("/keys/block", "name=k0&partition=ana"),
        ("/keys/remove", "name=k0&sure=1&partition=ana"),
    ] {
        let answer = console.post(path, Some(&master), fields);
        assert_eq!(answer.status, 404, "{answer:?}");
    }
    assert!(key(&console, &ana, "k0").body.contains("<dd>usable</dd>"));
}

//= HC-02
#[test]
fn an_operator_lists_blocks_unblocks_and_permits_and_others_do_what_they_may() {
    let folder = tempfile::tempdir().expect("there is room");
    let (console, master) = console(folder.path());
    let post = |path: &str, fields: &str| console.post(path, Some(&master), fields);
    for (name, permission) in [
        ("ana", "&user_list=1"),
        ("bruno", ""),
        ("carla", "&user_create=1"),
    ] {
        let fields = format!("name={name}&password=a+password{permission}");
        assert_eq!(
            said(&post("/users/create", &fields)),
            (200, "The user is created.".into())
        );
    }
    let list = console.get("/users", Some(&master)).body;
    for row in [
        "<a href=\"/users/user?name=ana\">ana</a></td><td>List users</td><td class=\"word\">not blocked</td>",
        ">bruno</a></td><td>The own partition</td><td class=\"word\">not blocked</td>",
        ">carla</a></td><td>Create and remove users</td><td class=\"word\">not blocked</td>",
        ">master</a></td><td>Operator: everything</td><td class=\"word\">not blocked</td>",
    ] {
        assert!(list.contains(row), "{row}: {list}");
    }
    // By hand, and back.
    let bruno = console.login("bruno", "a+password");
    let answer = post("/users/block", "name=bruno");
    assert_eq!(said(&answer), (200, "The user is blocked.".into()));
    assert!(title(&answer) == "User" && answer.body.contains("<dd>blocked</dd>"));
    let refused = console.try_login("bruno", "a+password");
    assert!(refused.body.contains("Error 5120"), "{refused:?}");
    assert_eq!(
        said(&post("/users/unblock", "name=bruno")).1,
        "The user is not blocked."
    );
    console.login("bruno", "a+password");
    // Other permissions hold at once, also in a session that is there.
    let fields = "name=bruno&remote_log=1";
    assert_eq!(
        said(&post("/users/permissions", fields)).1,
        "The permissions are changed."
    );
    assert!(console.get("/", Some(&bruno)).body.contains("href=\"/log\""));
    let page = console.get("/users/user?name=bruno", Some(&master)).body;
    let box_of = |field: &str, is_ticked: &str| format!("name=\"{field}\"{is_ticked}>");
    assert!(page.contains(&box_of("remote_log", " checked")) && page.contains(&box_of("operator", "")));
    // What cannot be.
    for (path, fields, status, code) in [
        ("/users/block", "name=eve", 404, "Error 5020"),
        ("/users/permissions", "name=master", 403, "Error 5018"),
        ("/users/permissions", "name=eve", 404, "Error 5020"),
        ("/users/remove", "name=bruno", 422, "Nothing was removed"),
        ("/users/remove", "name=eve&sure=1", 404, "Error 5020"),
    ] {
        let answer = post(path, fields);
        let (came, said) = said(&answer);
        assert!(
            came == status && said.contains(code),
            "{path}?{fields}: {answer:?}"
        );
    }
    // Whoever may look sees names and no form; whoever may create has forms and no list.
    let ana = console.login("ana", "a+password");
    let seen = console.get("/users", Some(&ana)).body;
    assert!(
        seen.contains("<td>carla</td>") && !seen.contains("<form"),
        "{seen}"
    );
    let one = console.get("/users/user?name=carla", Some(&ana)).body;
    assert!(one.contains("<dd>carla</dd>") && !one.contains("<form"), "{one}");
    let carla = console.login("carla", "a+password");
    let seen = console.get("/users", Some(&carla)).body;
    assert!(
        !seen.contains("<table") && seen.contains("/users/remove"),
        "{seen}"
    );
    assert_eq!(console.get("/users/user?name=ana", Some(&carla)).status, 403);
    for login in [&ana, &carla] {
        for (path, fields) in [
            ("/users/block", "name=bruno"),
            ("/users/permissions", "name=bruno&operator=1"),
        ] {
            let answer = console.post(path, Some(login), fields);
            assert!(
                answer.status == 403 && answer.body.contains("Error 5002"),
                "{path}: {answer:?}"
            );
        }
    }
}
