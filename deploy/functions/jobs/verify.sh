#!/usr/bin/env bash
# Runs in a container inside the jobs' subnet (see jobs.bicep), never on the deployer's machine. Sends one message
# through IoT Hub as a device does, and waits until the device has ROWS rows in the table.
# Reads PACKAGES, HUB_HOST, DEVICE, ROWS, SECONDS_ALLOWED, PGHOST, PGDATABASE and PGUSER; writes rows and seconds as outputs.
set -euo pipefail

: "${PACKAGES:?}" "${HUB_HOST:?}" "${DEVICE:?}" "${ROWS:?}" "${SECONDS_ALLOWED:?}" "${PGHOST:?}" "${PGDATABASE:?}" "${PGUSER:?}"
: "${AZ_SCRIPTS_OUTPUT_PATH:?}"
export PGHOST PGDATABASE PGUSER PGSSLMODE=verify-full PGSSLROOTCERT=system PGCONNECT_TIMEOUT=10

say() { printf '%s\n' "$*" >&2; }

read -ra packages <<<"$PACKAGES"
tdnf install -y -q "${packages[@]}" >/dev/null || {
  say "Microsoft's package mirror did not give $PACKAGES. Name releases that it has: databasePackages in modules/job.bicep."
  exit 1
}

# Readings belong to ingest_owner, which an administrator may become (see migrate.sh).
become_owner() {
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --output /dev/null --command 'SELECT ingest_admin.become_owner()'
}

count() {
  PGOPTIONS='-c role=ingest_owner' psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --set device="$DEVICE" <<'SQL'
SELECT count(*) FROM conditions WHERE device = :'device';
SQL
}

# Registers the device, sends one message with its key, and removes the device again. The key comes from the hub and
# stays in this process.
send() {
  IOT_TOKEN=$(az account get-access-token --resource https://iothubs.azure.net --query accessToken --output tsv) \
    python3 - <<'PYTHON'
import base64, hashlib, hmac, json, os, sys, time, urllib.error, urllib.parse, urllib.request

hub, device = os.environ["HUB_HOST"], os.environ["DEVICE"]
identity = f"https://{hub}/devices/{device}?api-version=2021-04-12"
service = {"Authorization": "Bearer " + os.environ["IOT_TOKEN"]}

def call(method, url, headers, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")

def remove():
    try:
        call("DELETE", identity, {**service, "If-Match": "*"})
    except urllib.error.HTTPError as error:
        if error.code != 404:
            print(f"IoT Hub answered {error.code} to the removal of {device}.", file=sys.stderr)

def signature(key):
    resource = urllib.parse.quote(f"{hub}/devices/{device}", safe="")
    expiry = int(time.time()) + 300
    mac = hmac.digest(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256)
    return f"SharedAccessSignature sr={resource}&sig={urllib.parse.quote(base64.b64encode(mac), safe='')}&se={expiry}"

remove()
try:
    registered = call("PUT", identity, service, {"deviceId": device, "authentication": {"type": "sas"}})
    call("POST", f"https://{hub}/devices/{device}/messages/events?api-version=2021-04-12",
         {"Authorization": signature(registered["authentication"]["symmetricKey"]["primaryKey"])},
         {"temperature": 21.5, "humidity": 40.5})
except urllib.error.HTTPError as error:
    sys.exit(f"IoT Hub answered {error.code} {error.reason}.")
finally:
    remove()
PYTHON
}

# Rights can take some minutes to be known everywhere: both doors are tried before the clock starts.
ready=
for attempt in $(seq 1 30); do
  PGPASSWORD=$(az account get-access-token --resource-type oss-rdbms --query accessToken --output tsv)
  export PGPASSWORD
  if become_owner && count >/dev/null && send; then
    ready=yes
    break
  fi
  say "The database or the hub does not take the jobs' identity yet (attempt $attempt of 30)."
  sleep 10
done
if [[ -z $ready ]]; then
  say "The database or the hub did not take the jobs' identity for five minutes."
  exit 1
fi

started=$SECONDS
rows=$(count)
while ((rows < ROWS && SECONDS - started < SECONDS_ALLOWED)); do
  sleep 1
  rows=$(count)
done
waited=$((SECONDS - started))

say "$DEVICE has $rows rows after $waited s; expected $ROWS within $SECONDS_ALLOWED s."
printf '{"rows":"%s","seconds":"%s"}' "$rows" "$waited" >"$AZ_SCRIPTS_OUTPUT_PATH"
