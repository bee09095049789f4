//! How long a device takes to accept after it was killed in the middle of its work: one whose database is full, beside
//! one without an object. The first start after the kill is measured, which repairs what the kill left behind.

use std::{
    fs, io,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use hsm_client::{TlsClientConfig, Trust};
use rand_core::Rng as _;
use sim::Seed;

use super::{Demo, Pair, Server, Talk, free_port, table};

const ROUNDS: usize = 20;
const OBJECTS: usize = 100_000;
const OBJECT_BYTES: usize = 256;
/// The kill comes this long after the load began, at most.
const MOMENT_MS_MAX: u32 = 400;
const CUSTODIANS: [&str; 3] = ["ana", "bruno", "carla"];

/// The table; goals are nobody's yet.
pub(super) fn table_of(demo: &Demo) -> io::Result<String> {
    let full = full(demo)?;
    let mut rng = Seed(0).rng_for("openings");
    let (mut openings, mut memory) = (Pair::default(), Pair::default());
    let mut operations = 0;
    for _ in 0..ROUNDS {
        for (demo, objects, times, sizes) in [
            (&full, OBJECTS, &mut openings.ours, &mut memory.ours),
            (demo, 0, &mut openings.beside, &mut memory.beside),
        ] {
            let server = demo.start()?;
            let moment = Duration::from_millis((rng.next_u32() % MOMENT_MS_MAX).into());
            operations += killed_during_load(demo, server, moment)?;
            let port = free_port()?;
            let begin = Instant::now();
            let server = demo.start_on(port)?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
            sizes.push(server.resident_mib()?);
            check_objects(&server, objects)?;
        }
    }
    let mut text = table()?;
    openings.row(
        &mut text,
        &format!(
            "kill -9 during load to accepting again, ms, {OBJECTS} objects of {OBJECT_BYTES} bytes beside none, \
             {ROUNDS} rounds, {operations} operations before the kills"
        ),
        "–",
        |ms| format!("{ms:.1}"),
    );
    memory.row(&mut text, "resident memory then, MiB", "–", |mib| {
        format!("{mib:.1}")
    });
    Ok(text)
}

/// The demo's device with a database of that many objects, by an export that was filled, and its cards.
fn full(demo: &Demo) -> io::Result<Demo> {
    let full = Demo {
        folder: demo.folder.with_file_name("full"),
        programs: demo.programs.clone(),
    };
    fs::create_dir_all(full.folder.join("cards"))?;
    for custodian in CUSTODIANS {
        let card = format!("cards/{custodian}.card");
        fs::copy(demo.folder.join(&card), full.folder.join(&card))?;
    }
    let run = |arguments: &[&str], state: &Demo| -> io::Result<Vec<u8>> {
        let output = Command::new(demo.programs.join("hsm-emulator"))
            .args(["state"])
            .args(arguments)
            .arg("--state")
            .arg(state.folder.join("state"))
            .output()?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(io::Error::other(
                String::from_utf8_lossy(&output.stderr).into_owned(),
            ))
        }
    };
    let mut export: serde_json::Value = serde_json::from_slice(&run(&["export"], demo)?)?;
    let mut rng = Seed(0).rng_for("objects");
    let objects = (0..OBJECTS).map(|_| {
        let (mut id, mut sealed) = ([0; 32], [0; OBJECT_BYTES]);
        rng.fill_bytes(&mut id);
        rng.fill_bytes(&mut sealed);
        serde_json::json!({"id": apdu::hex::encode(&id), "sealed": apdu::hex::encode(&sealed)})
    });
    export["objects"] = objects.collect();
    let file = full.folder.join("export.json");
    fs::write(&file, export.to_string())?;
    run(&["import", &file.to_string_lossy()], &full)?;
    Ok(full)
}

/// Custodians let the administrator unlock `master`, again and again, which is a durable write each time; the device is
/// killed at this moment. Gives how many operations were done before.
fn killed_during_load(demo: &Demo, server: Server, moment: Duration) -> io::Result<usize> {
    let is_over = AtomicBool::new(false);
    let address = server.address;
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut done = 0;
            for custodian in CUSTODIANS.iter().cycle() {
                if is_over.load(Ordering::Relaxed) {
                    return Ok(done);
                }
                done += usize::from(unlock(demo, address, custodian)?);
            }
            Ok(done)
        });
        // The moment counts from here; the load is on its way.
        thread::sleep(moment);
        drop(server);
        is_over.store(true, Ordering::Relaxed);
        load.join().map_err(|_| io::Error::other("the load has failed"))?
    })
}

/// One custodian; whether the operation was done.
fn unlock(demo: &Demo, hsm: std::net::SocketAddr, custodian: &str) -> io::Result<bool> {
    let output = Command::new(demo.programs.join("hsm-client"))
        .args(["--hsm", &hsm.to_string(), "--known-hsms"])
        .arg(demo.folder.join("known_hsms_of_load"))
        .args(["op", "unlock-master", "--card"])
        .arg(demo.folder.join(format!("cards/{custodian}.card")))
        .args(["--pin-env", "DEMO_PIN"])
        .env("DEMO_PIN", "12345678")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    Ok(output.status.success())
}

/// What the device says it holds.
fn check_objects(server: &Server, objects: usize) -> io::Result<()> {
    let mut talk = Talk::open(server.address, &TlsClientConfig::new(Trust::FirstUse))?;
    talk.tls
        .send(b"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"device.info\"}\n");
    talk.flush()?;
    loop {
        let line: serde_json::Value = serde_json::from_str(&talk.line()?)?;
        if line.get("id").is_none() {
            continue;
        }
        let found = &line["result"]["objects"];
        if *found != objects {
            let message = format!("a device with {found} objects, expected {objects}");
            return Err(io::Error::other(message));
        }
        return talk.close();
    }
}
