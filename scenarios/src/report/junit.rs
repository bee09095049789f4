//! A run as `JUnit` XML: a test suite for each feature file, a test case for each scenario, its requirements as
//! properties. Source of the form: what Jenkins and GitLab read, which `quick-junit` writes.

use super::Result;
use crate::lane::{Lane, Skipped};
use crate::rig::Ending;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

/// The whole document.
pub fn write(results: &[Result<'_>], (lane, seed): (Lane, sim::Seed), parts: &[String]) -> String {
    let mut report = Report::new("hsm-rig");
    for of_file in results.chunk_by(|one, next| path(one) == path(next)) {
        let mut suite = TestSuite::new(of_file[0].scenario.pickle.feature.as_str());
        suite.add_property(Property::new("lane", lane.to_string()));
        suite.add_property(Property::new("seed", seed.to_string()));
        for part in parts {
            suite.add_property(Property::new("part", part.as_str()));
        }
        suite.add_test_cases(of_file.iter().map(test_case));
        suite.set_time(of_file.iter().map(|result| result.outcome.took).sum());
        report.add_test_suite(suite);
    }
    report.set_time(results.iter().map(|result| result.outcome.took).sum());
    report.to_string().expect("a String takes everything")
}

fn path<'a>(result: &Result<'a>) -> &'a str {
    result.scenario.pickle.source.path()
}

fn test_case(result: &Result<'_>) -> TestCase {
    let status = match &result.outcome.ending {
        Ending::Played(played) => match &played.failure {
            None => TestCaseStatus::success(),
            Some(failure) => {
                let mismatch = &failure.mismatch;
                let message = format!("expected {}, got {}", mismatch.expected, mismatch.actual);
                not_passed(NonSuccessKind::Failure, message, result.failure)
            }
        },
        Ending::Skipped(Skipped(why)) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(why.as_str());
            status
        }
        Ending::Panicked(panic) => {
            let message = format!("internal error: {panic}");
            not_passed(NonSuccessKind::Error, message, result.failure)
        }
    };
    let mut case = TestCase::new(result.scenario.title(), status);
    case.set_classname(path(result)).set_time(result.outcome.took);
    let requirements = result.scenario.requirements();
    case.add_properties(requirements.map(|id| Property::new("requirement", id)));
    case
}

fn not_passed(kind: NonSuccessKind, message: String, text: Option<&str>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    status.set_description(text.unwrap_or_default());
    status
}
