//! Other HSMs, each an emulator of its own at an address of loopback, with the port that the first has. Their clocks stand
//! still with that of the first, and move with it.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use hsm_bench::{Connection, Phase};
use hsm_core::Profile;
use serde_json::{Value, json};

use super::{
    device::{Device, TURN},
    node_cable::NodeCable,
    stage::{Stage, broken, loopback},
};
use crate::{
    lane::Mismatch,
    steps::mismatch,
    world::{CutWhat, Making, PIN},
};

/// How long bytes may be on their way between two programs, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The version of the export that `hsm-emulator state import` takes.
const EXPORT_VERSION: u32 = 3;

/// Another HSM.
pub(super) struct Node {
    /// As the scenario calls it.
    called: IpAddr,
    folder: PathBuf,
    pub(super) device: Device,
    /// Between the first HSM and this one, if somebody does something to it.
    cable: Option<NodeCable>,
}

/// An address that leads to the first HSM: whoever connects there is connected with it.
pub(super) struct Alias {
    listener: TcpListener,
    /// The connection that came there, the one to the HSM, and the own end of that one.
    carried: Vec<(TcpStream, TcpStream, SocketAddr)>,
}

/// A cable between two HSMs: for each end the place of its device, 0 for the first, and the connection.
type Cable = [(usize, Connection); 2];

impl Stage<'_> {
    /// Another HSM with the database of the simulation's, activated at its console, with its service running.
    pub(super) fn add_node(&mut self, called: IpAddr, making: Making) -> Result<(), Mismatch> {
        let IpAddr::V4(address) = called else {
            return Err(broken(format!("an IPv4 address, not {called}")));
        };
        let index = self.nodes.len();
        let port = self.device()?.address.port();
        let place = SocketAddr::new(loopback(address).into(), port);
        let listen = if self.has_node_cables {
            SocketAddr::new(behind_cable(address).into(), port)
        } else {
            place
        };
        let factory = self.factory()?;
        let parts = factory.node_parts(index, called, making);
        let required = usize::from(factory.scheme().required());
        let holders: Vec<_> = factory.holders().take(required).collect();
        let folder = self.folder.join(format!("node-{index}"));
        fs::create_dir(&folder)
            .map_err(|why| broken(format!("make folder `{}`: {why}", folder.display())))?;
        let objects: Vec<_> = parts
            .kept
            .objects
            .iter()
            .map(|(id, sealed)| {
                json!({
                    "id": apdu::hex::encode(id.as_bytes()), "sealed": apdu::hex::encode(sealed.as_bytes()),
                })
            })
            .collect();
        let export = json!({
            "test_data": "an HSM of a scenario", "version": EXPORT_VERSION, "profile": text_of(&parts.profile),
            "stored": parts.kept.stored, "objects": objects,
        });
        let file = folder.join("export.json");
        fs::write(&file, export.to_string())
            .map_err(|why| broken(format!("write `{}`: {why}", file.display())))?;
        let import = ["state", "import", "--state"].map(Path::new);
        let state = folder.join("state");
        run(&self.programs.emulator, &[&import[..], &[&state, &file]].concat()).map_err(broken)?;
        let program = &self.programs.emulator;
        let device = Device::start(program, &folder, listen, &parts.profile, None, Duration::ZERO);
        let device = device.map_err(broken)?;
        let cable = self
            .has_node_cables
            .then(|| NodeCable::listen(place, device.address));
        self.nodes.push(Node {
            called,
            folder: folder.clone(),
            device,
            cable: cable.transpose().map_err(broken)?,
        });
        for holder in holders {
            let card = parts.cards.get(&holder).map(|card| card.image().to_text());
            let card = card.ok_or_else(|| mismatch("somebody who holds a card", &holder))?;
            let path = folder.join(format!("{holder}.card"));
            fs::write(&path, card).map_err(|why| broken(format!("write `{}`: {why}", path.display())))?;
        }
        self.activate_node(index)
    }

    /// The other HSM at this place starts, and its custodians type their PINs at its console.
    fn activate_node(&mut self, index: usize) -> Result<(), Mismatch> {
        self.start()?;
        let factory = self.factory()?;
        let required = usize::from(factory.scheme().required());
        let holders: Vec<_> = factory.holders().take(required).collect();
        for holder in holders {
            let path = self.nodes[index].folder.join(format!("{holder}.card"));
            let device = &mut self.nodes[index].device;
            let insert = json!({"card": path});
            device.act("PUT", "/v1/reader/card", &insert).map_err(broken)?;
            let typed = json!({"text": PIN});
            device.act("POST", "/v1/console/text", &typed).map_err(broken)?;
            device.press("Enter").map_err(broken)?;
            device.state = device
                .bench
                .act("DELETE", "/v1/reader/card", None)
                .map_err(broken)?;
        }
        let state = &self.nodes[index].device.state;
        if state.activated && state.service == hsm_bench::Service::Running {
            return Ok(());
        }
        let screen = self.nodes[index].device.bench.screen().map_err(broken)?;
        Err(mismatch("another HSM whose service runs", screen))
    }

    /// The power returns to the HSM at this address, and it is activated at its console.
    pub(super) fn return_power_to_node(&mut self, called: IpAddr) -> Result<(), Mismatch> {
        self.node(called)?.device.power("on").map_err(broken)?;
        let index = self.nodes.iter().position(|node| node.called == called);
        self.activate_node(index.unwrap_or_default())
    }

    /// The cable to the HSM at this address.
    pub(super) fn node_cable(&mut self, called: IpAddr) -> Result<&mut NodeCable, Mismatch> {
        let cable = self.node(called)?.cable.as_mut();
        cable.ok_or_else(|| broken("a cable that can be cut"))
    }

    /// Carries what there is between the HSMs; whether all of it was read.
    fn carry_between_nodes(&mut self) -> Result<bool, Mismatch> {
        for cable in self.nodes.iter_mut().filter_map(|node| node.cable.as_mut()) {
            cable.carry().map_err(broken)?;
        }
        self.device()?.advance(0, &[]).map_err(broken)?;
        for node in &mut self.nodes {
            node.device.advance(0, &[]).map_err(broken)?;
        }
        let ours = self.device()?.state.connections.clone();
        let mut cut = None;
        for node in &mut self.nodes {
            let Some(cable) = &mut node.cable else {
                continue;
            };
            if !cable.is_settled(node.called, &ours, &node.device.state.connections) {
                return Ok(false);
            }
            let due = cable.due_cut().map(|cut| cut.what);
            if due == Some(CutWhat::Other) {
                node.device.power("cut").map_err(broken)?;
            }
            cut = cut.or(due);
        }
        if cut == Some(CutWhat::First) {
            self.device()?.power("cut").map_err(broken)?;
        }
        Ok(true)
    }

    /// The HSM that the scenario calls so.
    pub(super) fn node(&mut self, called: IpAddr) -> Result<&mut Node, Mismatch> {
        let found = self.nodes.iter_mut().find(|node| node.called == called);
        found.ok_or_else(|| mismatch("the address of another HSM", called.to_string()))
    }

    /// From now on this address leads to the first HSM.
    pub(super) fn add_alias(&mut self, called: IpAddr) -> Result<(), Mismatch> {
        let IpAddr::V4(address) = called else {
            return Err(broken(format!("an IPv4 address, not {called}")));
        };
        let listen = SocketAddr::new(loopback(address).into(), self.device()?.address.port());
        let failed = |why: io::Error| broken(format!("listen at {listen}: {why}"));
        let listener = TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        self.alias = Some(Alias {
            listener,
            carried: Vec::new(),
        });
        Ok(())
    }

    /// Waits until every byte that an HSM has said to another has been heard, and the answers to it, too.
    pub(super) fn settle_cables(&mut self) -> Result<(), Mismatch> {
        if self.nodes.is_empty() && self.alias.is_none() {
            return Ok(());
        }
        let give_up = Instant::now() + PATIENCE;
        loop {
            let first = self.device()?.address;
            if let Some(alias) = &mut self.alias {
                alias.carry(first).map_err(broken)?;
            }
            // The clocks stand still; whoever was called is known afterwards.
            let is_carried = self.carry_between_nodes()?;
            match self.cables()? {
                Some(cables) if is_carried && cables.iter().all(is_heard) => return Ok(()),
                Some(_) | None => {}
            }
            if Instant::now() > give_up {
                return Err(broken("bytes between two HSMs that do not arrive"));
            }
            thread::sleep(TURN);
        }
    }

    /// The cables between the HSMs; `None` while there is one of which only an end is known.
    fn cables(&mut self) -> Result<Option<Vec<Cable>>, Mismatch> {
        let first = self.device()?;
        let ours: Vec<Connection> = first.state.connections.clone();
        let mut cables = Vec::new();
        let direct = (1..).zip(&self.nodes).filter(|(_, node)| node.cable.is_none());
        for (place, node) in direct {
            let address = node.device.address.to_string();
            let mut theirs = node.device.state.connections.iter();
            for end in ours.iter().filter(|end| end.peer == address) {
                let Some(other) = theirs.next() else {
                    return Ok(None);
                };
                cables.push([(0, end.clone()), (place, other.clone())]);
            }
            if theirs.next().is_some() {
                return Ok(None);
            }
        }
        if let Some(alias) = &self.alias {
            let listens = alias.listener.local_addr();
            let listens = listens.map_err(|why| broken(why.to_string()))?.to_string();
            let mut called = ours.iter().filter(|end| end.peer == listens);
            for (.., local) in &alias.carried {
                let local = local.to_string();
                let accepted = ours.iter().find(|end| end.peer == local);
                match (called.next(), accepted) {
                    (Some(end), Some(other)) => cables.push([(0, end.clone()), (0, other.clone())]),
                    (None, None) => {}
                    (Some(_), None) | (None, Some(_)) => return Ok(None),
                }
            }
            if called.next().is_some() {
                return Ok(None);
            }
        }
        Ok(Some(cables))
    }

    /// When something happens next to another HSM, in milliseconds of the first one's clock.
    pub(super) fn next_limit_of_nodes(&self, now: u64) -> Option<u64> {
        let limits = self.nodes.iter().filter_map(|node| {
            let state = &node.device.state;
            let at = state.limits.first()?.at_us.div_ceil(1000);
            Some(now + at.saturating_sub(state.clock.now_us / 1000))
        });
        limits.min()
    }

    /// What a database is on the disk of a device, for two to be compared: of the HSM at this address, or of the first.
    pub(super) fn database(&mut self, called: Option<IpAddr>) -> Result<Value, Mismatch> {
        self.settle()?;
        let folder = match called {
            Some(called) => self.node(called)?.folder.clone(),
            None => self.folder.clone(),
        };
        database_of(&self.programs.emulator, &folder).map_err(broken)
    }
}

/// Where an HSM listens whose own address is that of a cable to it.
fn behind_cable(called: Ipv4Addr) -> Ipv4Addr {
    let [_, _, c, d] = called.octets();
    Ipv4Addr::new(127, 253, c, d)
}

/// Whether each end has read what the other has written, or reads no more.
fn is_heard(cable: &Cable) -> bool {
    let [(_, one), (_, other)] = cable;
    let is_read =
        |from: &Connection, by: &Connection| by.phase == Phase::End || by.bytes_read == from.bytes_written;
    is_read(one, other) && is_read(other, one)
}

impl Alias {
    /// The ends of the connections to the HSM that came to this address.
    pub(super) fn ends(&self) -> impl Iterator<Item = SocketAddr> {
        self.carried.iter().map(|(.., local)| *local)
    }

    /// Lets in who came, and carries what there is.
    fn carry(&mut self, to: SocketAddr) -> Result<(), String> {
        let failed = |why: io::Error| format!("carry bytes to {to}: {why}");
        match self.listener.accept() {
            Ok((from, _)) => {
                let onward = TcpStream::connect(to).map_err(failed)?;
                let local = onward.local_addr().map_err(failed)?;
                for stream in [&from, &onward] {
                    stream.set_nodelay(true).map_err(failed)?;
                    stream.set_nonblocking(true).map_err(failed)?;
                }
                self.carried.push((from, onward, local));
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
            Err(why) => return Err(failed(why)),
        }
        for (one, other, _) in &self.carried {
            carry(one, other);
            carry(other, one);
        }
        Ok(())
    }
}

/// Carries what there is. A stream that has ended ends the other; one that is broken has no other end to tell.
fn carry(mut from: &TcpStream, mut to: &TcpStream) {
    let mut bytes = [0; 16_384];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            // What is said between an HSM and itself fits into a socket.
            Ok(len) if to.write_all(&bytes[..len]).is_ok() => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// The built-in profile of this model, with the serial number and the address of this one.
fn text_of(profile: &Profile) -> String {
    let built_in = Profile::of(profile.model);
    let text = Profile::text_of(profile.model).replacen(&built_in.serial, &profile.serial, 1);
    let interfaces = |profile: &Profile| profile.network.interfaces.first().map(|it| it.ip);
    match (interfaces(&built_in), interfaces(profile)) {
        (Some(before), Some(now)) => text.replacen(&format!("\"{before}\""), &format!("\"{now}\""), 1),
        _ => text,
    }
}

/// Users, objects, replication domain, node list and password policy, as a copy of the state on the disk has them.
fn database_of(program: &Path, folder: &Path) -> Result<Value, String> {
    let copy = folder.join("copy");
    let failed = |why: io::Error| format!("copy the state in `{}`: {why}", folder.display());
    match fs::remove_dir_all(&copy) {
        Ok(()) => {}
        Err(why) if why.kind() == io::ErrorKind::NotFound => {}
        Err(why) => return Err(failed(why)),
    }
    fs::create_dir(&copy).map_err(failed)?;
    fs::copy(folder.join("state/state.redb"), copy.join("state.redb")).map_err(failed)?;
    let export = ["state", "export", "--state"].map(Path::new);
    let text = run(program, &[&export[..], &[&copy]].concat())?;
    let export: Value = serde_json::from_slice(&text).map_err(|why| format!("read an export: {why}"))?;
    let stored = &export["stored"];
    Ok(json!({
        "users": stored["users"], "counted": stored["objects"], "domain": stored["replication_domain"],
        "nodes": stored["nodes"], "policy": stored["password_policy"], "objects": export["objects"],
    }))
}

/// Runs the emulator until it has done this, and gives what it wrote.
fn run(program: &Path, arguments: &[&Path]) -> Result<Vec<u8>, String> {
    let ran = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|why| format!("start `{}`: {why}", program.display()))?;
    if ran.status.success() {
        return Ok(ran.stdout);
    }
    Err(format!(
        "run `{}`: {}, {}",
        program.display(),
        ran.status,
        String::from_utf8_lossy(&ran.stderr).trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hsm_has_a_profile_of_its_own() {
        let mut profile = Profile::xp();
        profile.serial = "TXP0001000".into();
        profile.network.interfaces[0].ip = Ipv4Addr::new(192, 0, 2, 200);
        assert_eq!(
            Profile::parse(&text_of(&profile)).expect("it is a profile"),
            profile
        );
    }
}
