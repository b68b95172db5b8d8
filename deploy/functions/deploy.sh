#!/usr/bin/env bash
# Puts Ingest into a resource group: network, IoT hub, Function app, Cosmos DB, PostgreSQL with TimescaleDB, all of it
# locked. Running it again changes what differs and nothing else.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy.sh --resource-group NAME --location REGION [options]

  --resource-group NAME        made when it does not exist
  --location REGION            an Azure region, such as westeurope
  --size small|production      which of the two sizes in this folder; default: small
  --parameters FILE            a .bicepparam of your own instead of --size
  --administrator ADDRESS      CIDR that reaches the app, its scm site and a locked IoT hub; may be repeated
  --device-address ADDRESS     CIDR devices come from, for a locked IoT hub; may be repeated
  --deployer-address ADDRESS   the address from which this machine reaches Azure; default: what the scm site sees
  --package FILE               a zip of the published Function app; default: published from src/Ingest.Functions
  --what-if                    say what would change, and change nothing
  --help

Needs the Azure CLI with a current Bicep (az bicep upgrade), signed in as somebody who is Owner of the resource group
(it assigns roles), curl, and unless --package is given the .NET 10 SDK and zip.
USAGE
}

group='' location='' size=small parameters='' package='' what_if='' deployer_address=''
administrators='' devices=''

wrong() {
  printf 'error: %s\n\n' "$1" >&2
  usage >&2
  exit 2
}

# Prints an address as CIDR. It is digits, dots, colons and hexadecimals, so it needs no escaping in JSON.
as_cidr() {
  local option=$1 address=$2
  [[ $address =~ ^[0-9a-fA-F.:]+(/[0-9]{1,3})?$ ]] || wrong "$option '$address' is no address such as 203.0.113.7/32."
  case $address in
    */*) printf '%s' "$address" ;;
    *:*) printf '%s/128' "$address" ;;
    *) printf '%s/32' "$address" ;;
  esac
}

while (($# > 0)); do
  case $1 in
    --help | -h)
      usage
      exit 0
      ;;
    --what-if)
      what_if=yes
      shift
      continue
      ;;
    --resource-group | --location | --size | --parameters | --administrator | --device-address | --deployer-address | --package)
      [[ -n ${2-} ]] || wrong "$1 needs a value."
      ;;
    *)
      wrong "There is no option $1."
      ;;
  esac
  case $1 in
    --resource-group) group=$2 ;;
    --location) location=$2 ;;
    --size) size=$2 ;;
    --parameters) parameters=$2 ;;
    --administrator)
      cidr=$(as_cidr "$1" "$2") || exit 2
      administrators+="${administrators:+,}\"$cidr\""
      ;;
    --device-address)
      cidr=$(as_cidr "$1" "$2") || exit 2
      devices+="${devices:+,}\"$cidr\""
      ;;
    --deployer-address) deployer_address=$(as_cidr "$1" "$2") || exit 2 ;;
    --package) package=$2 ;;
  esac
  shift 2
done

[[ -n $group ]] || wrong 'Name the resource group: --resource-group NAME'
[[ -n $location ]] || wrong 'Name the region: --location REGION'
[[ $size == small || $size == production ]] || wrong "--size '$size' is neither small nor production."
[[ -n $parameters || $size != production || -n $devices ]] || wrong \
  'In production IoT Hub answers only to addresses you name. Name where your devices come from: --device-address ADDRESS
       (0.0.0.0/0 lets them in from everywhere, and everybody with them; their keys still count).'

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
root=$(cd "$here/../.." && pwd)

if [[ -n $parameters ]]; then
  [[ -f $parameters ]] || fail "There is no file '$parameters'."
  size="your own ($parameters)"
else
  parameters=$here/$size.bicepparam
fi
[[ -z $package || -f $package ]] || fail "There is no file '$package'."

need_az
need curl 'Install curl.'
if [[ -z $package && -z $what_if ]]; then
  need dotnet 'Install the .NET 10 SDK (https://dot.net), or pass --package FILE.'
  need zip 'Install zip, or pass --package FILE.'
fi

say "Subscription:   $subscription"
say "Resource group: $group"
say "Region:         $location"
say "Size:           $size"
say 'It makes a virtual network with a NAT gateway, an IoT hub, a Function app (Elastic Premium), Cosmos DB, a PostgreSQL'
say 'server, a key vault, three storage accounts, Log Analytics and Application Insights, two managed identities.'
case $size in
  small) say 'A month costs about 330 USD at list prices; most of it runs whether messages come or not (see README.md).' ;;
  production) say 'A month costs about 5,200 USD at list prices, half of it the IoT hub (see README.md).' ;;
esac

main=(--resource-group "$group" --parameters "$parameters" --parameters "location=$location")
[[ -z $administrators ]] || main+=(--parameters "administratorAddresses=[$administrators]")
[[ -z $devices ]] || main+=(--parameters "deviceAddresses=[$devices]")

exists=$(az group exists --name "$group")
if [[ -n $what_if ]]; then
  if [[ $exists != true ]]; then
    say "The resource group '$group' does not exist: everything above would be made. Nothing was changed."
    exit 0
  fi
  az deployment group what-if --name ingest-main "${main[@]}"
  say 'Nothing was changed.'
  exit 0
fi

register_providers() {
  local registered provider
  registered=$(az provider list --query "[?registrationState=='Registered'].namespace" --output tsv)
  for provider in ContainerInstance DBforPostgreSQL Devices DocumentDB Insights KeyVault ManagedIdentity Network \
    OperationalInsights Storage Web; do
    if ! grep -qix "Microsoft.$provider" <<<"$registered"; then
      say "Registering Microsoft.$provider in the subscription …"
      az provider register --namespace "Microsoft.$provider" --wait
    fi
  done
}

restart_database_if_needed() {
  local pending
  pending=$(az postgres flexible-server parameter show --resource-group "$group" --server-name "$postgres" \
    --name shared_preload_libraries --query isConfigPendingRestart --output tsv)
  if [[ $pending == [Tt]rue ]]; then
    say 'Restarting PostgreSQL: TimescaleDB is loaded at start …'
    az postgres flexible-server restart --resource-group "$group" --name "$postgres" --output none
  fi
}

install() {
  COPYFILE_DISABLE=1 tar -C "$root/sql" -czf "$work/sql.tar.gz" .
  write_parameters name "\"$installation\"" location "\"$region\"" task '"install"' \
    jobsPrincipalId "\"$jobs_principal\"" seedDevice "\"$seed_device\"" \
    migration "\"$(base64 <"$work/sql.tar.gz" | tr -d '\n')\"" >"$work/install.json"
  opening take_rights_away
  if [[ -n $seed_device ]]; then
    say 'Letting the jobs reach Cosmos DB (this takes some minutes) …'
    az cosmosdb network-rule add --resource-group "$group" --name "$cosmos" --subnet "$jobs_subnet" --output none
  fi
  say 'Migrating the database from inside the network …'
  run_jobs "$work/install.json" properties.provisioningState >/dev/null ||
    fail "The jobs failed. Their logs: az deployment-scripts show-log --resource-group '$group' --name $installation-migrate
       (or $installation-seed)"
  close_last
}

build() {
  say 'Publishing the Function app …'
  mkdir "$work/app"
  dotnet publish "$root/src/Ingest.Functions" --configuration Release --output "$work/app" >&2 ||
    fail 'The Function app did not build. Build it where its packages are to be had, and pass --package FILE.'
  (cd "$work/app" && zip -qr "$work/app.zip" .)
  package=$work/app.zip
}

upload_rule='package-upload'

close_scm() {
  say 'Closing the scm site …'
  insist remove_scm_rule && return 0
  say "error: The scm site of $app may still be open for ${deployer_address:-this machine}. Close it:"
  say "       az functionapp config access-restriction remove --resource-group '$group' --name $app --rule-name $upload_rule --scm-site true"
  return 1
}

remove_scm_rule() {
  local found
  found=$(az functionapp config access-restriction show --resource-group "$group" --name "$app" \
    --query "scmIpSecurityRestrictions[?name=='$upload_rule'].name" --output tsv) || return 1
  [[ -z $found ]] || az functionapp config access-restriction remove --resource-group "$group" --name "$app" \
    --rule-name "$upload_rule" --scm-site true --output none
}

scm_status() { curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' "https://$scm_host/" || true; }

# The front end says in its refusal which address it refused: behind a proxy that is another one than others would see.
find_deployer_address() {
  local refused
  [[ -z $deployer_address ]] || return 0
  refused=$(curl --silent --max-time 20 --output /dev/null --dump-header - "https://$scm_host/" |
    tr -d '\r[]' | awk 'tolower($1) == "x-ms-forbidden-ip:" { print $2 }') || true
  [[ $refused =~ ^[0-9a-fA-F.:]+$ ]] ||
    fail 'The scm site did not say from which address this machine comes. Name it: --deployer-address ADDRESS'
  deployer_address=$(as_cidr --deployer-address "$refused")
}

upload() {
  local attempt status status_before
  # An administrator's address is let in already: then there is nothing to open.
  status_before=$(scm_status)
  if [[ $status_before == 403 ]]; then
    find_deployer_address
    say "Opening the scm site for $deployer_address …"
    opening close_scm
    az functionapp config access-restriction add --resource-group "$group" --name "$app" --rule-name "$upload_rule" \
      --action Allow --ip-address "$deployer_address" --priority 90 --scm-site true --output none
    for attempt in $(seq 1 30); do
      status=$(scm_status)
      [[ $status == 403 ]] || break
      sleep 10
    done
    [[ $status != 403 ]] || fail "The scm site still refuses $deployer_address after $attempt attempts.
       Behind a proxy the address differs: name it with --deployer-address."
  fi
  say 'Uploading the Function app …'
  az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$package" --output none ||
    fail 'The package was not taken. The message above says why; running this again is safe.'
  [[ $status_before != 403 ]] || close_last
}

register_providers
if [[ $exists != true ]]; then
  az group create --name "$group" --location "$location" --output none
fi

# The package first: it is the cheapest thing to fail.
[[ -n $package ]] || build

say 'Deploying (half an hour the first time, some minutes later on) …'
az deployment group create --name ingest-main "${main[@]}" --output none ||
  fail "Azure refused something; its message is above. Nothing is lost: correct it and run this again.
       Roles are assigned, so you have to be Owner (or Contributor and User Access Administrator) of '$group'."
read_installation "$group"
restart_database_if_needed
install
upload

say ''
say "Done. https://$app_host answers in the callers' subnet and nowhere else; outbound address $outbound_address."
say "Check it: $here/verify.sh --resource-group '$group'"
