//! The way into a bed: namespaces by `unshare` of util-linux, and a first process in them that ends everything when the
//! program ends, or when whoever asked is gone. Starts no daemon.

use std::{
    any::type_name,
    env,
    ffi::{OsStr, OsString},
    io,
    process::{self, Command, ExitStatus, Stdio},
};

use program::{ExitCode, Problem};

use crate::Bed;

/// Set for what is played inside a bed.
const INSIDE: &str = "PCSC_BED";

/// What the first process ends with if it could not furnish the namespaces.
const FURNISHING_FAILED: i32 = 120;

/// What a test inside ends with if it passed.
const TEST_PASSED: i32 = 121;

/// The first process inside. Its standard input is a lifeline: at its end whoever asked for the bed is gone. When the
/// first process of a namespace ends, the kernel ends all the others. `/run` is covered, so that the daemon's socket and
/// its process file are its own.
const FIRST_PROCESS: &str = r#"
    mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up || exit 120
    exec 3<&0
    trap 'exit 143' TERM
    "$@" </dev/null 3<&- &
    played=$!
    { cat <&3 >/dev/null; kill -TERM 1; } &
    wait "$played"
    exit $?
"#;

/// True for a program that [`play_inside`] started.
pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Plays a program in namespaces of its own and waits for its end. Standard output and error are this program's;
/// standard input is empty. A signal that ended it comes back as 128 and its number.
pub fn play_inside(program: &OsStr, args: impl IntoIterator<Item = OsString>) -> Result<ExitStatus, Problem> {
    let problem = |why: &io::Error| {
        Problem::new(ExitCode::Usage, format!("start `unshare` for a PC/SC bed: {why}"))
            .hint("install the package `util-linux`")
    };
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let mut child = unshare
        .args([
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .args(["--", "sh", "-c", FIRST_PROCESS, "first-process"])
        .arg(program)
        .args(args)
        .env(INSIDE, "1")
        // The bed's own daemon is where every PC/SC library looks first.
        .env_remove("PCSCLITE_CSOCK_NAME")
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|why| problem(&why))?;
    // `Child::wait` would cut the lifeline.
    let lifeline = child.stdin.take();
    let status = child.wait().map_err(|why| problem(&why))?;
    drop(lifeline);
    if status.code() == Some(FURNISHING_FAILED) {
        let what = "furnish a PC/SC bed: expected `mount` and `ip link set lo up` to work in new namespaces";
        return Err(Problem::new(ExitCode::Usage, what)
            .hint("install the package `iproute2`; in a container, allow user namespaces"));
    }
    Ok(status)
}

/// Plays the test that calls this inside a bed with `readers` readers. Panics if it fails, as a test does. Call it from
/// the function of the test itself, with a closure: that is where the name of the test is taken from.
pub fn test_inside<T: FnOnce(&mut Bed)>(readers: usize, test: T) {
    if is_inside() {
        let mut bed = Bed::make(readers).unwrap_or_else(|problem| panic!("{problem}"));
        test(&mut bed);
        drop(bed);
        #[expect(
            clippy::exit,
            reason = "the harness would also end with 0 if it had found no such test"
        )]
        process::exit(TEST_PASSED);
    }
    // `program::module::test::{{closure}}`
    let closure = type_name::<T>();
    let name = closure.split_once("::").map_or(closure, |(_, name)| name);
    let name = name.trim_end_matches("::{{closure}}");
    let harness = env::current_exe().expect("a test knows its own program");
    let args = ["--exact", name, "--nocapture", "--test-threads", "1"].map(OsString::from);
    let status = play_inside(harness.as_os_str(), args).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(
        status.code(),
        Some(TEST_PASSED),
        "`{name}` inside a bed: {status}"
    );
}
