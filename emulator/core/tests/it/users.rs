//! Limits of users, each at it, one past it, and on the way back. What users may do is shown by the scenarios.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use hsm_core::{
    Event, FOLLOWERS_MAX, Input, Model, Password, Permissions, SealedObject, USER_ERRANDS_MAX, USER_IDLE_MAX,
    USER_SESSIONS_MAX, USERS_MAX, UserAnswer, UserRefusal, UserRequest, UserSession,
};
use serde_json::json;

use crate::bench::{Bench, Seen};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
/// The factory's.
const PASSWORD: &str = "12345678";

/// A Pocket whose service runs: it needs no cards for that.
fn running() -> Bench {
    let mut bench = Bench::of(Model::Pocket, 2).out_of_the_factory().switched_on();
    activate(&mut bench);
    bench
}

fn activate(bench: &mut Bench) {
    bench.arrive();
    let asked = bench.ask_with("auth.activate", &json!({"password": "correct horse"}));
    assert!(asked.and_then(|asked| bench.answer_to(asked)).is_some());
    assert!(bench.is_activated());
}

/// Asks, and gives what was answered at once.
fn ask(bench: &mut Bench, session: u64, request: UserRequest) -> Option<UserAnswer> {
    let before = bench.told_users.len();
    let session = UserSession(session);
    bench.input(Input::User {
        session,
        peer: PEER,
        request,
    });
    let told = bench.told_users[before..].iter().rev();
    told.filter(|(told, answer)| *told == session && !matches!(answer, UserAnswer::LogLine(_)))
        .map(|(_, answer)| answer.clone())
        .next()
}

fn log_in(bench: &mut Bench, session: u64) -> Option<UserAnswer> {
    log_in_as(bench, session, "master", PASSWORD)
}

fn log_in_as(bench: &mut Bench, session: u64, name: &str, password: &str) -> Option<UserAnswer> {
    let (name, password) = (name.to_owned(), Password::from(password));
    ask(bench, session, UserRequest::Login { name, password })
}

fn create(bench: &mut Bench, name: &str, password: &str) -> Option<UserAnswer> {
    let request = UserRequest::Create {
        name: name.to_owned(),
        password: Password::from(password),
        permissions: Permissions::NONE,
    };
    ask(bench, 0, request)
}

const REFUSED: Option<UserAnswer> = Some(UserAnswer::Refused(UserRefusal::LimitReached));
const DONE: Option<UserAnswer> = Some(UserAnswer::Done);

fn is_in(answer: Option<&UserAnswer>) -> bool {
    matches!(answer, Some(UserAnswer::LoggedIn { .. }))
}

#[test]
fn a_device_has_at_most_so_many_users() {
    let mut bench = running();
    assert!(is_in(log_in(&mut bench, 0).as_ref()));
    // `master` is the first of them.
    for number in 1..USERS_MAX {
        assert_eq!(
            create(&mut bench, &format!("u{number}"), "a password"),
            DONE,
            "{number}"
        );
    }
    assert_eq!(create(&mut bench, "onemore", "a password"), REFUSED);
    let name = "u1".to_owned();
    assert_eq!(ask(&mut bench, 0, UserRequest::Remove { name }), DONE);
    assert_eq!(create(&mut bench, "onemore", "a password"), DONE);
    assert_eq!(create(&mut bench, "andanother", "a password"), REFUSED);
}

#[test]
fn at_most_so_many_users_are_logged_in() {
    let mut bench = running();
    let sessions = u64::try_from(USER_SESSIONS_MAX).expect("it is small");
    for session in 0..sessions {
        assert!(is_in(log_in(&mut bench, session).as_ref()), "{session}");
    }
    assert_eq!(log_in(&mut bench, sessions), REFUSED);
    // Also whoever has a wrong password is told nothing else.
    assert_eq!(log_in_as(&mut bench, sessions, "master", "wrong"), REFUSED);
    assert_eq!(ask(&mut bench, 7, UserRequest::Logout), DONE);
    assert!(is_in(log_in(&mut bench, sessions).as_ref()));
    bench.input(Input::UserGone {
        session: UserSession(8),
    });
    assert!(is_in(log_in(&mut bench, sessions + 1).as_ref()));
    assert_eq!(log_in(&mut bench, sessions + 2), REFUSED);
}

//= HC-02
#[test]
fn a_login_costs_one_hash_whoever_it_is_for_and_whatever_the_password() {
    let mut bench = running();
    assert!(is_in(log_in(&mut bench, 0).as_ref()));
    assert_eq!(create(&mut bench, "ana", "a password"), DONE);
    let no_name = "<script>";
    // With a password of one's own or the factory's, unknown, no name at all, and at last blocked.
    let mut logins = vec![
        ("ana", "a password"),
        ("master", PASSWORD),
        ("nobody", "a password"),
        (no_name, PASSWORD),
    ];
    logins.extend([("ana", "wrong words"); 8]);
    for (session, (name, password)) in (1..).zip(logins) {
        let before = bench.derivations;
        assert!(log_in_as(&mut bench, session, name, password).is_some());
        assert_eq!(bench.derivations - before, 1, "{name}, {password}");
    }
    let blocked = Some(UserAnswer::Refused(UserRefusal::Blocked));
    assert_eq!(log_in_as(&mut bench, 99, "ana", "a password"), blocked);
}

//= HC-02
#[test]
fn a_user_who_asks_for_nothing_is_put_out_after_five_minutes_of_the_devices_time() {
    const ALMOST: Duration = Duration::from_micros(299_999_999);
    let mut bench = running();
    assert!(is_in(log_in(&mut bench, 0).as_ref()));
    let is_told =
        |bench: &mut Bench| matches!(ask(bench, 0, UserRequest::Details), Some(UserAnswer::Details(_)));
    bench.wait(ALMOST);
    assert!(is_told(&mut bench), "the request begins the time anew");
    bench.wait(ALMOST);
    assert!(is_told(&mut bench));
    bench.wait(USER_IDLE_MAX);
    assert_eq!(
        bench.told_users.last(),
        Some(&(UserSession(0), UserAnswer::LoggedOut))
    );
    let over = Some(UserAnswer::Refused(UserRefusal::WrongState));
    assert_eq!(ask(&mut bench, 0, UserRequest::Details), over);
}

#[test]
fn at_most_so_many_passwords_are_on_their_way() {
    let mut bench = running();
    assert!(is_in(log_in(&mut bench, 0).as_ref()));
    bench.disk_is_slow = true;
    let errands = u64::try_from(USER_ERRANDS_MAX).expect("it is small");
    // A name that nobody has costs as much as any.
    for session in 1..=errands {
        assert_eq!(
            log_in_as(&mut bench, session, "nobody", PASSWORD),
            None,
            "it waits for the disk"
        );
    }
    assert_eq!(log_in(&mut bench, errands + 1), REFUSED);
    // A new password costs as much as a login.
    assert_eq!(create(&mut bench, "reader", "a password"), REFUSED);
    bench.write_one();
    let failed = UserAnswer::Refused(UserRefusal::LoginFailed);
    assert_eq!(bench.told_users.last(), Some(&(UserSession(1), failed)));
    assert_eq!(log_in(&mut bench, errands + 1), None);
    assert_eq!(log_in(&mut bench, errands + 2), REFUSED);
}

//= LG-02
#[test]
fn at_most_so_many_users_follow_the_log() {
    let mut bench = running();
    let followers = u64::try_from(FOLLOWERS_MAX).expect("it is small");
    for session in 0..=followers {
        assert!(is_in(log_in(&mut bench, session).as_ref()));
        let answer = ask(&mut bench, session, UserRequest::FollowLog);
        assert_eq!(answer, if session < followers { DONE } else { REFUSED });
    }
    assert_eq!(
        ask(&mut bench, 0, UserRequest::FollowLog),
        DONE,
        "once more is no more"
    );
    assert_eq!(ask(&mut bench, 0, UserRequest::Logout), DONE);
    assert_eq!(ask(&mut bench, followers, UserRequest::FollowLog), DONE);
    // Every line goes to each of them, and to nobody else.
    let before = bench.told_users.len();
    assert!(is_in(log_in(&mut bench, 0).as_ref()));
    let told = bench.told_users[before..].iter();
    let lines: Vec<_> = told
        .filter(|(_, answer)| matches!(answer, UserAnswer::LogLine(_)))
        .map(|(session, _)| session.0)
        .collect();
    assert_eq!(lines, (1..=followers).collect::<Vec<_>>());
    // Whoever reads it no more makes room, and stays logged in.
    assert_eq!(ask(&mut bench, 0, UserRequest::FollowLog), REFUSED);
    bench.input(Input::FollowerGone {
        session: UserSession(1),
    });
    assert_eq!(ask(&mut bench, 0, UserRequest::FollowLog), DONE);
    assert_eq!(ask(&mut bench, 1, UserRequest::FollowLog), REFUSED);
}

//= LG-02
#[test]
fn whoever_may_not_have_the_log_any_more_follows_it_no_more() {
    let mut bench = running();
    assert!(is_in(log_in(&mut bench, 0).as_ref()));
    let permissions = Permissions::USER_REMOTE_LOG;
    let created = UserRequest::Create {
        name: "reader".into(),
        password: Password::from("a password"),
        permissions,
    };
    assert_eq!(ask(&mut bench, 0, created), DONE);
    assert!(is_in(log_in_as(&mut bench, 1, "reader", "a password").as_ref()));
    assert_eq!(ask(&mut bench, 1, UserRequest::FollowLog), DONE);
    let mut is_told_of_a_login = |session| {
        let before = bench.told_users.len();
        assert!(is_in(log_in(&mut bench, session).as_ref()));
        let told = bench.told_users[before..].iter();
        let mut lines = told.filter(|(_, answer)| matches!(answer, UserAnswer::LogLine(_)));
        let is_told = lines.any(|(session, _)| *session == UserSession(1));
        let taken = UserRequest::SetPermissions {
            name: "reader".into(),
            permissions: Permissions::NONE,
        };
        assert_eq!(ask(&mut bench, 0, taken), DONE);
        is_told
    };
    assert!(is_told_of_a_login(2));
    assert!(!is_told_of_a_login(3));
}

#[test]
fn a_password_is_as_long_as_the_profile_says() {
    let mut bench = running();
    assert!(is_in(log_in(&mut bench, 0).as_ref()));
    let policy = bench.profile.users.clone();
    let (min, max) = (policy.password_characters_min, policy.password_characters_max);
    let invalid = Some(UserAnswer::Refused(UserRefusal::InvalidPassword));
    for (number, (len, answer)) in [
        (min - 1, &invalid),
        (min, &DONE),
        (max, &DONE),
        (max + 1, &invalid),
    ]
    .into_iter()
    .enumerate()
    {
        // Characters, not bytes.
        assert_eq!(
            create(&mut bench, &format!("u{number}"), &"ß".repeat(len)),
            *answer,
            "{len}"
        );
    }
}

//= LG-03
//= LG-04
#[test]
fn of_a_name_that_is_none_only_its_beginning_is_logged_and_escaped() {
    let mut bench = running();
    for (typed, told) in [
        ("x".repeat(64), "x".repeat(64)),
        ("x".repeat(65), "x".repeat(64)),
        (
            format!("{}|\n", "x".repeat(63)),
            format!("{}\\u{{7c}}", "x".repeat(63)),
        ),
    ] {
        bench.sights.clear();
        let refused = Some(UserAnswer::Refused(UserRefusal::LoginFailed));
        assert_eq!(log_in_as(&mut bench, 0, &typed, PASSWORD), refused);
        let mut events = bench.sights.iter().filter_map(|sight| match &sight.seen {
            Seen::Event(event @ Event::LoginRefused { .. }) => Some(event.to_string()),
            _ => None,
        });
        let expected = format!(
            "login of {told} refused from {PEER}: {}",
            UserRefusal::LoginFailed
        );
        assert_eq!(events.next(), Some(expected));
    }
}

/// A device without its key knows no user: what it keeps of them is sealed by the first activation, and opens with the
/// next.
//= LF-04
#[test]
fn users_are_sealed_at_rest_and_known_while_the_device_has_its_key() {
    let mut bench = Bench::of(Model::Pocket, 2).out_of_the_factory().switched_on();
    assert_eq!(
        (bench.durable.users.len(), bench.durable.sealed_users.len()),
        (1, 0)
    );
    activate(&mut bench);
    let sealed = |bench: &Bench| (bench.durable.users.len(), bench.durable.sealed_users.len());
    assert_eq!(sealed(&bench), (0, 1));
    assert!(is_in(log_in(&mut bench, 0).as_ref()));
    assert_eq!(create(&mut bench, "quirin", "a password"), DONE);
    assert_eq!(sealed(&bench), (0, 2));
    let kept = serde_json::to_string(&bench.durable).expect("it is JSON");
    assert!(
        !kept.contains("quirin") && !kept.contains("permissions"),
        "{kept}"
    );

    // The same users after a cut, and again one that is removed is gone.
    bench.cut();
    bench.return_power();
    bench.wait(bench.profile.limits.start);
    activate(&mut bench);
    assert!(is_in(log_in_as(&mut bench, 1, "quirin", "a password").as_ref()));
    assert!(is_in(log_in(&mut bench, 0).as_ref()));
    let name = "quirin".to_owned();
    assert_eq!(ask(&mut bench, 0, UserRequest::Remove { name }), DONE);
    assert_eq!(sealed(&bench), (0, 1));
    let refused = Some(UserAnswer::Refused(UserRefusal::LoginFailed));
    assert_eq!(log_in_as(&mut bench, 2, "quirin", "a password"), refused);
}

/// Whoever changes the record of a user in the store is let in by nothing, not even by the factory's password, and the
/// log says which record it was.
#[test]
fn a_user_whose_record_was_changed_is_not_let_in_and_the_log_says_so() {
    let mut bench = running();
    bench.cut();
    let (id, sealed) = bench.durable.sealed_users.pop_first().expect("there is `master`");
    let mut bytes = sealed.as_bytes().to_vec();
    *bytes.last_mut().expect("it is not empty") ^= 1;
    let changed = SealedObject::new(bytes).expect("it is as long");
    bench.durable.sealed_users.insert(id, changed);
    bench.return_power();
    bench.wait(bench.profile.limits.start);
    bench.sights.clear();
    activate(&mut bench);
    let told = bench.sights.iter().any(|sight| match &sight.seen {
        Seen::Event(event) => *event == Event::UserDamaged(id),
        _ => false,
    });
    assert!(told, "{:?}", bench.sights);
    let refused = Some(UserAnswer::Refused(UserRefusal::LoginFailed));
    assert_eq!(log_in(&mut bench, 0), refused);
}
