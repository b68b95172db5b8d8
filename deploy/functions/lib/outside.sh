# What verify.sh asks from this machine. Sourced by verify.sh.
# shellcheck shell=bash disable=SC2154 # verify.sh sets what is read here

status_of() { curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' "$1" || true; }

# Storage answers everybody without a token with a refusal; only its error code tells the network's from another one.
storage_refusal() {
  curl --silent --max-time 20 --output /dev/null --dump-header - "$1?comp=list" |
    tr -d '\r' | awk 'tolower($1) == "x-ms-error-code:" { print $2 }' || true
}

# The vault looks at the token first, so it is asked with one.
vault_refusal() {
  local answer
  if answer=$(az keyvault secret list --vault-name "$vault" --query '[].name' --output tsv 2>&1); then
    printf 'let in'
  elif [[ $answer == *ForbiddenByFirewall* ]]; then
    printf ForbiddenByFirewall
  else
    say "The vault said: $answer"
    printf 'another error'
  fi
}

# The hub answers a wrong address as it answers a wrong key. So it is asked with a right one, which this machine holds for
# a moment and puts on no command line; what is asked for (feedback of commands) changes nothing.
hub_status() {
  local key
  key=$(az iot hub policy show --resource-group "$group" --hub-name "$hub" --name service --query primaryKey --output tsv) || return 1
  (umask 077 && HUB_KEY=$key HUB_HOST=$hub_host python3 - >"$work/hub-headers") <<'PYTHON'
import base64, hashlib, hmac, os, time, urllib.parse
host, key = os.environ["HUB_HOST"], os.environ["HUB_KEY"]
expiry = int(time.time()) + 300
signature = base64.b64encode(hmac.digest(base64.b64decode(key), f"{host}\n{expiry}".encode(), hashlib.sha256))
print(f"Authorization: SharedAccessSignature sr={host}&sig={urllib.parse.quote(signature, safe='')}&se={expiry}&skn=service")
PYTHON
  curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' --header "@$work/hub-headers" \
    "https://$hub_host/messages/serviceBound/feedback?api-version=2021-04-12" || true
}

ask_outside() {
  say 'Asking from this machine …'
  expect 'app, from outside' 403 "$(status_of "https://$app_host/api/live")"
  expect 'scm site, from outside' 403 "$(status_of "https://$scm_host/")"
  expect 'Cosmos DB, from outside' '40[13]' "$(status_of "$cosmos_endpoint")"
  expect 'storage of checkpoints, from outside' AuthorizationFailure "$(storage_refusal "$state_blobs")"
  expect 'storage of the content share, from outside' AuthorizationFailure "$(storage_refusal "$content_files")"
  expect 'Key Vault, from outside' ForbiddenByFirewall "$(vault_refusal)"
  if [[ $hub_locked == true ]]; then
    expect 'IoT hub (locked), with a right key, from outside' 401 "$(hub_status)"
  else
    expect 'IoT hub (not locked), with a right key' 204 "$(hub_status)"
  fi
}
