#!/usr/bin/env bash
# Puts Ingest into a resource group: network, IoT hub, Function app, Cosmos DB, PostgreSQL with TimescaleDB, all of it
# locked. Running it again changes what differs and nothing else.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy.sh --resource-group NAME --location REGION [options]

  --resource-group NAME        made when it does not exist
  --location REGION            an Azure region, such as westeurope
  --size small|production      which of the two sizes in this folder; default: the one that is there, else small
  --parameters FILE            a .bicepparam of your own instead of --size
  --resize                     the size, or the parameters file, is another one than before, and is meant to be
  --administrator ADDRESS      CIDR that reaches the app, its scm site and a locked IoT hub; may be repeated
  --device-address ADDRESS     CIDR devices come from, for a locked IoT hub; may be repeated
  --database-server NAME       another database server than before: one that was restored (see Restore there)
  --alarm-address ADDRESS      e-mail address that alarms go to; may be repeated; default: those that are there
  --deployer-address ADDRESS   the address from which this machine reaches Azure; default: what the scm site sees
  --hub-key primary|secondary  which key of the hub's policy "service" the app reads with; default: the one it has, else
                               primary. The other one can be renewed meanwhile (see Rotate in docs/operations.md)
  --share-key primary|secondary  the same for the account of the content share
  --package FILE               a zip of the published Function app; default: published from src/Ingest.Functions
  --rollback                   deploy the package that ran before, and nothing else; once more, and it is undone
  --what-if                    say what would change, and change nothing
  --help

Needs the Azure CLI with a current Bicep (az bicep upgrade), curl, and unless --package is given the .NET 10 SDK and zip.
You have to be Owner of the resource group, or its Contributor and Role Based Access Control Administrator (in production
User Access Administrator, for the locks). To make the
group, and to register resource providers that the subscription does not know yet, you need the same in the
subscription; somebody else can do both beforehand, and the script says how. It asks for the rights before it changes
anything.
USAGE
}

# shellcheck source-path=SCRIPTDIR source=lib/options.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/options.sh"
# shellcheck source-path=SCRIPTDIR source=lib/addresses.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/addresses.sh"

group='' location='' size='' parameters='' package='' what_if='' resize='' rollback='' deployer_address=''
hub_key='' share_key='' database_server=''
administrators='' devices='' alarms=''
valued='--resource-group --location --size --parameters --administrator --device-address --alarm-address --deployer-address'
valued+=' --package --hub-key --share-key --database-server'

while (($# > 0)); do
  next_option "$valued" '--what-if --resize --rollback' '' "$@"
  shift "$taken"
  case $option in
    --what-if) what_if=yes ;;
    --resize) resize=yes ;;
    --rollback) rollback=yes ;;
    --resource-group) group=$value ;;
    --location) location=$value ;;
    --size) size=$value ;;
    --parameters) parameters=$value ;;
    --administrator)
      cidr=$(as_cidr "$option" "$value") || exit 2
      administrators+="${administrators:+,}\"$cidr\""
      ;;
    --device-address)
      cidr=$(as_cidr "$option" "$value") || exit 2
      devices+="${devices:+,}\"$cidr\""
      ;;
    --alarm-address)
      [[ $value =~ ^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$ ]] || wrong "--alarm-address '$value' is no e-mail address."
      alarms+="${alarms:+,}\"$value\""
      ;;
    --deployer-address) deployer_address=$(as_cidr "$option" "$value") || exit 2 ;;
    --package) package=$value ;;
    --hub-key) hub_key=$value ;;
    --share-key) share_key=$value ;;
    --database-server) database_server=$value ;;
  esac
done

need_group
[[ -z $rollback || -z $size$parameters$package$what_if$resize$hub_key$share_key$database_server$administrators$devices$alarms ]] ||
  wrong '--rollback deploys the package from before and changes nothing else: it goes with --resource-group, --location and --deployer-address alone.'
[[ -n $location || -n $rollback ]] || wrong 'Name the region: --location REGION'
[[ -z $size || $size == small || $size == production ]] || wrong "--size '$size' is neither small nor production."
for key in "${hub_key:-primary}" "${share_key:-primary}"; do
  [[ $key == primary || $key == secondary ]] || wrong "A key is primary or secondary, not '$key'."
done
need_devices() {
  [[ $size != production || -n $devices ]] || wrong \
    'In production IoT Hub answers only to addresses you name. Name where your devices come from: --device-address ADDRESS
       (0.0.0.0/0 lets them in from everywhere, and everybody with them; their keys still count).'
}

need_devices
[[ -z $size || -z $parameters ]] || wrong '--size and --parameters exclude each other.'

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
root=$(cd "$here/../.." && pwd)

# shellcheck source-path=SCRIPTDIR source=lib/permissions.sh
source "$here/lib/permissions.sh"
# shellcheck source-path=SCRIPTDIR source=lib/found.sh
source "$here/lib/found.sh"
# shellcheck source-path=SCRIPTDIR source=lib/package.sh
source "$here/lib/package.sh"
# shellcheck source-path=SCRIPTDIR source=lib/storage.sh
source "$here/lib/storage.sh"
# shellcheck source-path=SCRIPTDIR source=lib/released.sh
source "$here/lib/released.sh"

[[ -z $parameters || -f $parameters ]] || fail "There is no file '$parameters'."
[[ -z $parameters ]] || size=own
[[ -z $package || -f $package ]] || fail "There is no file '$package'."

need_az
need curl 'Install curl.'
if [[ -n $rollback ]]; then
  read_installation "$group"
  refuse_a_second_deployment
  roll_back
  say "Done. The app $app runs the package from before; running this again goes back to the other."
  exit 0
fi
if [[ -z $package && -z $what_if ]]; then
  need dotnet 'Install the .NET 10 SDK (https://dot.net), or pass --package FILE.'
  need zip 'Install zip, or pass --package FILE.'
fi

exists=$(az group exists --name "$group")
resources='' found_network='' found_location='' found_size='' found_server='' found_content='' found_hub_key='' found_share_key=''
[[ $exists != true ]] || read_found
settle_size
need_devices
[[ -z $database_server || -n $resources ]] || fail "There is no installation in '$group' that could use the database server $database_server."
[[ -z $database_server ]] || found_server=$database_server

say "Subscription:   $subscription"
say "Resource group: $group"
say "Region:         $location"
say "Size:           $size${parameters:+ ($parameters)}"
say 'It makes a virtual network with a NAT gateway, an IoT hub, a Function app (Elastic Premium), Cosmos DB, a PostgreSQL'
say 'server, a key vault, three storage accounts, Log Analytics and Application Insights, alarms, three managed identities.'
case $size in
  small) say 'A month costs about 345 USD at list prices; most of it runs whether messages come or not (see README.md).' ;;
  production) say 'A month costs about 5,500 USD at list prices, half of it the IoT hub (see README.md).' ;;
esac

parameters_file=${parameters:-$here/$size.bicepparam}
locks=''
! grep -Eq '^(param lockData *= *true|extends .*production)' "$parameters_file" || locks=yes

main=(--resource-group "$group" --parameters "$parameters_file" --parameters "location=$location" "size=$size"
  "hubKey=${hub_key:-${found_hub_key:-primary}}" "contentShareKey=${share_key:-${found_share_key:-primary}}")
[[ -z $administrators ]] || main+=(--parameters "administratorAddresses=[$administrators]")
[[ -z $devices ]] || main+=(--parameters "deviceAddresses=[$devices]")
if [[ -n $resources ]]; then
  found=$(found_parameter) || fail 'What is there already could not be read, so nothing was changed.'
  main+=(--parameters "found=$found")
  if [[ -z $alarms ]]; then
    alarms=$(found_alarm_addresses) || fail 'To whom alarms go could not be read, so nothing was changed.'
  fi
fi

[[ -z $alarms ]] || main+=(--parameters "alarmAddresses=[$alarms]")

if [[ -n $what_if ]]; then
  if [[ $exists != true ]]; then
    say "The resource group '$group' does not exist: everything above would be made. Nothing was changed."
    exit 0
  fi
  az deployment group what-if --name ingest-main "${main[@]}"
  say 'Nothing was changed.'
  exit 0
fi

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
    jobsPrincipalId "\"$jobs_principal\"" databaseServer "\"$postgres\"" seedDevice "\"$seed_device\"" \
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

if [[ $exists == true ]]; then
  refuse_a_second_deployment
fi
ask_for_rights
if [[ $exists != true ]]; then
  az group create --name "$group" --location "$location" --output none
fi
[[ -n $resources ]] || recover_deleted || fail 'The deleted vault was not recovered; the message above says why. Nothing else was made.'
[[ -z $resources ]] || show_changes

# The package first: it is the cheapest thing to fail.
[[ -n $package ]] || build

# The app caches what it reads from the vault for a day. Asked so, it reads again; the upload that follows starts it anew.
refresh_secrets() {
  az rest --method post --output none --url \
    "$subscription_id/resourceGroups/$group/providers/Microsoft.Web/sites/$app/config/configreferences/appsettings/refresh?api-version=2022-03-01" ||
    fail 'The app was not told to read its secrets again. Running this again is safe; by itself it reads them within a day.'
}

stop_main() { insist stop_deployment ingest-main; }

say 'Deploying (half an hour the first time, some minutes later on) …'
opening stop_main
az deployment group create --name ingest-main "${main[@]}" --output none ||
  fail 'Azure refused something; its message is above. Nothing is lost: correct it and run this again.'
forget_last
read_installation "$group"
restart_database_if_needed
install
refresh_secrets
keep_package
upload
note_release

say ''
say "Done. https://$app_host answers in the callers' subnet and nowhere else; outbound address $outbound_address."
say "Check it: $here/verify.sh --resource-group '$group'"
