//! Objects and who may do what with them, on a device that is activated at its own console.

use std::time::Duration;

use hsm_core::{
    Attributes, HttpConsole, Input, KeyAlgorithm, LIST_PAGE_MAX, OBJECTS_MAX, ObjectFacts, ObjectRequest,
    PasswordPolicy, Permissions, TRUSTED_MAX, UserAnswer, UserRefusal, UserRequest, UserSession,
};

use crate::bench::Bench;

const PASSWORD: &str = "12345678";

/// A device whose service runs, with `master` and two users who are logged in: ana in session 1, bia in 2.
fn with_users() -> Bench {
    with_users_and(|_| {})
}

fn with_users_and(prepare: impl FnOnce(&mut Bench)) -> Bench {
    let mut bench = Bench::new(2);
    prepare(&mut bench);
    let mut bench = bench.switched_on();
    activate(&mut bench);
    assert_eq!(login(&mut bench, 0, "master"), LOGGED_IN_AS_OPERATOR);
    for (session, name) in [(1, "ana"), (2, "bia")] {
        let request = UserRequest::Create {
            name: name.into(),
            password: PASSWORD.into(),
            permissions: Permissions::NONE,
        };
        assert_eq!(ask(&mut bench, 0, request), UserAnswer::Done);
        login(&mut bench, session, name);
    }
    bench
}

const LOGGED_IN_AS_OPERATOR: UserAnswer = UserAnswer::LoggedIn {
    permissions: Permissions::SYS_OPERATOR,
};

fn activate(bench: &mut Bench) {
    bench.arrive();
    bench.present(0);
    bench.present(1);
    assert!(bench.is_activated());
}

fn login(bench: &mut Bench, session: u64, name: &str) -> UserAnswer {
    let request = UserRequest::Login {
        name: name.into(),
        password: PASSWORD.into(),
    };
    ask(bench, session, request)
}

/// The last thing that this session was told.
fn ask(bench: &mut Bench, session: u64, request: UserRequest) -> UserAnswer {
    let told_before = bench.told_users.len();
    send(bench, session, request);
    let told = &bench.told_users[told_before..];
    let mut mine = told.iter().filter(|(to, _)| *to == UserSession(session));
    let (_, answer) = mine.next_back().expect("it is answered");
    answer.clone()
}

fn send(bench: &mut Bench, session: u64, request: UserRequest) {
    bench.input(Input::User {
        session: UserSession(session),
        peer: [203, 0, 113, 1].into(),
        request,
    });
}

fn object(partition: Option<&str>, name: &str, request: ObjectRequest) -> UserRequest {
    UserRequest::Object {
        partition: partition.map(str::to_owned),
        name: name.into(),
        request,
    }
}

fn create(partition: Option<&str>, name: &str) -> UserRequest {
    let request = ObjectRequest::Create {
        algorithm: KeyAlgorithm::Aes256,
        attributes: Attributes {
            exportable: true,
            label: "a label".into(),
        },
    };
    object(partition, name, request)
}

fn list(partition: Option<&str>, after: Option<&str>) -> UserRequest {
    UserRequest::ListObjects {
        partition: partition.map(str::to_owned),
        after: after.map(str::to_owned),
    }
}

fn refused(why: UserRefusal) -> UserAnswer {
    UserAnswer::Refused(why)
}

fn shown(bench: &mut Bench, session: u64, name: &str) -> ObjectFacts {
    match ask(bench, session, object(None, name, ObjectRequest::Show)) {
        UserAnswer::Object(facts) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_made_shown_changed_blocked_and_removed() {
    let mut bench = with_users();
    assert_eq!(ask(&mut bench, 1, create(None, "k1")), UserAnswer::Done);
    assert_eq!(
        ask(&mut bench, 1, create(None, "k1")),
        refused(UserRefusal::ObjectExists)
    );
    let facts = shown(&mut bench, 1, "k1");
    assert_eq!((facts.owner.as_str(), facts.name.as_str()), ("ana", "k1"));
    assert_eq!((facts.algorithm, facts.public.len()), (KeyAlgorithm::Aes256, 3));
    let count = |bench: &Bench| (bench.durable.objects.count, bench.shelf.iter().count());
    assert_eq!(count(&bench), (1, 1));

    let labelled = |exportable| {
        let label = "another".into();
        object(
            None,
            "k1",
            ObjectRequest::SetAttributes(Attributes { exportable, label }),
        )
    };
    assert_eq!(ask(&mut bench, 1, labelled(false)), UserAnswer::Done);
    assert_eq!(
        ask(&mut bench, 1, labelled(true)),
        refused(UserRefusal::InvalidValue)
    );
    assert_eq!(
        ask(&mut bench, 1, object(None, "k1", ObjectRequest::Block(true))),
        UserAnswer::Done
    );
    assert_eq!(
        ask(&mut bench, 1, labelled(false)),
        refused(UserRefusal::ObjectBlocked)
    );
    let facts = shown(&mut bench, 1, "k1");
    assert!(facts.blocked && !facts.attributes.exportable && facts.attributes.label == "another");
    assert_eq!(
        ask(&mut bench, 1, object(None, "k1", ObjectRequest::Block(false))),
        UserAnswer::Done
    );
    assert!(!shown(&mut bench, 1, "k1").blocked);

    let remove = || object(None, "k1", ObjectRequest::Remove);
    assert_eq!(ask(&mut bench, 1, remove()), UserAnswer::Done);
    assert_eq!(ask(&mut bench, 1, remove()), refused(UserRefusal::ObjectNotFound));
    assert_eq!((count(&bench), bench.durable.objects.bytes), ((0, 0), 0));
}

#[test]
fn what_cannot_be_a_name_or_a_label_is_refused() {
    let mut bench = with_users();
    for name in ["", "a b", "../x", &"a".repeat(33)] {
        assert_eq!(
            ask(&mut bench, 1, create(None, name)),
            refused(UserRefusal::InvalidName)
        );
    }
    let attributes = Attributes {
        exportable: false,
        label: "a\u{1b}".into(),
    };
    let algorithm = KeyAlgorithm::Aes128;
    let request = ObjectRequest::Create {
        algorithm,
        attributes,
    };
    assert_eq!(
        ask(&mut bench, 1, object(None, "k", request)),
        refused(UserRefusal::InvalidValue)
    );
    assert_eq!(bench.durable.objects.count, 0);
}

/// Every request about an object, by everybody, with every trust: only the owner and who has the bit may.
#[test]
fn only_the_owner_and_whoever_has_the_bit_may_touch_an_object() {
    let requests = [
        (Permissions::OBJ_CREATE, create(Some("ana"), "new")),
        (
            Permissions::OBJ_READ,
            object(Some("ana"), "k", ObjectRequest::Show),
        ),
        (Permissions::OBJ_READ, list(Some("ana"), None)),
        (
            Permissions::OBJ_UPDATE,
            object(Some("ana"), "k", ObjectRequest::Block(true)),
        ),
        (
            Permissions::OBJ_UPDATE,
            object(
                Some("ana"),
                "k",
                ObjectRequest::SetAttributes(Attributes::default()),
            ),
        ),
        (
            Permissions::OBJ_DEL,
            object(Some("ana"), "k", ObjectRequest::Remove),
        ),
    ];
    let mut bench = with_users();
    assert_eq!(ask(&mut bench, 1, create(None, "k")), UserAnswer::Done);
    let mut permitted = 0;
    for trust in 0..=Permissions::EVERY_OBJ.0 {
        let mut bench = bench.clone();
        let request = UserRequest::Trust {
            name: "bia".into(),
            permissions: Permissions(trust),
        };
        assert_eq!(ask(&mut bench, 1, request), UserAnswer::Done);
        for (bit, request) in &requests {
            let no = refused(UserRefusal::NotPermitted);
            // An operator has no implicit access.
            assert_eq!(ask(&mut bench.clone(), 0, request.clone()), no);
            let is_permitted = ask(&mut bench.clone(), 2, request.clone()) != no;
            assert_eq!(is_permitted, trust & bit.0 != 0, "{trust:#x} {request:?}");
            permitted += u32::from(is_permitted);
            assert_ne!(ask(&mut bench.clone(), 1, request.clone()), no, "the owner");
        }
    }
    assert_eq!(permitted, 6 * 8);
}

#[test]
fn trust_is_in_somebody_else_in_four_bits_and_has_its_limit() {
    let mut bench = with_users();
    let trust = |name: &str, permissions| UserRequest::Trust {
        name: name.into(),
        permissions: Permissions(permissions),
    };
    assert_eq!(
        ask(&mut bench, 1, trust("ana", 1)),
        refused(UserRefusal::InvalidValue)
    );
    assert_eq!(
        ask(&mut bench, 1, trust("bia", 0x10)),
        refused(UserRefusal::InvalidValue)
    );
    assert_eq!(
        ask(&mut bench, 1, trust("eve", 1)),
        refused(UserRefusal::UserNotFound)
    );
    for number in 0..=TRUSTED_MAX {
        let name = format!("u{number}");
        let request = UserRequest::Create {
            name: name.clone(),
            password: PASSWORD.into(),
            permissions: Permissions::NONE,
        };
        assert_eq!(ask(&mut bench, 0, request), UserAnswer::Done);
        let expected = if number < TRUSTED_MAX {
            UserAnswer::Done
        } else {
            refused(UserRefusal::LimitReached)
        };
        assert_eq!(ask(&mut bench, 1, trust(&name, 2)), expected, "{number}");
    }
    assert_eq!(ask(&mut bench, 1, trust("u0", 0)), UserAnswer::Done);
    match ask(&mut bench, 1, UserRequest::ListTrusted) {
        UserAnswer::Trusted(trusted) => assert_eq!(trusted.len(), TRUSTED_MAX - 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_object_fits_and_one_more_does_not() {
    let mut bench = with_users_and(|bench| {
        bench.durable.objects.count = OBJECTS_MAX - 1;
        bench.device = Some(hsm_core::Device::new(
            bench.profile.clone(),
            bench.durable.clone(),
        ));
    });
    assert_eq!(ask(&mut bench, 1, create(None, "last")), UserAnswer::Done);
    assert_eq!(
        ask(&mut bench, 1, create(None, "more")),
        refused(UserRefusal::LimitReached)
    );
    let remove = object(None, "last", ObjectRequest::Remove);
    assert_eq!(ask(&mut bench, 1, remove), UserAnswer::Done);
    assert_eq!(ask(&mut bench, 1, create(None, "again")), UserAnswer::Done);
}

#[test]
fn a_full_database_takes_no_more() {
    let mut bench = with_users_and(|bench| {
        bench.profile.database_bytes_max = 1_500;
        bench.device = Some(hsm_core::Device::new(
            bench.profile.clone(),
            bench.durable.clone(),
        ));
    });
    let mut made = 0;
    while ask(&mut bench, 1, create(None, &format!("k{made}"))) == UserAnswer::Done {
        made += 1;
        assert!(made < 100, "it fills up");
    }
    assert!(made > 0);
    let last = ask(&mut bench, 1, create(None, "more"));
    assert_eq!(last, refused(UserRefusal::LimitReached));
}

#[test]
fn a_list_comes_in_pages_and_misses_nothing() {
    let mut bench = with_users();
    for number in 0..=LIST_PAGE_MAX {
        assert_eq!(
            ask(&mut bench, 1, create(None, &format!("k{number}"))),
            UserAnswer::Done
        );
    }
    assert_eq!(ask(&mut bench, 2, create(None, "of-bia")), UserAnswer::Done);
    let UserAnswer::Objects { mut objects, more } = ask(&mut bench, 1, list(None, None)) else {
        panic!("a page")
    };
    assert_eq!((objects.len(), more), (LIST_PAGE_MAX, true));
    let last = objects.last().expect("a whole page").name.to_string();
    let UserAnswer::Objects { objects: rest, more } = ask(&mut bench, 1, list(None, Some(&last))) else {
        panic!("a page")
    };
    assert_eq!((rest.len(), more), (1, false));
    objects.extend(rest);
    let mut names: Vec<_> = objects.iter().map(|facts| facts.name.to_string()).collect();
    names.sort();
    let mut expected: Vec<_> = (0..=LIST_PAGE_MAX).map(|number| format!("k{number}")).collect();
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn two_requests_about_one_object_never_cross() {
    let mut bench = with_users();
    let trust = UserRequest::Trust {
        name: "bia".into(),
        permissions: Permissions::EVERY_OBJ,
    };
    assert_eq!(ask(&mut bench, 1, trust), UserAnswer::Done);
    bench.disk_is_slow = true;
    send(&mut bench, 1, create(None, "k"));
    let crossed = ask(&mut bench, 2, create(Some("ana"), "k"));
    assert_eq!(crossed, refused(UserRefusal::ObjectBusy));
    let remove = UserRequest::Remove { name: "ana".into() };
    assert_eq!(ask(&mut bench, 0, remove), refused(UserRefusal::ObjectBusy));
    bench.write_one();
    assert_eq!(bench.told_users.last(), Some(&(UserSession(1), UserAnswer::Done)));
    bench.disk_is_slow = false;
    let crossed = ask(&mut bench, 2, create(Some("ana"), "k"));
    assert_eq!(crossed, refused(UserRefusal::ObjectExists));
}

#[test]
fn whoever_leaves_before_the_key_is_written_leaves_a_key_or_none_and_nothing_locked() {
    let mut bench = with_users();
    bench.disk_is_slow = true;
    send(&mut bench, 1, create(None, "k"));
    bench.input(Input::UserGone {
        session: UserSession(1),
    });
    bench.write_one();
    bench.disk_is_slow = false;
    login(&mut bench, 1, "ana");
    assert_eq!(shown(&mut bench, 1, "k").name.as_str(), "k");
}

#[test]
fn a_user_goes_with_the_partition_and_the_trust() {
    let mut bench = with_users();
    for name in ["k1", "k2"] {
        assert_eq!(ask(&mut bench, 1, create(None, name)), UserAnswer::Done);
    }
    assert_eq!(ask(&mut bench, 2, create(None, "of-bia")), UserAnswer::Done);
    let trust = UserRequest::Trust {
        name: "ana".into(),
        permissions: Permissions::EVERY_OBJ,
    };
    assert_eq!(ask(&mut bench, 2, trust), UserAnswer::Done);
    let remove = UserRequest::Remove { name: "ana".into() };
    assert_eq!(ask(&mut bench, 0, remove), UserAnswer::Done);
    assert_eq!((bench.durable.objects.count, bench.shelf.iter().count()), (1, 1));
    assert_eq!(
        bench.told_users.iter().rev().nth(1),
        Some(&(UserSession(1), UserAnswer::LoggedOut))
    );
    assert_eq!(
        ask(&mut bench, 2, UserRequest::ListTrusted),
        UserAnswer::Trusted(Vec::new())
    );
    // Whoever gets the name next finds an empty partition.
    let create_again = UserRequest::Create {
        name: "ana".into(),
        password: PASSWORD.into(),
        permissions: Permissions::NONE,
    };
    assert_eq!(ask(&mut bench, 0, create_again), UserAnswer::Done);
    login(&mut bench, 3, "ana");
    let empty = UserAnswer::Objects {
        objects: Vec::new(),
        more: false,
    };
    assert_eq!(ask(&mut bench, 3, list(None, None)), empty);
    let not_permitted = ask(&mut bench, 3, list(Some("bia"), None));
    assert_eq!(not_permitted, refused(UserRefusal::NotPermitted));
}

#[test]
fn blocks_permissions_and_the_policy_survive_a_restart_and_so_do_objects() {
    let mut bench = with_users();
    assert_eq!(ask(&mut bench, 1, create(None, "k")), UserAnswer::Done);
    assert_eq!(
        ask(&mut bench, 1, object(None, "k", ObjectRequest::Block(true))),
        UserAnswer::Done
    );
    let block = UserRequest::Block { name: "bia".into() };
    assert_eq!(ask(&mut bench, 0, block), UserAnswer::Done);
    let permissions = UserRequest::SetPermissions {
        name: "ana".into(),
        permissions: Permissions::USER_LIST,
    };
    assert_eq!(ask(&mut bench, 0, permissions), UserAnswer::Done);
    let policy = PasswordPolicy {
        login_tries: 1,
        characters_min: 9,
        characters_max: 20,
    };
    assert_eq!(
        ask(&mut bench, 0, UserRequest::SetPolicy(Some(policy))),
        UserAnswer::Done
    );

    bench.cut();
    bench.return_power();
    bench.wait(Duration::from_secs(60));
    activate(&mut bench);
    assert_eq!(login(&mut bench, 2, "bia"), refused(UserRefusal::Blocked));
    assert_eq!(
        login(&mut bench, 1, "ana"),
        UserAnswer::LoggedIn {
            permissions: Permissions::USER_LIST
        }
    );
    assert!(shown(&mut bench, 1, "k").blocked);
    match ask(&mut bench, 1, UserRequest::ListUsers { after: None }) {
        UserAnswer::Users { users, more: false } => {
            let seen: Vec<_> = users
                .iter()
                .map(|user| (user.name.as_str(), user.blocked))
                .collect();
            assert_eq!(seen, [("ana", false), ("bia", true), ("master", false)]);
        }
        other => panic!("{other:?}"),
    }
    let change = UserRequest::ChangePassword {
        old: PASSWORD.into(),
        new: "12345679".into(),
    };
    assert_eq!(
        ask(&mut bench, 1, change),
        refused(UserRefusal::InvalidPassword),
        "9 at least"
    );
    let wrong = UserRequest::Login {
        name: "ana".into(),
        password: "wrongone".into(),
    };
    assert_eq!(ask(&mut bench, 5, wrong), refused(UserRefusal::LoginFailed));
    assert_eq!(
        login(&mut bench, 5, "ana"),
        refused(UserRefusal::Blocked),
        "one try"
    );
}

#[test]
fn what_needs_an_operator_is_refused_to_everybody_else() {
    let mut bench = with_users();
    let refused = refused(UserRefusal::NotPermitted);
    for request in [
        UserRequest::Block { name: "bia".into() },
        UserRequest::Unblock { name: "bia".into() },
        UserRequest::SetPolicy(None),
        UserRequest::ListUsers { after: None },
        UserRequest::SetPermissions {
            name: "ana".into(),
            permissions: Permissions::SYS_OPERATOR,
        },
        UserRequest::Remove { name: "bia".into() },
        UserRequest::ClearLog,
    ] {
        assert_eq!(ask(&mut bench, 1, request.clone()), refused, "{request:?}");
    }
    let master = UserRequest::SetPermissions {
        name: "master".into(),
        permissions: Permissions::NONE,
    };
    assert_eq!(
        ask(&mut bench, 0, master),
        UserAnswer::Refused(UserRefusal::CannotRemoveMaster)
    );
}

#[test]
fn one_user_is_shown_to_whoever_may_list_them_as_the_list_shows_it() {
    let mut bench = with_users();
    let show = |name: &str| UserRequest::ShowUser { name: name.into() };
    assert_eq!(
        ask(&mut bench, 1, show("bia")),
        refused(UserRefusal::NotPermitted)
    );
    let permissions = UserRequest::SetPermissions {
        name: "ana".into(),
        permissions: Permissions::USER_LIST,
    };
    assert_eq!(ask(&mut bench, 0, permissions), UserAnswer::Done);
    let block = UserRequest::Block { name: "bia".into() };
    assert_eq!(ask(&mut bench, 0, block), UserAnswer::Done);
    let UserAnswer::Users { users: all, more } = ask(&mut bench, 1, UserRequest::ListUsers { after: None })
    else {
        panic!("a list")
    };
    assert_eq!((all.len(), more), (3, false));
    for facts in all {
        let shown = ask(&mut bench, 1, show(facts.name.as_str()));
        let users = vec![facts];
        assert_eq!(shown, UserAnswer::Users { users, more: false });
    }
    assert_eq!(
        ask(&mut bench, 1, show("eve")),
        refused(UserRefusal::UserNotFound)
    );
    assert_eq!(
        ask(&mut bench, 1, show("../x")),
        refused(UserRefusal::InvalidName)
    );
}

//= HT-01
#[test]
fn a_manager_is_told_the_port_of_the_profile_unless_the_world_serves_elsewhere() {
    for (port, expected) in [
        (None, "https://192.0.2.10/"),
        (Some(443), "https://192.0.2.10/"),
        (Some(8443), "https://192.0.2.10:8443/"),
    ] {
        let mut bench = with_users_and(|bench| {
            bench.profile.http_console = port.map(|port| HttpConsole { port });
            bench.device = Some(hsm_core::Device::new(
                bench.profile.clone(),
                bench.durable.clone(),
            ));
        });
        // Whoever has activated it is the manager.
        let url = |bench: &mut Bench| {
            let asked = bench.ask("http_console.url").expect("it can be asked");
            bench.answer_to(asked).expect("it answers")["result"]["url"].clone()
        };
        assert_eq!(url(&mut bench), expected, "{port:?}");
        bench.input(Input::HttpConsoleAt(([127, 0, 0, 1], 8444).into()));
        assert_eq!(url(&mut bench), "https://127.0.0.1:8444/", "{port:?}");
    }
}
