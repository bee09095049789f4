//! The folder of one run, and who removes it: a second `hsm-rig` that waits for the end of the first, however that one
//! ends. Knows nothing of what lies in the folder.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use program::{ExitCode, Problem};

/// Turns in which the guard tries to remove the folder, while programs in it are still ending: two minutes of them.
const TURNS_MAX: u32 = 2_400;
/// The pause between two turns.
const TURN: Duration = Duration::from_millis(50);

/// A folder that is gone when this is dropped, or when this program is killed.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    guard: Child,
}

impl RunFolder {
    pub(super) fn make() -> Result<Self, Problem> {
        let failed = |why: &dyn ToString| {
            let what = format!("make a folder for the run: {}", why.to_string());
            Problem::new(ExitCode::InputOutput, what)
        };
        let own = env::current_exe().map_err(|why| failed(&why))?;
        let mut guard = Command::new(own)
            .arg("guard")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for those in the foreground, and this one goes last.
            .process_group(0)
            .spawn()
            .map_err(|why| failed(&why))?;
        let mut line = String::new();
        let told = guard
            .stdout
            .take()
            .map(|told| BufReader::new(told).read_line(&mut line));
        match told {
            Some(Ok(_)) if line.ends_with('\n') => {}
            _ => return Err(failed(&"its guard did not start")),
        }
        line.pop();
        let path = PathBuf::from(line);
        Ok(Self { path, guard })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // It has nothing else to do any more.
        let _ = self.guard.wait();
    }
}

/// `hsm-rig guard`: makes a folder, says where, and removes it when standard input ends.
pub fn guard() -> Result<(), Problem> {
    let failed = |what: &str, why: &io::Error| Problem::new(ExitCode::InputOutput, format!("{what}: {why}"));
    let folder = tempfile::Builder::new()
        .prefix("hsm-rig-")
        .tempdir()
        .map_err(|why| failed("make a folder for the run", &why))?
        .keep();
    let mut output = io::stdout().lock();
    let said = writeln!(output, "{}", folder.display()).and_then(|()| output.flush());
    if said.is_ok() {
        // Input that cannot be read has ended, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    }
    for _ in 1..TURNS_MAX {
        match std::fs::remove_dir_all(&folder) {
            Ok(()) => return Ok(()),
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
            // Somebody who is ending has written once more.
            Err(_) => thread::sleep(TURN),
        }
    }
    std::fs::remove_dir_all(&folder).map_err(|why| failed("remove the folder of the run", &why))
}
