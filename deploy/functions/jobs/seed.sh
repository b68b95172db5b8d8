#!/usr/bin/env bash
# Runs in a container inside the jobs' subnet (see jobs.bicep), never on the deployer's machine. Puts the document of
# one device, so that its lookup answers. Reads COSMOS_ENDPOINT, COSMOS_DATABASE, COSMOS_CONTAINER and DEVICE.
# Putting it again changes nothing.
set -euo pipefail

: "${COSMOS_ENDPOINT:?}" "${COSMOS_DATABASE:?}" "${COSMOS_CONTAINER:?}" "${DEVICE:?}"

say() { printf '%s\n' "$*" >&2; }

work=$(mktemp -d)
endpoint=${COSMOS_ENDPOINT%/}
endpoint=${endpoint%:443}

# A token never goes on a command line, not even here: curl reads its headers from a file.
headers() {
  local token
  token=$(az account get-access-token --resource "$endpoint" --query accessToken --output tsv)
  cat <<HEADERS
Authorization: type%3Daad%26ver%3D1.0%26sig%3D$token
Content-Type: application/json
x-ms-date: $(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
x-ms-version: 2018-12-31
x-ms-documentdb-is-upsert: true
x-ms-documentdb-partitionkey: ["$DEVICE"]
HEADERS
}

printf '{"id":"%s","name":"%s"}' "$DEVICE" "$DEVICE" >"$work/document.json"

# The role and the network rule can take some minutes to be known everywhere: until then the answer is 401 or 403.
for attempt in $(seq 1 30); do
  (umask 077 && headers >"$work/headers")
  status=$(curl --silent --show-error --output "$work/answer" --write-out '%{http_code}' \
    --header "@$work/headers" --data "@$work/document.json" \
    "$endpoint/dbs/$COSMOS_DATABASE/colls/$COSMOS_CONTAINER/docs" || true)
  case $status in
    200 | 201)
      say "The document of $DEVICE is there."
      exit 0
      ;;
    400 | 404)
      break
      ;;
  esac
  say "Cosmos DB answered $status (attempt $attempt of 30)."
  sleep 10
done
say "Cosmos DB did not take the document of $DEVICE; it answered $status: $(cat "$work/answer" 2>/dev/null || true)"
exit 1
