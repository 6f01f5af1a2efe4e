#!/usr/bin/env bash
# One would guess that importing onnxruntime on Linux writes nothing, and that disable_telemetry_events() is how its
# telemetry is switched off. The wheel writes a device id and a database of events below ~/.cache/Microsoft when it is
# imported, before any session; disable_telemetry_events() comes after that and leaves both there. Nothing is written
# where ORT_DISABLE_TELEMETRY=1 (or CI) was in the environment before the import.
# Seen with onnxruntime 1.32.0 (telemetry on Linux came with 1.29.0), Linux x86-64.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3.11}" -m venv "$room/venv"
"$room/venv/bin/pip" install -q onnxruntime==1.32.0 numpy==2.4.6 2>/dev/null

written() { # NAME=VALUE... CODE: the files that the code leaves in an empty home
    local home code
    home=$(mktemp -d "$room/home.XXXX")
    code=${*: -1}
    # a proxy where nobody listens: what is queued is not sent
    env -u CI -u ORT_DISABLE_TELEMETRY https_proxy=http://127.0.0.1:9 HOME="$home" "${@:1:$#-1}" \
        "$room/venv/bin/python" -c "$code" >/dev/null
    (cd "$home" && find . -type f -not -name '*.db-*' | sort)
}

by_default=$(written 'import onnxruntime')
disabled=$(written 'import onnxruntime; onnxruntime.disable_telemetry_events()')
asked=$(written ORT_DISABLE_TELEMETRY=1 'import onnxruntime')
printf 'import onnxruntime:\n%s\nwith disable_telemetry_events():\n%s\nwith ORT_DISABLE_TELEMETRY=1:\n%s\n' \
    "$by_default" "$disabled" "${asked:-nothing}"
grep -q Microsoft/DeveloperTools/.onnxruntime/deviceid <<<"$by_default"
grep -q Microsoft/DeveloperTools/.onnxruntime/deviceid <<<"$disabled"
[ -z "$asked" ]
