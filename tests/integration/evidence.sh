#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On what evidence rests (R50, R52, R57): signatures by a context's key or one's own, audit chains,
# the same bytes on two machines, and runpacks that others wrote. What si signs, openssl verifies.
. "$(dirname "$0")/../functions.sh"

command -v openssl >/dev/null || skip "there is no openssl (./check --deps installs it)"
mkdir "$dir/folder" "$dir/folder/logs"
printf '{"b":2,"a":[1,"x"]}\n' >"$dir/spec.json"
printf 'hello\n' >"$dir/folder/logs/web.txt"
: >"$dir/folder/empty.bin"
evidence=(--from "$dir/folder" --spec "$dir/spec.json" --namespace n --scenario s)
chain=$SI_PAAS_STATE_ROOT/contexts/a/events/audit.jsonl

# pack_of STORE RUN: the directory of that runpack.
pack_of() { dirname "$(find "$1" -path "*/run/$2/*" -name manifest.json)"; }

# bare MANIFEST: the text that its signature is of.
bare() {
  printf 'si.runpack/v1 manifest sha256:%s' \
    "$(jq -jcS 'del(.signature)' "$1" | sha256sum | cut -d' ' -f1)"
}

# openssl_verifies MANIFEST PEM
openssl_verifies() {
  bare "$1" >"$dir/message"
  printf '%b' "$(jq -r .signature.value "$1" | sed 's/../\\x&/g')" >"$dir/signature"
  openssl pkeyutl -verify -pubin -inkey "$2" -rawin -in "$dir/message" \
    -sigfile "$dir/signature" >/dev/null
}

begin "a context signs what it exports, with a key that it tells of once"
expect_exit 0 si paas context create a
store=$SI_PAAS_STATE_ROOT/contexts/a/runpacks
expect_exit 0 si runpack --context a export "${evidence[@]}" --run r1
expect_exit 0 si runpack --context a export "${evidence[@]}" --run r2
expect_equal "$(grep -c '"action":"evidence.key"' "$chain")" 1
key=$(find "$SI_PAAS_STATE_ROOT/keys" -name 'a.ctx-*.evidence')
expect_equal "$(stat -c %a "$key")" 600
expect_equal "$(openssl pkey -in "$key" -noout -text | head -n 1)" "ED25519 Private-Key:"
expect_exit 0 si runpack key show --context a
printf '%s\n' "$out" >"$dir/a.pem"
openssl_verifies "$(pack_of "$store" r1)/manifest.json" "$dir/a.pem" ||
  fail "openssl does not verify what si signed"

begin "a verdict says on what it rests"
pack=$(pack_of "$store" r1)
expect_exit 0 si --json runpack verify "$pack"
expect_json .data.rests_on self-consistent
expect_json .data.signature.trusted false
expect_exit 0 si --json runpack verify --key "$dir/a.pem" "$pack"
expect_json .data.rests_on signed
expect_exit 0 si --json runpack verify --context a "$pack"
expect_json .data.rests_on anchored
expect_json .data.signature.trusted true
expect_exit 0 si --json runpack verify --audit "$chain" --require anchored "$pack"
expect_json .data.rests_on anchored
expect_json .data.signature.trusted false

begin "and fails where it does not rest on what is required"
openssl genpkey -algorithm ed25519 -out "$dir/own.key"
chmod 600 "$dir/own.key"
openssl pkey -in "$dir/own.key" -pubout -out "$dir/own.pem"
expect_exit 8 si --json runpack verify --require signed --key "$dir/own.pem" "$pack"
expect_json .error.code RUNPACK_VERIFY_FAILED
expect_exit 0 si --json runpack verify --require signed --key "$dir/own.pem" --key "$dir/a.pem" "$pack"
printf '' >"$dir/none.jsonl"
expect_exit 8 si runpack verify --require anchored --audit "$dir/none.jsonl" "$pack"
expect_exit 2 si runpack verify --require signed "$pack"
expect_exit 2 si runpack verify --require anchored "$pack"
expect_exit 2 si runpack verify --require notarised "$pack"
expect_exit 2 si runpack verify --key "$dir/spec.json" "$pack"
expect_exit 3 si runpack verify --key "$dir/nowhere.pem" "$pack"
sed 's/runpack.export/runpack.exporT/' "$chain" >"$dir/edited.jsonl"
expect_exit 8 si --json runpack verify --audit "$dir/edited.jsonl" "$pack"
expect_json .error.code EVENTS_TAMPERED

begin "a manifest that is made anew behind its signature fails"
cp -r "$pack" "$dir/forged"
jq -jcS '.generated_at.value += 1' "$pack/manifest.json" >"$dir/forged/manifest.json"
expect_exit 8 si --json runpack verify "$dir/forged"
expect_json .error.message "the manifest is not what was signed"
jq -jcS 'del(.signature) | .generated_at.value += 1' "$pack/manifest.json" >"$dir/forged/manifest.json"
expect_exit 0 si --json runpack verify "$dir/forged"
expect_json .data.rests_on self-consistent
expect_exit 8 si runpack verify --context a --require signed "$dir/forged"
expect_exit 8 si runpack verify --context a --require anchored "$dir/forged"

begin "a new key leaves what the old one signed trusted; a lost one is replaced with a warning"
expect_exit 0 si runpack key rotate --context a
expect_exit 0 si runpack --context a export "${evidence[@]}" --run r3
for run in r1 r3; do
  expect_exit 0 si runpack verify --context a --require signed "$(pack_of "$store" "$run")"
done
expect_exit 0 si --json runpack key show --context a
expect_json '.data | length' 2
rm "$key"
expect_exit 0 si runpack --context a export "${evidence[@]}" --run r4
expect_equal "$(jq -c 'select(.action == "evidence.key") | .severity' "$chain" | paste -sd' ')" \
  '"info" "info" "warning"'
expect_exit 2 si runpack key rotate
expect_exit 0 si paas events verify --context a

begin "without a context, one's own key signs, or none"
outside=(--tenant acme --sink file)
expect_exit 0 si runpack export "${evidence[@]}" --run r "${outside[@]}" --config "root=$dir/own" \
  --sign-key "$dir/own.key"
expect_exit 0 si --json runpack verify --require signed --key "$dir/own.pem" "$(pack_of "$dir/own" r)"
openssl_verifies "$(pack_of "$dir/own" r)/manifest.json" "$dir/own.pem" ||
  fail "openssl does not verify what si signed with its key"
chmod 640 "$dir/own.key"
expect_exit 9 si runpack export "${evidence[@]}" --run r "${outside[@]}" \
  --config "root=$dir/refused" --sign-key "$dir/own.key"
chmod 600 "$dir/own.key"
chmod 600 "$dir/own.pem"
expect_exit 2 si runpack export "${evidence[@]}" --run r "${outside[@]}" \
  --config "root=$dir/refused" --sign-key "$dir/own.pem"
[ -z "$(ls -A "$dir/refused" 2>/dev/null)" ] || fail "what was refused has left something"
expect_exit 0 si runpack export "${evidence[@]}" --run r "${outside[@]}" --config "root=$dir/unsigned"
expect_exit 8 si runpack verify --require signed --key "$dir/own.pem" "$(pack_of "$dir/unsigned" r)"

begin "a description says of each artifact what it is, and nothing else is taken"
describe() {
  printf '%s' "$1" >"$dir/describe.json"
  run si --json runpack export "${evidence[@]}" --run "${2:-d}" "${outside[@]}" \
    --config "root=$dir/described" --describe "$dir/describe.json"
}
describe '{"logs/web.txt":{"kind":"tool_transcript","content_type":"text/x-log","required":false}}'
expect_equal "$code" 0
manifest=$(pack_of "$dir/described" d)/manifest.json
expect_equal "$(jq -c '.artifacts[] | [.path, .kind, .content_type, .required]' "$manifest")" \
  '["artifacts/empty.bin","custom","application/octet-stream",true]
["artifacts/logs/web.txt","tool_transcript","text/x-log",false]
["artifacts/spec.json","scenario_spec","application/json",true]'
for wrong in '[]' '{"nowhere.txt":{}}' '{"empty.bin":1}' '{"empty.bin":{"kind":"novel"}}' \
  '{"empty.bin":{"kind":"scenario_spec"}}' '{"empty.bin":{"content_type":"text"}}' \
  '{"empty.bin":{"required":1}}' '{"empty.bin":{"colour":"red"}}'; do
  describe "$wrong" wrong
  expect_equal "$code" 2
  expect_json .error.code RUNPACK_DESCRIPTION
done
[ -z "$(find "$dir/described" -path '*/run/wrong/*' -name manifest.json)" ] ||
  fail "a wrong description made a runpack"

begin "two machines make the same bytes of the same input"
for machine in one two; do
  mkdir "$dir/$machine"
  cp -r "$dir/folder" "$dir/$machine/folder"
  touch -d '2001-02-03' "$dir/$machine/folder/empty.bin"
  env -i PATH="$PATH" HOME="$dir/$machine" TZ=Asia/Tokyo LC_ALL=C \
    "$SI_PREFIX/bin/si" runpack export --from "$dir/$machine/folder" --spec "$dir/spec.json" \
    --namespace n --scenario s --run r --tenant acme --logical-time 7 --sign-key "$dir/own.key" \
    --sink file --config "root=$dir/$machine/store" >/dev/null || fail "the export failed"
done
diff -r "$dir/one/store" "$dir/two/store" || fail "the runpacks differ"
expect_equal "$(jq -c .generated_at "$(pack_of "$dir/one/store" r)/manifest.json")" \
  '{"kind":"logical","value":7}'

begin "a runpack that another implementation of v1 wrote verifies: integers as ids, no provenance"
python3 - "$dir/foreign" <<'PY'
import hashlib, json, os, sys
root = sys.argv[1]
def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
def digest(data):
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}
spec = canonical({"scenario": "tide", "steps": [1, 2]})
files = [("artifacts/spec.json", spec, "scenario_spec"), ("artifacts/gate.log", b"open\n", "gate_eval_log"),
         ("artifacts/a/b.bin", bytes(range(256)), "custom")]
hashes = [{"path": path, "hash": digest(data)} for path, data, _ in files]
manifest = {
    "manifest_version": "v1", "generated_at": {"kind": "logical", "value": 3}, "tenant_id": 4,
    "namespace_id": 1, "scenario_id": "tide", "run_id": "r-9", "spec_hash": digest(spec),
    "hash_algorithm": "sha256", "verifier_mode": "offline_strict",
    "integrity": {"file_hashes": hashes, "root_hash": digest(canonical(hashes))},
    "artifacts": [{"artifact_id": path, "kind": kind, "path": path, "required": True,
                   "content_type": None, "hash": digest(data)} for path, data, kind in files],
    "weather": {"of": "the day"},
}
prefix = f"{root}/tenant/4/namespace/1/scenario/tide/run/r-9/{digest(spec)['value']}"
for path, data, _ in files + [("manifest.json", canonical(manifest), "")]:
    os.makedirs(os.path.dirname(f"{prefix}/{path}"), exist_ok=True)
    with open(f"{prefix}/{path}", "wb") as out:
        out.write(data)
PY
expect_exit 0 si --json runpack verify "$(pack_of "$dir/foreign" r-9)"
expect_json .data.placement matched
expect_json .data.checked_files 3
expect_json .data.signature.key null
expect_exit 0 si runpack show "$(pack_of "$dir/foreign" r-9)"

begin "a store's settings travel with a context, and name its secrets without telling them"
expect_exit 0 si paas context create mover
config=$SI_PAAS_STATE_ROOT/contexts/mover/config.json
jq '.audit_sink = {provider: "s3", config: {bucket: "evidence", auth: "vault",
  access_key_id: "AKIDEXAMPLE", secret_access_key: "vault:S3_KEY"}}
  | .runpacks = {max_artifact_bytes: 33554432}' "$config" >"$dir/config.json"
cat "$dir/config.json" >"$config"
expect_exit 0 si paas context export mover --output "$dir/mover.json"
expect_equal "$(jq -r .config.audit_sink.config.secret_access_key "$dir/mover.json")" vault:S3_KEY
expect_equal "$(jq -c .config.runpacks "$dir/mover.json")" '{"max_artifact_bytes":33554432}'
expect_exit 0 si paas context import "$dir/mover.json" --name moved
expect_exit 0 si --json paas context show moved
expect_json .data.audit_sink.config.secret_access_key vault:S3_KEY
expect_exit 3 si runpack list --context moved
expect_exit 9 si runpack list --sink s3 --config bucket=evidence --config auth=vault \
  --config access_key_id=AKIDEXAMPLE --config secret_access_key=wJalrXUtnFEMI
case $out$err in *wJalrXUtnFEMI*) fail "what may be a secret was repeated" ;; esac

begin "a context says how large an artifact may be, for those who export and those who verify"
head -c 20000000 /dev/zero >"$dir/folder/large.bin"
expect_exit 1 si --json runpack --context a export "${evidence[@]}" --run large
expect_json .error.code RUNPACK_ARTIFACT_TOO_LARGE
jq '.runpacks = {max_artifact_bytes: 33554432}' "$SI_PAAS_STATE_ROOT/contexts/a/config.json" \
  >"$dir/config.json"
cat "$dir/config.json" >"$SI_PAAS_STATE_ROOT/contexts/a/config.json"
expect_exit 0 si --json runpack --context a export "${evidence[@]}" --run large --verify
uri=$(json .data.storage_uri)
expect_exit 8 si runpack verify "$(pack_of "$store" large)"
expect_exit 0 si --json runpack verify --context a "$uri"
