//! For tests: gives a target bytes that were changed at random, keeps those that showed something new, and looks at the
//! memory. Knows no target and needs no instrumented compiler: what is new, the target says itself.
//!
//! Environment of a run: `FUZZ_SECONDS` runs for a time instead of for [`INPUTS`] inputs, `FUZZ_SEED` is another
//! chance than 0, and `FUZZ_KEEP=1` writes the corpus anew with what was found. `ci/fuzz` sets the first.
//!
//! ```
//! use fuzz::{Features, Fuzz};
//!
//! # let folder = tempfile::tempdir()?;
//! let fuzz = Fuzz { name: "example", corpus: folder.path().into(), tokens: &[b"magic"], input_bytes_max: 64 };
//! let report = fuzz.run(|input: &[u8], features: &mut Features| {
//!     features.saw(input.len());
//!     features.saw(("begins with the word", input.starts_with(b"magic")));
//! })?;
//! assert!(report.inputs >= fuzz::INPUTS);
//! # Ok::<(), std::io::Error>(())
//! ```

mod corpus;
mod memory;
mod mutate;

use std::{
    collections::BTreeSet,
    env, fmt,
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher as _},
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    time::{Duration, Instant},
};

pub use corpus::CORPUS_FILES_MAX;
pub use memory::GROWTH_BYTES_MAX;
use mutate::Mutator;

/// Inputs of a run without `FUZZ_SECONDS`.
pub const INPUTS: u64 = 20_000;
/// Inputs after which the memory is looked at for the first time: by then everything that is made once is there.
const WARM_UP_INPUTS: u64 = INPUTS / 2;
/// Inputs between two looks at the clock.
const INPUTS_PER_LOOK: u64 = 256;

/// What to run.
pub struct Fuzz<'a> {
    /// For messages.
    pub name: &'a str,
    /// The folder of the kept inputs; it may be missing.
    pub corpus: PathBuf,
    /// Pieces that chance would hardly find.
    pub tokens: &'a [&'a [u8]],
    /// The longest input.
    pub input_bytes_max: usize,
}

/// What a target saw while it worked on one input. An input that shows something for the first time is kept.
#[derive(Default)]
pub struct Features(BTreeSet<u64>);

impl Features {
    /// Something that the target saw, such as a command with its status word. Keep them few: a feature that is
    /// different for every input keeps every input.
    pub fn saw(&mut self, what: impl Hash) {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        self.0.insert(hasher.finish());
    }
}

/// What came of a run.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Inputs that the target was given.
    pub inputs: u64,
    /// Inputs that are kept, those of the folder included.
    pub kept: usize,
    /// Different things that were seen.
    pub features: usize,
    /// Bytes of resident memory after the first inputs and at the end; `None` where the system does not tell.
    pub memory: Option<(u64, u64)>,
    /// How long it took.
    pub took: Duration,
}

impl Fuzz<'_> {
    /// Gives the target the corpus and then changed inputs. A panic of the target goes on after its input was shown
    /// in hexadecimal; memory that grows by more than [`GROWTH_BYTES_MAX`] is a panic too.
    pub fn run(&self, mut target: impl FnMut(&[u8], &mut Features)) -> io::Result<Report> {
        let begin = Instant::now();
        let limit = seconds("FUZZ_SECONDS")?.map(Duration::from_secs);
        let mut mutator = Mutator::new(seconds("FUZZ_SEED")?.unwrap_or(0));
        let mut seen: BTreeSet<u64> = BTreeSet::new();
        let mut pool = Vec::new();
        let mut try_one = |input: &[u8]| {
            let mut features = Features::default();
            let outcome = catch_unwind(AssertUnwindSafe(|| target(input, &mut features)));
            if let Err(panic) = outcome {
                self.show_breaking(input);
                resume_unwind(panic);
            }
            let before = seen.len();
            seen.extend(&features.0);
            (seen.len() > before, seen.len(), features.0)
        };

        let mut features = 0;
        // What each input of the pool showed.
        let mut shown = Vec::new();
        for input in corpus::load(&self.corpus, self.input_bytes_max)? {
            let (_, features_now, shown_now) = try_one(&input);
            features = features_now;
            shown.push(shown_now);
            pool.push(input);
        }
        let mut inputs = u64::try_from(pool.len()).unwrap_or(u64::MAX);
        let mut memory_before = None;
        let mut is_over = false;
        let mut rounds = 0_u64;
        while !is_over {
            let input = mutator.next(&pool, self.tokens, self.input_bytes_max);
            let (is_new, features_now, shown_now) = try_one(&input);
            features = features_now;
            // A full pool takes no more: what is seen later is counted and not kept.
            if is_new && pool.len() < CORPUS_FILES_MAX {
                shown.push(shown_now);
                pool.push(input);
            }
            inputs += 1;
            rounds += 1;
            if rounds == WARM_UP_INPUTS {
                memory_before = memory::resident_bytes();
            }
            is_over = match limit {
                None => rounds >= INPUTS,
                Some(limit) => {
                    rounds.is_multiple_of(INPUTS_PER_LOOK) && rounds >= INPUTS && begin.elapsed() >= limit
                }
            };
        }
        let memory = memory_before.zip(memory::resident_bytes());
        if env::var_os("FUZZ_KEEP").is_some() {
            corpus::save(&self.corpus, &corpus::needed(&pool, &shown))?;
        }
        let report = Report {
            inputs,
            kept: pool.len(),
            features,
            memory,
            took: begin.elapsed(),
        };
        if let Some((before, after)) = memory {
            assert!(
                after <= before + GROWTH_BYTES_MAX,
                "{}: expected at most {GROWTH_BYTES_MAX} bytes more of memory, got {report}",
                self.name
            );
        }
        Ok(report)
    }

    /// Shows the input; the panic's own message comes beside it.
    fn show_breaking(&self, input: &[u8]) {
        let mut hex = String::with_capacity(input.len() * 2);
        for byte in input {
            write!(hex, "{byte:02x}").expect("a String takes everything");
        }
        let message = format!(
            "{}: an input of {} bytes broke it: {hex}\n",
            self.name,
            input.len()
        );
        // Nobody is left to tell if this fails.
        let _ = io::Write::write_all(&mut io::stderr(), message.as_bytes());
    }
}

fn seconds(name: &str) -> io::Result<Option<u64>> {
    let Some(text) = env::var_os(name) else {
        return Ok(None);
    };
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("read `{name}`: expected a whole number, got {}", text.display()),
        )
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            inputs,
            kept,
            features,
            memory,
            took,
        } = self;
        write!(
            f,
            "{inputs} inputs in {took:.1?}, {features} features, {kept} inputs kept, memory "
        )?;
        match memory {
            Some((before, after)) => write!(f, "{before} bytes and at the end {after}"),
            None => f.write_str("not known"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fuzz(corpus: PathBuf) -> Fuzz<'static> {
        Fuzz {
            name: "test",
            corpus,
            tokens: &[b"door"],
            input_bytes_max: 32,
        }
    }

    #[test]
    fn inputs_that_show_something_new_lead_to_others() {
        let folder = tempfile::tempdir().expect("the test may write its folder");
        let mut has_opened = false;
        let report = fuzz(folder.path().into()).run(|input, features| {
            assert!(input.len() <= 32);
            // Two steps: the second is reached from an input that did the first.
            let first = input.starts_with(b"door");
            features.saw(first);
            has_opened |= first && input[4..].starts_with(b"door");
        });
        let report = report.expect("the test may write its folder");
        assert!(has_opened && report.features == 2, "{report}");
    }

    #[test]
    fn the_same_seed_tries_the_same_inputs() {
        let folder = tempfile::tempdir().expect("the test may write its folder");
        let inputs = || {
            let mut digest = DefaultHasher::new();
            let run = fuzz(folder.path().into()).run(|input, features| {
                input.hash(&mut digest);
                features.saw(input.len());
            });
            run.expect("the test may write its folder");
            digest.finish()
        };
        assert_eq!(inputs(), inputs());
    }

    #[test]
    #[should_panic(expected = "the target broke")]
    fn a_target_that_panics_is_not_forgiven() {
        let folder = tempfile::tempdir().expect("the test may write its folder");
        let _ = fuzz(folder.path().into()).run(|input, _| assert!(input.len() < 8, "the target broke"));
    }

    #[test]
    #[should_panic(expected = "bytes more of memory")]
    fn a_target_that_keeps_memory_is_found() {
        let folder = tempfile::tempdir().expect("the test may write its folder");
        let mut kept = Vec::new();
        let each = usize::try_from(4 * GROWTH_BYTES_MAX / INPUTS).expect("a few kilobytes");
        let _ = fuzz(folder.path().into()).run(|_, _| kept.push(vec![1_u8; each]));
    }
}
