//! Runs with steps made for the purpose: what is told of a failure and of a broken world, and what the reports hold.

use hsm_rig::cli;
use hsm_rig::gherkin::pickle::Pickle;
use hsm_rig::lane::{ActorEvents, Failure, Mismatch, Played, Skipped};
use hsm_rig::rig::{Ready, Rig};
use hsm_rig::step::{Argument, BlockKind, Registry};
use hsm_rig::terminal::Terminal;
use program::{ExitCode, Problem};
use quick_junit::{NonSuccessKind, Report, TestCaseStatus, XmlString};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::time::Duration;

#[derive(Clone, Copy)]
enum Act {
    Work,
    Differ,
    Break,
}

type Steps = Registry<(), Act>;

fn rig() -> Rig<(), Act> {
    let mut steps = Steps::new();
    steps.define(
        "a world that works",
        "does nothing, well",
        BlockKind::None,
        Act::Work,
    );
    steps.define(
        "the screen shows {string}",
        "it shows `idle`",
        BlockKind::None,
        Act::Differ,
    );
    steps.define("a world that breaks", "panics", BlockKind::None, Act::Break);
    steps.define("{word} and more", "fits too much", BlockKind::None, Act::Work);
    steps.define("less and {word}", "fits too much", BlockKind::None, Act::Work);
    Rig {
        steps,
        play,
        play_recorded: None,
        pcsc: None,
        process: None,
        hardware: None,
    }
}

fn play(pickle: &Pickle, steps: &Steps, seed: sim::Seed) -> Played {
    let mut played = Played {
        failure: None,
        trace: vec![format!("seed {seed}")],
        last_events: Vec::new(),
        lasted: Duration::from_secs(60),
        screens: Vec::new(),
        cuts: 0,
        seen: Vec::new(),
    };
    for (index, step) in pickle.steps.iter().enumerate() {
        let found = steps
            .resolve(&pickle.source, step)
            .unwrap_or_else(|error| panic!("{error}"));
        match (found.definition.handler, &found.arguments[..]) {
            (Act::Work, _) => {}
            (Act::Break, _) => panic!("a mistake of ours"),
            (Act::Differ, [argument]) if argument.value == Argument::String("idle".into()) => {}
            (Act::Differ, [argument]) if argument.value == Argument::String("all".into()) => {
                let mismatch = Mismatch {
                    argument: None,
                    expected: "everything".into(),
                    actual: "a screen:\n  one\n  two \u{1b}[2J".into(),
                };
                played.failure = Some(Failure {
                    step: index,
                    mismatch,
                });
                return played;
            }
            (Act::Differ, _) => {
                let mismatch = Mismatch {
                    argument: Some(0),
                    expected: "another screen".into(),
                    actual: "`idle`".into(),
                };
                played.failure = Some(Failure {
                    step: index,
                    mismatch,
                });
                played.last_events = vec![
                    ActorEvents {
                        actor: "Ana".into(),
                        events: vec!["00:00:01.000 steers \u{1b}[2J and hides \u{202e}".into()],
                    },
                    ActorEvents {
                        actor: "the HSM".into(),
                        events: Vec::new(),
                    },
                ];
                return played;
            }
        }
    }
    played
}

const MIXED: &str = "\
@RM-07
Feature: the screen
  @AU-01
  Scenario: it is idle
    Given a world that works
    Then the screen shows \"idle\"

  @AU-02
  Scenario Outline: it is <what>
    Given a world that works
    Then the screen shows \"<what>\"

    Examples:
      | what |
      | idle |
      | busy |

  @AU-03
  Scenario: it breaks
    Given a world that breaks

  @AU-04
  Scenario: it works after that
    Given a world that works
";

/// What a run left: exit code, standard output, standard error, and its reports in a folder shown as `DIR`.
struct Ran {
    code: ExitCode,
    data: String,
    talk: String,
    folder: tempfile::TempDir,
}

fn run(text: &str, args: &[&str]) -> Ran {
    run_on(&rig(), text, args)
}

fn run_on(rig: &Rig<(), Act>, text: &str, args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    fs::write(at("x.feature"), text).expect("a file can be written");
    let args = args.iter().map(|arg| match arg.strip_prefix("DIR/") {
        Some(name) => at(name),
        None => (*arg).to_owned(),
    });
    let args = std::iter::once("hsm-rig".to_owned())
        .chain(args)
        .map(OsString::from);
    let (mut data, mut talk) = (Vec::new(), Vec::new());
    let code = cli::execute(rig, args, &mut Terminal::new(&mut data, &mut talk));
    let plain = |bytes| {
        let text = String::from_utf8(bytes).expect("it speaks UTF-8");
        text.replace(&*folder.path().to_string_lossy(), "DIR")
    };
    Ran {
        code,
        data: plain(data),
        talk: plain(talk),
        folder,
    }
}

impl Ran {
    fn file(&self, name: &str) -> String {
        let text = fs::read_to_string(self.folder.path().join(name)).expect("it was written");
        text.replace(&*self.folder.path().to_string_lossy(), "DIR")
    }
}

fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// The place of a panic moves with this file, times with the machine, and what is not proved with the catalogue.
fn without_chance(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, instead) in [
        (r"runs\.rs:\d+", "runs.rs:LINE"),
        (r"(?m)^took       \d+\.\d+ s", "took       TIME"),
        (r"(?s)\nnot here   .*", "\nnot here   MANY\n"),
    ] {
        let pattern = regex::Regex::new(pattern).expect("it is right");
        text = pattern.replace_all(&text, instead).into_owned();
    }
    text
}

#[test]
fn failures_and_a_broken_world_are_told_and_the_others_go_on() {
    let ran = run(MIXED, &["run", "DIR/x.feature", "--jobs", "2"]);
    assert_eq!(ran.code, ExitCode::Internal);
    let screen = format!("{}----\n{}", ran.talk, ran.data);
    snapshots().bind(|| insta::assert_snapshot!("failures-and-a-broken-world", without_chance(&screen)));
}

#[test]
fn a_failure_alone_is_no_internal_error_and_says_how_to_repeat_it() {
    let ran = run(MIXED, &["run", "DIR/x.feature", "AU-02", "--seed", "9"]);
    assert_eq!(ran.code, ExitCode::Failed);
    let repeats: Vec<&str> = ran
        .talk
        .lines()
        .filter(|line| line.contains("hsm-rig run"))
        .collect();
    assert_eq!(repeats, ["repeat it: hsm-rig run DIR/x.feature:16 --seed 9"]);
}

#[test]
fn whoever_repeats_a_failure_is_told_the_parts_too() {
    let parts = [
        "--client",
        "py it's.py",
        "--programs",
        "DIR/bin",
        "--hsm",
        "127.0.0.1:4433",
    ];
    let of_device = ["--bench", "http://127.0.0.1:8080", "--fingerprint", "AB:CD"];
    let arguments = [&["run", "DIR/x.feature", "AU-02"][..], &parts, &of_device].concat();
    let ran = run(MIXED, &arguments);
    assert_eq!(ran.code, ExitCode::Failed);
    let line = "repeat it: hsm-rig run DIR/x.feature:16 --programs DIR/bin --client 'py it'\\''s.py' --hsm \
                127.0.0.1:4433 --bench http://127.0.0.1:8080 --fingerprint AB:CD --seed 0\n";
    assert!(ran.talk.contains(line), "{}", ran.talk);
}

/// A lane that plays what works, and nothing else.
#[expect(clippy::unnecessary_wraps, reason = "the form of `Rig::pcsc`")]
fn choosy(_: NonZeroUsize) -> Result<Ready<'static, (), Act>, Problem> {
    Ok(Ready::Here(Box::new(|pickle, steps, seed| {
        if pickle.name.contains("works") {
            Ok(play(pickle, steps, seed))
        } else {
            Err(Skipped("a screen is not to be had here".into()))
        }
    })))
}

#[test]
fn what_a_lane_does_not_play_is_counted_with_its_reason_and_proves_nothing() {
    let rig = Rig {
        pcsc: Some(choosy),
        process: None,
        hardware: None,
        ..rig()
    };
    let args = [
        "run",
        "DIR/x.feature",
        "--lane",
        "pcsc",
        "--junit",
        "DIR/j",
        "--trace",
        "DIR/t",
    ];
    let ran = run_on(&rig, MIXED, &args);
    assert_eq!(ran.code, ExitCode::Passed);
    snapshots().bind(|| insta::assert_snapshot!("skipped", without_chance(&ran.data)));
    let report = Report::deserialize_from_str(&ran.file("j")).expect("it is JUnit");
    let cases = report.test_suites[0].test_cases.iter();
    let skipped = cases.filter(|case| {
        matches!(&case.status, TestCaseStatus::Skipped { message: Some(why), .. } if why.as_str().starts_with("a screen"))
    });
    assert_eq!(skipped.count(), 4);
    let lines = ran.file("t");
    assert_eq!(
        lines
            .matches("= skipped: a screen is not to be had here\n")
            .count(),
        4
    );
}

#[test]
fn a_run_of_nothing_but_skipped_scenarios_is_no_success() {
    let rig = Rig {
        pcsc: Some(choosy),
        process: None,
        hardware: None,
        ..rig()
    };
    let ran = run_on(&rig, MIXED, &["run", "DIR/x.feature", "AU-02", "--lane", "pcsc"]);
    assert_eq!(ran.code, ExitCode::NothingSelected);
    assert!(
        ran.talk.contains("all that were selected are skipped there"),
        "{}",
        ran.talk
    );
}

#[test]
fn a_lane_that_is_elsewhere_ends_the_run_as_it_ended_there() {
    let rig = Rig {
        pcsc: Some(|_| Ok(Ready::Elsewhere(ExitCode::Failed))),
        process: None,
        hardware: None,
        ..rig()
    };
    let ran = run_on(&rig, MIXED, &["run", "DIR/x.feature", "--lane", "pcsc"]);
    assert_eq!((ran.code, ran.data.as_str()), (ExitCode::Failed, ""));
}

#[test]
fn a_lane_has_its_own_number_of_jobs_and_may_not_be_there() {
    let jobs = |jobs| {
        let rig = Rig {
            pcsc: Some(choosy),
            process: None,
            hardware: None,
            ..rig()
        };
        let args = ["run", "DIR/x.feature", "--lane", "pcsc", "--jobs", jobs];
        run_on(&rig, MIXED, &args)
    };
    assert_eq!(jobs("16").code, ExitCode::Passed);
    let ran = jobs("17");
    assert_eq!(ran.code, ExitCode::Usage);
    assert!(ran.talk.contains("expected 1 to 16 jobs, got 17"), "{}", ran.talk);
    let ran = run(MIXED, &["run", "DIR/x.feature", "--lane", "pcsc"]);
    assert_eq!(ran.code, ExitCode::Usage);
    assert!(ran.talk.contains("was built without PC/SC"), "{}", ran.talk);
    assert!(ran.talk.contains("--features hsm-rig/pcsc"), "{}", ran.talk);
}

#[test]
fn a_value_of_several_lines_keeps_its_lines() {
    let text = "Feature: f\n  Scenario: s\n    Then the screen shows \"all\"\n";
    let ran = run(text, &["run", "DIR/x.feature"]);
    snapshots().bind(|| insta::assert_snapshot!("value-of-several-lines", ran.talk));
}

#[test]
fn nothing_but_the_times_depends_on_the_number_of_jobs() {
    let more = (0..50).map(|number| {
        format!(
            "  Scenario: one more, {number}\n    Given a world that works\n    Then the screen shows \"{number}\"\n"
        )
    });
    let many: String = std::iter::once(MIXED.to_owned()).chain(more).collect();
    let args = |jobs| ["run", "DIR/x.feature", "--jobs", jobs, "--seed", "3"];
    let (one, eight) = (run(&many, &args("1")), run(&many, &args("8")));
    assert_eq!(one.talk, eight.talk);
}

#[test]
fn junit_is_well_formed_and_counts_right_also_after_an_internal_error() {
    let ran = run(MIXED, &["run", "DIR/x.feature", "--junit", "DIR/junit.xml"]);
    let report = Report::deserialize_from_str(&ran.file("junit.xml")).expect("it is JUnit");
    assert_eq!((report.tests, report.failures, report.errors), (5, 1, 1));
    let [suite] = &report.test_suites[..] else {
        panic!("one feature, got {}", report.test_suites.len())
    };
    assert_eq!(suite.name.as_str(), "the screen");
    let names: Vec<&str> = suite.test_cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "it is idle",
            "it is idle (row 1)",
            "it is busy (row 2)",
            "it breaks",
            "it works after that"
        ]
    );
    let busy = &suite.test_cases[2];
    assert_eq!(
        busy.classname.as_ref().map(XmlString::as_str),
        Some("DIR/x.feature")
    );
    let requirements: Vec<&str> = busy.properties.iter().map(|it| it.value.as_str()).collect();
    assert_eq!(requirements, ["RM-07", "AU-02"]);
    let TestCaseStatus::NonSuccess {
        kind,
        message,
        description,
        ..
    } = &busy.status
    else {
        panic!("it failed")
    };
    assert_eq!(*kind, NonSuccessKind::Failure);
    assert_eq!(
        message.as_ref().map(XmlString::as_str),
        Some("expected another screen, got `idle`")
    );
    let text = description.as_ref().expect("it is told").as_str();
    assert!(
        text.contains("repeat it: hsm-rig run DIR/x.feature:16 --seed 0"),
        "{text}"
    );
    assert!(!text.contains('\u{202e}'), "{text}");
}

#[test]
fn a_trace_has_a_heading_for_every_scenario_in_order() {
    let ran = run(
        MIXED,
        &["run", "DIR/x.feature", "--trace", "DIR/trace", "--jobs", "8"],
    );
    let trace = ran.file("trace");
    let headings: Vec<&str> = trace.lines().filter(|line| line.starts_with("# ")).collect();
    assert_eq!(
        headings,
        [
            "# DIR/x.feature:4 it is idle",
            "# DIR/x.feature:15 it is idle (row 1)",
            "# DIR/x.feature:16 it is busy (row 2)",
            "# DIR/x.feature:19 it breaks",
            "# DIR/x.feature:23 it works after that",
        ]
    );
    assert_eq!(
        trace.lines().filter(|line| line.starts_with("= passed")).count(),
        3
    );
}

#[test]
fn an_ambiguous_step_is_shown_with_all_that_fit() {
    let text = "Feature: f\n  Scenario: s\n    Given less and more\n";
    let ran = run(text, &["run", "DIR/x.feature"]);
    assert_eq!(ran.code, ExitCode::WrongFile);
    snapshots().bind(|| insta::assert_snapshot!("ambiguous-step", without_chance(&ran.talk)));
}

#[test]
fn whoever_stops_reading_is_no_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let args = ["hsm-rig", "steps"].map(OsString::from);
    let mut talk = Vec::new();
    let code = cli::execute(&rig(), args, &mut Terminal::new(Closed, &mut talk));
    assert_eq!((code, talk.as_slice()), (ExitCode::Passed, &b""[..]));
}
