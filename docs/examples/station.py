#!/usr/bin/env python3
"""A station that is not ours, with nothing but Python's standard library: it speaks the contract of
docs/client-contract.md on standard input and output, TLS and the management protocol with the device, and the wire of
vpcd with a card that `virtual-card vicc` holds.

Usage: station.py [FOLDER OF THE PROGRAMS]; without it, `virtual-card` is found on the path.
"""

import hashlib
import json
import os
import selectors
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

PROGRAMS = sys.argv[1] if len(sys.argv) > 1 else ""
PATIENCE_SECS = 60
CODES = {"card_absent": 13, "card_removed": 14, "card_mute": 15, "reader_unavailable": 16, "pin_cancelled": 17, "apdu_refused": 22,
         "wrong_state": 2}
RELAYED = ("00A4", "80C002", "00B0", "00C00000", "80C00000")


def tell(what, **members):
    print(json.dumps({"tell": what, **members}), flush=True)


class Card:
    """A card in a process of its own, on the wire of vpcd: a length of two bytes, then as many."""

    def __init__(self, path):
        self.folder = tempfile.TemporaryDirectory()
        ready = os.path.join(self.folder.name, "ready.json")
        self.process = subprocess.Popen(
            [os.path.join(PROGRAMS, "virtual-card"), "vicc", path, "--listen", "127.0.0.1:0", "--ready-file", ready,
             "--log-level", "error"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        give_up = time.monotonic() + PATIENCE_SECS
        while not os.path.exists(ready):
            assert self.process.poll() is None, "the card did not start"
            assert time.monotonic() < give_up, "the card is not ready"
            time.sleep(0.01)
        with open(ready, encoding="utf-8") as file:
            host, port = json.load(file)["cards"][0]["listen"].rsplit(":", 1)
        self.wire = socket.create_connection((host, int(port)), PATIENCE_SECS)

    def send(self, data):
        self.wire.sendall(struct.pack(">H", len(data)) + data)

    def receive(self):
        def exactly(length):
            data = b""
            while len(data) < length:
                more = self.wire.recv(length - len(data))
                if not more:
                    raise ConnectionError("the card has gone")
                data += more
            return data
        return exactly(*struct.unpack(">H", exactly(2)))

    def ask(self, *messages):
        """The answer to the last of these: empty if the card is mute, None if it has left."""
        try:
            for message in messages:
                self.send(message)
            return self.receive()
        except ConnectionError:
            return None

    def power_on(self):
        return self.ask(b"\x01", b"\x04")

    def power_off(self):
        try:
            self.send(b"\x00")
        except ConnectionError:
            pass  # A card that has left has no power.

    def transmit(self, command):
        return self.ask(command)

    def close(self):
        self.wire.close()
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


class Session:
    """One connection to the device."""

    def __init__(self, station, deed):
        self.station = station
        self.fingerprint = deed["fingerprint"]
        self.sent = self.received = 0
        self.is_open = self.is_over = self.is_leaving = False
        self.how = ("torn", None)
        self.asked = {}
        self.next_id = 0
        self.request = None  # the card request that waits: (id, method, params)
        self.text = b""
        host, port = deed["hsm"].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE_SECS, (deed["source"], 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tell("connected", address="%s:%d" % self.socket.getsockname())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the fingerprint says who it is
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)
        self.is_secured = False
        self.pump()

    # Bytes.

    def flush(self):
        data = self.outgoing.read()
        try:
            self.socket.sendall(data)
            self.sent += len(data)
        except OSError:
            pass  # whoever reads finds out what the matter is

    def on_readable(self):
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            return self.over()
        self.received += len(data)
        self.incoming.write(data)
        self.pump()

    def pump(self):
        try:
            if not self.is_secured:
                self.tls.do_handshake()
                self.is_secured = True
                digest = hashlib.sha256(self.tls.getpeercert(binary_form=True)).hexdigest().upper()
                if ":".join(digest[i:i + 2] for i in range(0, 64, 2)) != self.fingerprint:
                    self.how = ("tls", None)
                    return self.leave()
            while not self.is_over:
                data = self.tls.read(65536)
                if not data:
                    break
                self.text += data
                while b"\n" in self.text and not self.is_leaving:
                    line, self.text = self.text.split(b"\n", 1)
                    self.on_line(line.decode())
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            if self.how == ("torn", None):
                self.how = ("left", None)
            self.leave()
        except ssl.SSLError:
            self.how = ("tls", None)
            self.leave()
        self.flush()

    def leave(self):
        """Says nothing more and closes this half; the device's end is awaited."""
        if self.is_leaving:
            return
        self.is_leaving = True
        self.end_dialog()
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.flush()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def over(self):
        if self.is_over:
            return
        self.is_over = True
        self.end_dialog()
        self.socket.close()
        tell("ended", how=self.how[0], reason=self.how[1])

    # Lines.

    def send(self, message):
        line = json.dumps({"jsonrpc": "2.0", **message})
        tell("line", **{"from": "station", "line": line})
        self.tls.write(line.encode() + b"\n")
        self.flush()

    def ask(self, method, params):
        if not self.is_open or self.is_leaving:
            return tell("not_sent", method=method)
        self.asked[self.next_id] = method
        message = {"id": self.next_id, "method": method}
        self.next_id += 1
        self.send({**message, "params": params} if params else message)
        if method == "auth.cancel":
            self.refuse("pin_cancelled")

    def on_line(self, line):
        tell("line", **{"from": "device", "line": line})
        message = json.loads(line)
        if "method" in message and "id" in message:
            self.on_request(message["id"], message["method"], message.get("params", {}))
        elif "method" in message:
            self.on_notification(message["method"], message.get("params", {}))
        else:
            self.on_answer(message)

    def on_notification(self, method, params):
        if method == "session.opened":
            self.is_open = True
            tell("opened", header=params["header"], ceremony=params["ceremony"])
        elif method in ("session.denied", "session.closing"):
            self.how = (method.split(".")[1], params["reason"])
            self.leave()
        elif method == "header.changed":
            tell("header_changed", header=params)
        elif method == "ceremony.reset":
            tell("ceremony_reset", reason=params["reason"])

    def on_answer(self, message):
        method = self.asked.pop(message["id"])
        if method == "auth.start" and "auth.start" not in self.asked.values():
            # A second start that is refused leaves the dialog of the first as it is.
            self.end_dialog()
        if "error" in message:
            data = dict(message["error"].get("data", {}))
            name = data.pop("name", None)
            data.pop("vendor_code", None)
            tell("refused", method=method, error=name, code=message["error"]["code"], data=data)
        else:
            tell("answered", method=method, result=message["result"])
            if method == "session.close":
                self.how = ("closed", None)
                self.leave()

    # The card.

    def answer(self, number, result):
        self.send({"id": number, "result": result})

    def answer_of_card(self, number, member, answer):
        if answer is None:
            self.error(number, "card_removed")
        elif not answer:
            self.error(number, "card_mute")
        else:
            self.answer(number, {member: answer.hex().upper()})

    def refuse(self, name):
        """Answers the card request that waits, if one does."""
        if self.request is not None:
            number = self.request[0]
            self.request = None
            tell("prompt", **{"for": None})
            self.error(number, name)

    def error(self, number, name):
        self.send({"id": number, "error": {"code": CODES[name], "message": name, "data": {"name": name}}})

    def end_dialog(self):
        """The prompt is withdrawn and the card is reset, however the dialog ends."""
        if self.request is not None:
            self.request = None
            tell("prompt", **{"for": None})
        if self.station.card:
            self.station.card.power_off()

    def on_request(self, number, method, params):
        if method == "card.power_off":
            self.refuse("pin_cancelled")
            if self.station.card:
                self.station.card.power_off()
            self.answer(number, {})
        elif "auth.start" not in self.asked.values():
            self.error(number, "apdu_refused")
        elif "auth.cancel" in self.asked.values():
            self.error(number, "pin_cancelled")
        elif self.request is not None:
            self.error(number, "wrong_state")
        else:
            self.request = (number, method, params)
            self.serve()

    def serve(self):
        """Does what the device asks of the card, or asks the person for what is missing."""
        if self.request is None:
            return
        number, method, params = self.request
        card = self.station.card
        if self.station.is_unplugged:
            self.request = None
            self.error(number, "reader_unavailable")
        elif card is None:
            if method == "card.power_on":
                tell("prompt", **{"for": "card"})
            else:
                self.request = None
                self.error(number, "card_absent")
        elif method == "card.power_on":
            self.request = None
            self.answer_of_card(number, "atr", card.power_on())
        elif method == "card.transmit" and params["apdu"].upper().startswith(RELAYED):
            self.request = None
            self.answer_of_card(number, "response", card.transmit(bytes.fromhex(params["apdu"])))
        elif method == "card.verify_pin" and params["header"] == "00200000":
            tell("prompt", **{"for": "pin"})
        else:
            self.request = None
            self.error(number, "apdu_refused")

    def on_pin(self, pin):
        if self.request is None or self.request[1] != "card.verify_pin":
            return
        if len(pin) != 8 or not (pin.isascii() and pin.isalnum()):
            tell("pin_refused")
            return tell("prompt", **{"for": "pin"})
        number = self.request[0]
        self.request = None
        answer = self.station.card.transmit(bytes.fromhex("0020000008") + pin.encode())
        self.answer_of_card(number, "status_word", answer and answer[-2:])


class Station:
    def __init__(self):
        self.card = self.session = self.sync = None
        self.is_unplugged = False
        self.typed = b""

    def run(self):
        tell("ready", contract=1, cards="image")
        while True:
            with selectors.DefaultSelector() as selector:
                selector.register(0, selectors.EVENT_READ)
                if self.session and not self.session.is_over:
                    selector.register(self.session.socket, selectors.EVENT_READ)
                ready = {key.fd for key, _ in selector.select()}
            if 0 in ready:
                data = os.read(0, 65536)
                if not data:
                    return
                self.typed += data
            elif self.session:
                self.session.on_readable()
            while b"\n" in self.typed:
                line, self.typed = self.typed.split(b"\n", 1)
                self.do(json.loads(line))
            self.answer_sync()

    def do(self, deed):
        what = deed["do"]
        if what == "connect":
            try:
                self.session = Session(self, deed)
            except ConnectionRefusedError as why:
                self.session = None
                tell("unreachable", message=str(why))
        elif what == "insert":
            self.remove()
            self.card = Card(deed["card"])
            if self.session:
                self.session.serve()
        elif what == "remove":
            self.remove()
        elif what == "unplug":
            self.is_unplugged = True
        elif what == "sync":
            self.sync = deed
        elif what == "crash":
            if self.session and not self.session.is_over:
                self.session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.session.socket.close()
            self.remove()
            os._exit(0)
        elif self.session and not self.session.is_over:
            if what == "ask":
                self.session.ask(deed["method"], deed.get("params"))
            elif what == "pin":
                self.session.on_pin(deed["pin"])
            elif what == "cancel":
                self.session.refuse("pin_cancelled")
            elif what == "hang_up":
                self.session.how = ("hung_up", None)
                self.session.leave()

    def remove(self):
        if self.card:
            self.card.close()
            self.card = None
            if self.session and self.session.request and self.session.request[1] == "card.verify_pin":
                self.session.refuse("card_removed")

    def answer_sync(self):
        if self.sync is None:
            return
        session = self.session
        is_over = session is None or session.is_over
        until = self.sync["received"]
        if is_over or (until is not None and session.received >= until):
            self.sync = None
            tell("synced", sent=session.sent if session else 0, received=session.received if session else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    station = Station()
    try:
        station.run()
    finally:
        station.remove()
