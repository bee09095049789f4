//! Connections of live sync: those that come in with their ALPN, and those that the device asks for. Carries frames;
//! who is believed is decided by the device.

use core::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use hsm_core::{
    BINDING_BYTES, ConnectionId, EXPORTER_LABEL, FrameBuffer, Input as DeviceInput, SYNC_ALPN, SyncInput,
    TurnedAway,
};
use machine::Cx;
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, ProtocolVersion, ServerConnection, SideData,
    client::Resumption, crypto::aws_lc_rs, pki_types::ServerName, version::TLS13,
};

use crate::{
    AnyCertificate,
    appliance::{Appliance, Output},
    connection::{Connection, ExpectFrames, ExpectNode, Read, State, Tls, read, take_ciphertext},
};

/// TLS towards another node: 1.3 alone, since the exporter of 1.2 does not bind without an extension.
fn client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let make = || {
        let provider = Arc::new(aws_lc_rs::default_provider());
        // A certificate says nothing about a node: each has made its own. What counts is the proof of the Server Master
        // Key, which is bound to the TLS session, so that nobody can stand between the two.
        let verifier = AnyCertificate::new(&provider);
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .expect("the provider has suites of TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![SYNC_ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Arc::new(config)
    };
    Arc::clone(CONFIG.get_or_init(make))
}

/// What both ends take out of their TLS session; `None` before TLS 1.3.
fn binding<Side: SideData>(tls: &ConnectionCommon<Side>) -> Option<[u8; BINDING_BYTES]> {
    if tls.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    tls.export_keying_material([0; BINDING_BYTES], EXPORTER_LABEL, Some(&[]))
        .ok()
}

impl Appliance {
    /// Somebody's handshake for live sync is complete.
    pub(crate) fn on_sync_arrived(
        &mut self,
        cx: &mut Cx<'_>,
        id: ConnectionId,
        peer: SocketAddr,
        tls: Box<ServerConnection>,
    ) {
        let Some(binding) = binding(&tls) else {
            return self.dismiss(cx, id, TurnedAway::HandshakeFailed);
        };
        self.expect_frames(id, Tls::Theirs(tls));
        let input = SyncInput::Arrived {
            connection: id,
            peer,
            binding,
        };
        self.tell(cx, DeviceInput::Sync(input));
    }

    fn expect_frames(&mut self, id: ConnectionId, tls: Tls) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.state = State::ExpectFrames(ExpectFrames {
                tls,
                frames: FrameBuffer::default(),
            });
        }
    }

    /// The device asks for a connection to another node.
    pub(crate) fn connect(&mut self, id: ConnectionId, node: IpAddr) {
        let name = ServerName::IpAddress(node.into());
        let tls = ClientConnection::new(client_config(), name).expect("the configuration is one");
        let connection = Connection {
            peer: SocketAddr::new(node, 0),
            state: State::ExpectNode(ExpectNode { tls: Box::new(tls) }),
            unsent: 0,
            peer_finished: false,
        };
        self.connections.insert(id, connection);
        self.outputs.push_back(Output::Connect { connection: id, node });
    }

    /// The connection that the device asked for is there.
    pub(crate) fn on_connected(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            // It was given up meanwhile.
            self.outputs.push_back(Output::Close(id));
            return;
        };
        if let State::ExpectNode(state) = &mut connection.state {
            let ciphertext = take_ciphertext(&mut state.tls);
            self.transmit(id, ciphertext);
        }
    }

    /// Bytes from a node whose handshake is under way.
    pub(crate) fn on_node_received(&mut self, cx: &mut Cx<'_>, id: ConnectionId, bytes: &[u8]) {
        let Some(Connection {
            state: State::ExpectNode(state),
            ..
        }) = self.connections.get_mut(&id)
        else {
            return;
        };
        let read = read(&mut state.tls, bytes);
        let ciphertext = take_ciphertext(&mut state.tls);
        let is_complete = !state.tls.is_handshaking();
        let is_sync = is_complete && state.tls.alpn_protocol() == Some(SYNC_ALPN);
        let binding = if is_sync { binding(&state.tls) } else { None };
        self.transmit(id, ciphertext);
        if is_complete && let Some(binding) = binding {
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            let placeholder = State::ExpectEnd(crate::connection::ExpectEnd {
                deadline: machine::Timer::default(),
                discarded: 0,
            });
            let State::ExpectNode(ExpectNode { tls }) =
                core::mem::replace(&mut connection.state, placeholder)
            else {
                unreachable!("its handshake has just been completed");
            };
            self.expect_frames(id, Tls::Ours(tls));
            let input = SyncInput::Connected {
                connection: id,
                binding,
            };
            self.tell(cx, DeviceInput::Sync(input));
            self.on_frames_read(cx, id, &read);
        } else if is_complete || read.broken || read.closed {
            // It speaks TLS and nothing of live sync, or not even that.
            self.close(id);
            self.tell(cx, DeviceInput::Sync(SyncInput::Unreachable { connection: id }));
        }
    }

    /// What was read on a connection of live sync.
    pub(crate) fn on_frames_read(&mut self, cx: &mut Cx<'_>, id: ConnectionId, read: &Read) {
        if let Some(Connection {
            state: State::ExpectFrames(state),
            ..
        }) = self.connections.get_mut(&id)
        {
            state.frames.push(&read.plaintext);
        } else {
            return;
        }
        // The device may end the connection at any frame; then the rest has no meaning.
        while let Some(Connection {
            state: State::ExpectFrames(state),
            ..
        }) = self.connections.get_mut(&id)
        {
            let input = match state.frames.next_frame() {
                None => break,
                Some(Ok(frame)) => SyncInput::Frame {
                    connection: id,
                    frame,
                },
                Some(Err(_)) => {
                    self.tell(cx, DeviceInput::Sync(SyncInput::FrameTooLong { connection: id }));
                    // One that the device has forgotten has nothing to lose.
                    return self.end(cx, id);
                }
            };
            self.tell(cx, DeviceInput::Sync(input));
        }
        if read.broken || read.closed {
            self.node_gone(cx, id);
        }
    }

    /// The other end of a connection of live sync is gone.
    pub(crate) fn node_gone(&mut self, cx: &mut Cx<'_>, id: ConnectionId) {
        self.tell(cx, DeviceInput::Sync(SyncInput::Gone { connection: id }));
        self.end(cx, id);
    }

    /// Sends a frame to a connection that may be gone. The device bounds how many are on their way.
    pub(crate) fn send_frame(&mut self, id: ConnectionId, frame: &[u8]) {
        if let Some(Connection {
            state: State::ExpectFrames(state),
            ..
        }) = self.connections.get_mut(&id)
            && let Some(ciphertext) = state.tls.encrypt(frame)
        {
            self.transmit(id, ciphertext);
        }
    }
}
