#!/usr/bin/env python3
"""A test of management software against the emulated HSM, with nothing but Python's standard library.

Usage: ci.py [FOLDER OF THE PROGRAMS]; without it, the programs are found on the path.
Exit code 0: everything was as expected.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

PROGRAMS = sys.argv[1] if len(sys.argv) > 1 else ""
PATIENCE_SECS = 60


def program(name, *args):
    return [os.path.join(PROGRAMS, name), *map(str, args)]


class Device:
    """A running emulator and its bench."""

    def __init__(self, folder):
        self.ready_file = os.path.join(folder, "ready.json")
        self.process = subprocess.Popen(program(
            "hsm-emulator", "run", "--state", os.path.join(folder, "state"), "--headless",
            "--listen", "127.0.0.1:0", "--bench", "127.0.0.1:0", "--clock", "manual",
            "--ready-file", self.ready_file))
        give_up = time.monotonic() + PATIENCE_SECS
        while not os.path.exists(self.ready_file):
            assert self.process.poll() is None, "the emulator did not start"
            assert time.monotonic() < give_up, "the emulator is not ready"
            time.sleep(0.01)
        with open(self.ready_file, encoding="utf-8") as file:
            self.ready = json.load(file)

    def bench(self, method, path, body=None):
        request = urllib.request.Request(self.ready["bench"]["url"] + path, method=method)
        request.add_header("Authorization", "Bearer " + self.ready["bench"]["token"])
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=PATIENCE_SECS) as answer:
            return json.load(answer)

    def state(self):
        return self.bench("GET", "/v1/state")

    def advance(self, by_ms):
        return self.bench("POST", "/v1/clock/advance", {"by_ms": by_ms})

    def log(self):
        return [event["line"] for event in self.bench("GET", "/v1/events")]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_SECS) == 0, "the emulator ends in order"
        assert not os.path.exists(self.ready_file), "nothing is left behind"


def custodian(device, folder, name, station):
    """The software under test, at a station of its own. Here it is `hsm-client`; put yours in its place."""
    return subprocess.Popen(
        program("hsm-client", "--hsm", device.ready["management"], "--source", station,
                "--fingerprint", device.ready["fingerprint"], "--json",
                "auth", "--card", os.path.join(folder, "cards", name + ".card"), "--pin-env", "CARD_PIN"),
        env={**os.environ, "CARD_PIN": "12345678"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def leaves(process):
    """Waits until somebody has left, and gives the exit code."""
    process.communicate(timeout=PATIENCE_SECS)
    return process.returncode


def becomes_administrator(device):
    give_up = time.monotonic() + PATIENCE_SECS
    while (device.state()["manager"] or {}).get("access") != "administrator":
        assert time.monotonic() < give_up, "nobody became administrator"
        time.sleep(0.01)


def main(folder):
    subprocess.run(program("hsm-emulator", "demo", "--dir", folder), check=True, stdout=subprocess.DEVNULL)
    device = Device(folder)
    try:
        # The first of two custodians counts for two minutes, and not for one millisecond more.
        assert leaves(custodian(device, folder, "ana", "127.0.0.2")) == 0
        assert device.advance(119_999)["ceremony"] == {"presented": 1, "required": 2}
        assert device.advance(1)["ceremony"] is None

        # Two custodians at two stations; the last of them stays as administrator.
        assert leaves(custodian(device, folder, "ana", "127.0.0.2")) == 0
        administrator = custodian(device, folder, "bruno", "127.0.0.3")
        becomes_administrator(device)
        assert device.state()["manager"]["peer"].startswith("127.0.0.3:")

        # Somebody presses a key at the device. That goes before everything else (exit code 11: the session ended).
        state = device.bench("POST", "/v1/console/keys", {"keys": ["Enter"]})
        assert state["manager"] is None and state["remote_management"] == "disabled"
        assert leaves(administrator) == 11

        # The cable is pulled out. What was durable is there when the power returns, and the key is not.
        device.bench("POST", "/v1/power", {"action": "cut"})
        state = device.bench("POST", "/v1/power", {"action": "on"})
        assert (state["power"], state["activated"], state["remote_management"]) == ("on", False, "disabled")

        log = "\n".join(device.log())
        for expected in [
            "custodian process reset: interval",
            "administrator access granted to 127.0.0.3:",
            "remote management disabled by local activity: key",
            "power cut",
            "device started after power was off",
        ]:
            assert expected in log, f"`{expected}` is not in the log:\n{log}"
    except BaseException:
        device.process.kill()
        raise
    device.stop()
    print("everything was as expected")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(os.path.join(temporary, "demo"))
