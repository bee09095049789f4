#!/bin/sh
# A test of management software against the emulated HSM, from a shell. The bench is asked with `hsm-emulator bench`, and
# once with curl to show that it is plain HTTP.
#
# Usage: ci.sh [FOLDER OF THE PROGRAMS]; without it, the programs are found on the path.
# Exit code 0: everything was as expected.
set -eu
PATH="${1:+$1:}$PATH"
folder=$(mktemp -d)
ready="$folder/ready.json"
emulator=

finish() {
    code=$?
    if [ -n "$emulator" ]; then kill -KILL "$emulator" 2>/dev/null || true; fi
    rm -rf "$folder"
    exit "$code"
}
trap finish EXIT

fail() { echo "expected $1" >&2; exit 1; }
bench() { hsm-emulator bench --ready-file "$ready" "$@"; }
# expect TEXT COMMAND...: what the command prints holds the text.
expect() { text=$1; shift; "$@" | grep -qF -- "$text" || fail "\`$text\` from \`$*\`"; }
# of NAME: a text of the ready-file, which is one line of JSON.
of() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$ready"; }
# The software under test, at a station of its own. Here it is `hsm-client`; put yours in its place.
custodian() {
    hsm-client --hsm "$(of management)" --fingerprint "$(of fingerprint)" --source "$2" \
        auth --card "$folder/demo/cards/$1.card" --pin-env CARD_PIN
}
export CARD_PIN=12345678

hsm-emulator demo --dir "$folder/demo" >/dev/null
hsm-emulator run --state "$folder/demo/state" --headless --listen 127.0.0.1:0 \
    --bench 127.0.0.1:0 --clock manual --ready-file "$ready" &
emulator=$!
until [ -e "$ready" ]; do
    kill -0 "$emulator" 2>/dev/null || fail "an emulator that starts"
    sleep 0.05
done

# The first of two custodians counts for two minutes, and not for one millisecond more.
custodian ana 127.0.0.2 </dev/null >/dev/null
expect "process            1 of 2" bench advance 119s999ms
expect "process            none" bench advance 1ms

# Two custodians at two stations; the last of them stays as administrator until its input ends.
custodian ana 127.0.0.2 </dev/null >/dev/null
mkfifo "$folder/stays"
custodian bruno 127.0.0.3 <"$folder/stays" >/dev/null &
administrator=$!
exec 3>"$folder/stays"
until bench state | grep -q '^manager .*administrator'; do sleep 0.05; done
expect "from 127.0.0.3:" bench state

# Somebody presses a key at the device. That goes before everything else (exit code 11: the session ended).
expect "remote management  disabled" bench keys Enter
code=0; wait "$administrator" || code=$?
exec 3>&-
[ "$code" = 11 ] || fail "exit code 11, got $code"

# The cable is pulled out. What was durable is there when the power returns, and the key is not.
bench power cut >/dev/null
bench power on >"$folder/state"
expect "activated          no" cat "$folder/state"
expect "remote management  disabled" cat "$folder/state"

# The log, asked for as any other program would.
curl --silent --fail --header "Authorization: Bearer $(of token)" "$(of url)/v1/events" >"$folder/log"
expect "custodian process reset: interval" cat "$folder/log"
expect "administrator access granted to 127.0.0.3:" cat "$folder/log"
expect "remote management disabled by local activity: key" cat "$folder/log"
expect "device started after power was off" cat "$folder/log"

kill -TERM "$emulator"
wait "$emulator" || fail "an end in order"
emulator=
[ ! -e "$ready" ] || fail "that nothing is left behind"
echo "everything was as expected"
