//! `hsm-rig run`: select, check, play, report. The order of the failures and every report but the times is the same
//! whatever the number of jobs.

use super::compare::compare;
use super::{Selectors, all_diagnostics, refuse_files};
use crate::catalogue::Catalogue;
use crate::lane::Lane;
use crate::lane::hardware;
use crate::lane::process::{DeviceThere, Settings};
use crate::report::file::ReportFile;
use crate::report::summary::{self, Run};
use crate::report::{Result as Played, cast, failure, junit, trace};
use crate::rig::{Ending, Outcome, PlaySimulated, Ready, Rig};
use crate::selection::select;
use crate::suite::Scenario;
use crate::terminal::Terminal;
use clap::Args;
use program::ExitCode;
use program::Problem;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Most worlds at a time.
pub(super) const JOBS_MAX: usize = 256;

/// Most scenarios at a time in lane `pcsc`: each has a reader of its own.
const PCSC_JOBS_MAX: usize = 16;

/// How often the status line changes at most.
const STATUS_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Debug, Default, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    selectors: Selectors,
    /// Where to play: `process` with the real programs, `pcsc` what is about a card in a reader of its own; what a lane
    /// cannot do is skipped
    #[arg(long, value_enum, default_value_t)]
    lane: Lane,
    /// Play in two lanes, such as `sim,process`, and tell every scenario and step that differs
    #[arg(long, value_name = "LANE,LANE", value_enum, value_delimiter = ',',
        conflicts_with_all = ["lane", "junit", "trace", "cast"])]
    compare: Option<Vec<Lane>>,
    /// Where all chance comes from, 0 to 18446744073709551615; the same seed plays the same run
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) seed: sim::Seed,
    /// How many scenarios to play at a time, 1 to 256; as many as the machine has cores if not given. Lane
    /// `pcsc` has 16 readers, and uses all of them if not told otherwise
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// Lane `process`: where the programs are, if not beside this one
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Lane `process`: the client at every station, with its arguments, instead of `hsm-client station`; it speaks the
    /// contract of docs/client-contract.md
    #[arg(long, value_name = "COMMAND")]
    client: Option<String>,
    /// Lane `process`: play with the device that listens here, instead of starting one for each scenario
    ///
    /// The token of its bench is taken from the variable `HSM_BENCH_TOKEN`, since others can read an argument. Lane
    /// `hardware`: `tcp:ADDR:PORT`, the real device, which the rig file names.
    #[arg(long, value_name = "ADDR:PORT", value_parser = HsmAddress::parse)]
    hsm: Option<HsmAddress>,
    /// Lane `hardware`: the file that names the cards and the device that may be written to; see docs/hardware.md
    #[arg(long, value_name = "FILE")]
    rig: Option<PathBuf>,
    /// Lane `hardware`: `pcsc:READER`, the reader of PC/SC that real cards are put into, by its name or the begin of it
    #[arg(long, value_name = "pcsc:READER", value_parser = parse_card)]
    card: Option<String>,
    /// Lane `hardware`: the word without which nothing real is written to
    #[arg(long)]
    dangerous: bool,
    /// Lane `process`: the bench of that device, as in its ready-file; its clock is a manual one
    #[arg(long, value_name = "URL", requires = "hsm")]
    bench: Option<String>,
    /// Lane `process`: the SHA-256 fingerprint of that device
    #[arg(long, value_name = "FP", requires = "hsm")]
    fingerprint: Option<String>,
    /// Write the results as `JUnit` XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write everything that happened in every scenario, with instants
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Write what the console shows in each scenario into this folder, in virtual time, as asciicasts
    #[arg(long, value_name = "DIR")]
    cast: Option<PathBuf>,
}

impl RunArgs {
    /// What it takes to play one of the scenarios again.
    fn again(&self) -> failure::Again {
        let mut parts = Vec::new();
        let path = |path: &PathBuf| path.display().to_string();
        let hsm = self.hsm.as_ref().map(ToString::to_string);
        let card = self.card.as_ref().map(|reader| format!("pcsc:{reader}"));
        for (argument, value) in [
            ("--programs", self.programs.as_ref().map(path)),
            ("--client", self.client.clone()),
            ("--hsm", hsm),
            ("--bench", self.bench.clone()),
            ("--fingerprint", self.fingerprint.clone()),
            ("--rig", self.rig.as_ref().map(path)),
            ("--card", card),
        ] {
            parts.extend(value.into_iter().flat_map(|value| [argument.to_owned(), value]));
        }
        parts.extend(self.dangerous.then(|| "--dangerous".to_owned()));
        failure::Again {
            lane: self.lane,
            seed: self.seed,
            parts,
        }
    }
}

/// Where a device listens that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HsmAddress {
    /// `ADDR:PORT`, one of ours, with a bench.
    OfRig(SocketAddr),
    /// `tcp:ADDR:PORT`, a real one.
    Real(SocketAddr),
}

impl fmt::Display for HsmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfRig(address) => write!(f, "{address}"),
            Self::Real(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl HsmAddress {
    fn parse(text: &str) -> Result<Self, String> {
        let (address, is_real) = match text.strip_prefix("tcp:") {
            Some(address) => (address, true),
            None => (text, false),
        };
        let address = address
            .parse()
            .map_err(|_| format!("expected `ADDR:PORT` or `tcp:ADDR:PORT`, got `{text}`"))?;
        Ok(if is_real {
            Self::Real(address)
        } else {
            Self::OfRig(address)
        })
    }
}

fn parse_card(text: &str) -> Result<String, String> {
    let reader = text.strip_prefix("pcsc:").filter(|reader| !reader.is_empty());
    reader
        .map(str::to_owned)
        .ok_or_else(|| format!("expected `pcsc:` and the name of a reader, got `{text}`"))
}

fn parse_jobs(text: &str) -> Result<NonZeroUsize, String> {
    let jobs = text
        .parse()
        .ok()
        .filter(|jobs: &NonZeroUsize| jobs.get() <= JOBS_MAX);
    jobs.ok_or_else(|| format!("expected a whole number from 1 to {JOBS_MAX}, got `{text}`"))
}

pub(super) fn run<V, H: Sync>(
    rig: &Rig<V, H>,
    args: &RunArgs,
    terminal: &mut Terminal<'_>,
) -> Result<ExitCode, Problem> {
    if args.junit.is_some() && args.junit == args.trace {
        let what = "write reports: expected two files, got the same for `--junit` and `--trace`";
        return Err(Problem::new(ExitCode::Usage, what));
    }
    let catalogue = Catalogue::built_in();
    let selection = select(&args.selectors.selectors, catalogue)?;
    let diagnostics = all_diagnostics(rig, &selection);
    if !diagnostics.is_empty() {
        let code = refuse_files(&diagnostics, terminal);
        terminal.talk("nothing was played\n");
        return Ok(code);
    }
    let jobs = args.jobs.unwrap_or_else(|| {
        if args.hsm.is_some() || args.lane == Lane::Hardware {
            return NonZeroUsize::MIN;
        }
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let most = match args.lane {
            Lane::Sim | Lane::Process => cores.get().min(JOBS_MAX),
            // They wait for the daemon, not for a core.
            Lane::Pcsc => PCSC_JOBS_MAX.min(selection.scenarios.len()),
            // A person has two hands.
            Lane::Hardware => 1,
        };
        NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN)
    });
    check_parts(args, jobs)?;
    if let Some(lanes) = &args.compare {
        return compare(rig, args, lanes, &selection.scenarios, jobs, terminal);
    }
    let record = hardware::Record::default();
    let ready = match args.lane {
        Lane::Hardware => make_hardware_ready(rig, args, &selection.scenarios, &record),
        lane @ (Lane::Sim | Lane::Pcsc | Lane::Process) => make_ready(rig, args, lane, jobs),
    };
    let play = match ready? {
        Ready::Here(play) => play,
        Ready::Elsewhere(code) => return Ok(code),
    };
    // A report that cannot be written is better known before the run than after it.
    let junit_file = args.junit.as_deref().map(ReportFile::create).transpose()?;
    let trace_file = args.trace.as_deref().map(ReportFile::create).transpose()?;

    let started = Instant::now();
    let mut progress = Progress::new(&selection.scenarios, args.again());
    let outcomes = rig.play_all(&*play, &selection.scenarios, args.seed, jobs, |index, outcome| {
        progress.on_outcome(rig, index, outcome, terminal);
    });
    terminal.clear_status();
    let failures = progress.failures;
    let took = started.elapsed();

    let results = selection.scenarios.iter().zip(&outcomes).zip(&failures);
    let results = results.map(|((scenario, outcome), failure)| Played {
        scenario,
        outcome,
        failure: failure.as_deref(),
    });
    let results: Vec<Played<'_>> = results.collect();
    let parts = record.parts();
    let run = Run {
        lane: args.lane,
        seed: args.seed,
        jobs,
        took,
        is_built_in_suite: selection.is_built_in_suite,
        parts: &parts,
    };
    // Every report gets its chance; the first that cannot be written is told.
    let text = summary::write(&results, &run, catalogue, terminal.data_style());
    let mut code = exit_code(&outcomes);
    let reports = [
        terminal.data(&text).map_err(Problem::from),
        junit_file.map_or(Ok(()), |file| {
            file.finish(&junit::write(&results, (args.lane, args.seed), &parts))
        }),
        trace_file.map_or(Ok(()), |file| file.finish(&trace::write(&results, args.seed))),
    ];
    if let Some(problem) = record.ended() {
        terminal.talk_error(&problem.to_string());
        code = code.max(problem.exit_code);
    } else if outcomes
        .iter()
        .all(|outcome| matches!(outcome.ending, Ending::Skipped(_)))
    {
        let what = format!(
            "play scenarios in lane `{}`: all that were selected are skipped there",
            args.lane
        );
        terminal.talk_error(&Problem::new(ExitCode::NothingSelected, what).to_string());
        code = code.max(ExitCode::NothingSelected);
    }
    let casts = args
        .cast
        .as_deref()
        .map_or(Ok(()), |folder| write_casts(&results, folder));
    for problem in reports.into_iter().chain([casts]).filter_map(Result::err) {
        terminal.talk_error(&problem.to_string());
        code = code.max(problem.exit_code);
    }
    Ok(code)
}

/// Who plays and keeps what the console shows. The folder is made before anything is played.
fn recorder<V, H>(rig: &Rig<V, H>, lane: Lane, folder: &Path) -> Result<PlaySimulated<V, H>, Problem> {
    let no_console = || {
        let what = format!("write casts of consoles: lane `{lane}` has none");
        Problem::new(ExitCode::Usage, what).hint("leave out `--lane`, or `--cast`")
    };
    let play = rig
        .play_recorded
        .filter(|_| lane == Lane::Sim)
        .ok_or_else(no_console)?;
    fs::create_dir_all(folder).map_err(|error| Problem::io("make folder", folder, &error))?;
    Ok(play)
}

/// A file for each scenario that shows a console.
fn write_casts(results: &[Played<'_>], folder: &Path) -> Result<(), Problem> {
    let mut names = HashSet::new();
    for result in results {
        let Some(text) = cast::write(result) else {
            continue;
        };
        let mut name = cast::file_name(&result.scenario.place());
        // Two places may be the same in plain characters.
        while !names.insert(name.clone()) {
            name = format!("again-{name}");
        }
        ReportFile::create(&folder.join(name))?.finish(&text)?;
    }
    Ok(())
}

/// Makes a lane ready for so many scenarios at a time.
pub(super) fn make_ready<'r, V, H: Sync>(
    rig: &'r Rig<V, H>,
    args: &RunArgs,
    lane: Lane,
    jobs: NonZeroUsize,
) -> Result<Ready<'r, V, H>, Problem> {
    let play_in_sim = match &args.cast {
        None => rig.play,
        Some(folder) => recorder(rig, lane, folder)?,
    };
    match lane {
        Lane::Sim => Ok(Ready::Here(Box::new(move |pickle, steps, seed| {
            Ok(play_in_sim(pickle, steps, seed))
        }))),
        Lane::Pcsc => make_pcsc_ready(rig, jobs),
        Lane::Process if args.hsm.is_some() && jobs > NonZeroUsize::MIN => {
            let what = format!("play with a device that is there: expected 1 job, got {jobs}");
            Err(Problem::new(ExitCode::Usage, what).hint("one device plays one scenario at a time"))
        }
        Lane::Process => make_process_ready(rig, args),
        Lane::Hardware => {
            let what = "compare lanes: lane `hardware` cannot be compared with another";
            Err(Problem::new(ExitCode::Usage, what).hint("name `sim` and `process`"))
        }
    }
}

/// What belongs to one lane alone is refused in the others, before anything is looked for.
fn check_parts(args: &RunArgs, jobs: NonZeroUsize) -> Result<(), Problem> {
    let usage = |what: &str, hint: &str| Err(Problem::new(ExitCode::Usage, what).hint(hint));
    let is_hardware = args.lane == Lane::Hardware && args.compare.is_none();
    if !is_hardware && (args.rig.is_some() || args.card.is_some() || args.dangerous) {
        let what = "play scenarios: `--rig`, `--card` and `--dangerous` are for real parts";
        return usage(what, "add `--lane hardware`, or leave them out");
    }
    match args.hsm {
        Some(HsmAddress::Real(_)) if !is_hardware => usage(
            "play scenarios: `--hsm tcp:ADDR:PORT` is a real device",
            "add `--lane hardware`, or name one of the rig without `tcp:`",
        ),
        Some(HsmAddress::OfRig(_)) if is_hardware => usage(
            "play with real parts: expected `--hsm tcp:ADDR:PORT`, got one without `tcp:`",
            "a device with a bench is for lane `process`",
        ),
        Some(HsmAddress::OfRig(_)) if args.bench.is_none() || args.fingerprint.is_none() => usage(
            "play with a device that is there: expected `--bench` and `--fingerprint` with `--hsm`",
            "its ready-file has both",
        ),
        _ if is_hardware && jobs > NonZeroUsize::MIN => usage(
            "play with real parts: expected 1 job",
            "one person plays one scenario after the other",
        ),
        Some(_) | None => Ok(()),
    }
}

fn make_hardware_ready<V, H>(
    rig: &Rig<V, H>,
    args: &RunArgs,
    scenarios: &[Scenario],
    record: &hardware::Record,
) -> Result<Ready<'static, V, H>, Problem> {
    let doing = "play scenarios in lane `hardware`";
    let make_ready = rig.hardware.ok_or_else(|| {
        let what = format!("{doing}: this `hsm-rig` was built without PC/SC");
        Problem::new(ExitCode::Usage, what)
            .hint("`cargo build -p hsm-rig --features pcsc` builds one that can")
    })?;
    if args.cast.is_some() {
        let what = format!("{doing}: it has no console to write casts of");
        return Err(Problem::new(ExitCode::Usage, what).hint("leave out `--cast`"));
    }
    let Some(file) = &args.rig else {
        let what = format!("{doing}: expected the file that names what may be written to, got none");
        return Err(Problem::new(ExitCode::Usage, what)
            .hint("`--rig FILE` names it; docs/hardware.md says what stands in it"));
    };
    let settings = hardware::Settings {
        rig: file.clone(),
        is_dangerous: args.dangerous,
        card: args.card.clone(),
        device: match args.hsm {
            Some(HsmAddress::Real(address)) => Some(address),
            Some(HsmAddress::OfRig(_)) | None => None,
        },
        programs: args.programs.clone(),
        record: record.clone(),
    };
    make_ready(&settings, scenarios, &rig.steps)
}

fn make_pcsc_ready<V, H>(rig: &Rig<V, H>, jobs: NonZeroUsize) -> Result<Ready<'static, V, H>, Problem> {
    if jobs.get() > PCSC_JOBS_MAX {
        let what = format!("play scenarios in lane `pcsc`: expected 1 to {PCSC_JOBS_MAX} jobs, got {jobs}");
        return Err(Problem::new(ExitCode::Usage, what)
            .hint("every job has a reader of its own, and the stock daemon has no more"));
    }
    let make_ready = rig.pcsc.ok_or_else(|| {
        let what = "play scenarios in lane `pcsc`: this `hsm-rig` was built without PC/SC";
        Problem::new(ExitCode::Usage, what)
            .hint("`cargo build -p hsm-rig -p virtual-card --features hsm-rig/pcsc` builds one that can")
    })?;
    make_ready(jobs)
}

fn make_process_ready<V, H>(rig: &Rig<V, H>, args: &RunArgs) -> Result<Ready<'static, V, H>, Problem> {
    let make_ready = rig.process.ok_or_else(|| {
        let what = "play scenarios in lane `process`: there are no programs here";
        Problem::new(ExitCode::Usage, what)
    })?;
    let client = args.client.iter().flat_map(|command| command.split_whitespace());
    make_ready(&Settings {
        programs: args.programs.clone(),
        client: client.map(Into::into).collect(),
        there: args.hsm.map(
            |(HsmAddress::OfRig(address) | HsmAddress::Real(address))| DeviceThere {
                address,
                fingerprint: args.fingerprint.clone().unwrap_or_default(),
                bench_url: args.bench.clone().unwrap_or_default(),
                bench_token: std::env::var("HSM_BENCH_TOKEN").unwrap_or_default(),
            },
        ),
        is_compared: args.compare.is_some(),
    })
}

fn exit_code(outcomes: &[Outcome]) -> ExitCode {
    let codes = outcomes.iter().map(|outcome| match &outcome.ending {
        Ending::Panicked(_) => ExitCode::Internal,
        Ending::Played(played) if played.failure.is_some() => ExitCode::Failed,
        Ending::Played(_) | Ending::Skipped(_) => ExitCode::Passed,
    });
    codes.max().unwrap_or(ExitCode::Passed)
}

/// Tells failures as they come, in the order of the scenarios, and keeps the status line.
struct Progress<'s> {
    scenarios: &'s [Scenario],
    /// What repeats it.
    again: failure::Again,
    /// What came of those whose turn to be told has not come, by their place among the scenarios.
    waiting: BTreeMap<usize, Option<String>>,
    /// The failure, if it is one, of each that was told: all before the first that is still being played.
    failures: Vec<Option<String>>,
    played: usize,
    failed: usize,
    status_at: Option<Instant>,
}

impl<'s> Progress<'s> {
    fn new(scenarios: &'s [Scenario], again: failure::Again) -> Self {
        Self {
            scenarios,
            again,
            waiting: BTreeMap::new(),
            failures: Vec::with_capacity(scenarios.len()),
            played: 0,
            failed: 0,
            status_at: None,
        }
    }

    fn on_outcome<V, H: Sync>(
        &mut self,
        rig: &Rig<V, H>,
        index: usize,
        outcome: &Outcome,
        terminal: &mut Terminal<'_>,
    ) {
        let failure = failure::tell(rig, &self.scenarios[index], outcome, &self.again);
        self.played += 1;
        self.failed += usize::from(failure.is_some());
        self.waiting.insert(index, failure);
        while let Some(failure) = self.waiting.remove(&self.failures.len()) {
            if let Some(text) = &failure {
                terminal.talk_error(&format!("{text}\n"));
            }
            self.failures.push(failure);
        }
        if terminal.is_live() && self.status_at.is_none_or(|at| at.elapsed() >= STATUS_INTERVAL) {
            let (played, all, failed) = (self.played, self.scenarios.len(), self.failed);
            terminal.status(&format!("played {played} of {all}, {failed} failed"));
            self.status_at = Some(Instant::now());
        }
    }
}
