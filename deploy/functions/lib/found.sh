# What an earlier run or an operator has made and a new run must not undo: read from Azure before anything is deployed.
# Sourced by deploy.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # the script that sources this sets and reads the others

# found_of TYPE [PART]: the name of the installation's resource of a type.
found_of() { awk -F '|' -v type="$1" -v part="${2-}" 'tolower($1) == tolower(type) && index($2, part) { print $2; exit }' <<<"$resources"; }

read_found() {
  local line
  resources=$(az resource list --resource-group "$group" --output tsv --query \
    "[?tags.\"ingest-size\"].join('|', [type, name, location, tags.\"ingest-size\", tags.\"ingest-hub-key\" || '', tags.\"ingest-share-key\" || '', tags.\"ingest-database\" || ''])")
  line=$(awk -F '|' 'tolower($1) == "microsoft.network/virtualnetworks" { print; exit }' <<<"$resources")
  IFS='|' read -r _ found_network found_location found_size _ _ found_server <<<"$line"
  line=$(awk -F '|' 'tolower($1) == "microsoft.keyvault/vaults" { print; exit }' <<<"$resources")
  IFS='|' read -r _ _ _ _ found_hub_key found_share_key _ <<<"$line"
  [[ -n $found_server ]] || found_server=$(found_of Microsoft.DBforPostgreSQL/flexibleServers)
  found_content=$(found_of Microsoft.Storage/storageAccounts content)
}

# A vault keeps its name for some days after it was deleted, and a new one of that name is refused: it is recovered, with
# the tags and the rules it had. A deleted Cosmos DB account leaves its name free and its documents restorable.
recover_deleted() {
  local deleted vault where account
  deleted=$(az keyvault list-deleted --resource-type vault --output tsv --query \
    "[?properties.tags.\"ingest-size\" && contains(properties.vaultId, '/resourceGroups/$group/')].join('|', [name, properties.location])") ||
    say "Note: you may not list deleted vaults. Should Azure say that the vault's name is taken: az keyvault recover --name NAME"
  while IFS='|' read -r vault where; do
    [[ -n $vault ]] || continue
    say "Recovering the key vault $vault, which was deleted …"
    az keyvault recover --name "$vault" --location "$where" --resource-group "$group" --output none || return 1
  done <<<"$deleted"
  deleted=$(az cosmosdb restorable-database-account list --location "$location" --output tsv --query \
    "[?deletionTime && contains(accountName, '-cosmos-')].join(' ', [accountName, 'deleted', deletionTime])") || deleted=
  while read -r account; do
    [[ -n $account ]] || continue
    say "Note: the documents of the Cosmos DB account $account can still be restored (az cosmosdb restore)."
  done <<<"$deleted"
}

# The size is that of the first run, until somebody asks for another one.
settle_size() {
  [[ -z $found_location || $found_location == "$location" ]] ||
    fail "This installation is in $found_location, and nothing of it can be moved to $location. Name the region: --location $found_location"
  if [[ -z $size && -z $parameters ]]; then
    size=${found_size:-small}
  fi
  [[ $size != own || -n $parameters ]] ||
    fail 'This installation was made with a parameters file of your own. Name it again: --parameters FILE'
  [[ -z $found_size || $found_size == "$size" || -n $resize ]] ||
    fail "This installation has the size $found_size. Leave --size out to keep it, or add --resize to change it to $size."
}

# Prints the parameter "found" of main.bicep as JSON. All of it is names, numbers and ids: nothing to escape.
found_parameter() {
  local gigabytes='' extensions='' libraries='' share='' subnets name table tables='' gateway nat=''
  if [[ -n $found_server ]]; then
    gigabytes=$(az postgres flexible-server show --resource-group "$group" --name "$found_server" --query storage.storageSizeGb --output tsv) || return 1
    extensions=$(server_parameter azure.extensions) || return 1
    libraries=$(server_parameter shared_preload_libraries) || return 1
  fi
  if [[ -n $found_content ]]; then
    share=$(az storage share-rm list --resource-group "$group" --storage-account "$found_content" --query "[?name=='content'].shareQuota" --output tsv) || return 1
  fi
  if [[ -n $found_network ]]; then
    subnets=$(az network vnet subnet list --resource-group "$group" --vnet-name "$found_network" --output tsv \
      --query "[].join('|', [name, routeTable.id || '', natGateway.id || ''])") || return 1
    while IFS='|' read -r name table gateway; do
      [[ $name != functions ]] || nat=${gateway##*/}
      case $name in
        callers | functions | database | jobs) [[ -z $table ]] || tables+="${tables:+,}\"$name\":\"$table\"" ;;
        '') ;;
        *)
          say "error: The network $found_network has a subnet '$name' that is not of this installation, and would be removed."
          say '       Move it to a network of its own, and peer the two.'
          return 1
          ;;
      esac
    done <<<"$subnets"
  fi
  printf '{"databaseServer":"%s","databaseGigabytes":%s,"databaseExtensions":"%s","databaseLibraries":"%s","contentShareGigabytes":%s,"natGateway":"%s","routeTables":{%s}}' \
    "$found_server" "${gigabytes:-0}" "$extensions" "$libraries" "${share:-0}" "$nat" "$tables"
}

# As the inside of a JSON list.
found_alarm_addresses() {
  local people address list='' addresses
  people=$(found_of Microsoft.Insights/actionGroups)
  [[ -n $people ]] || return 0
  addresses=$(az monitor action-group show --resource-group "$group" --name "$people" --query 'emailReceivers[].emailAddress' --output tsv) || return 1
  for address in $addresses; do
    list+="${list:+,}\"$address\""
  done
  printf '%s' "$list"
}

server_parameter() {
  az postgres flexible-server parameter show --resource-group "$group" --server-name "$found_server" --name "$1" --query value --output tsv
}

# What Azure cannot change of what is there: type of the resource, path of the property, what it is.
fixed=(
  'Microsoft.Devices/IotHubs|properties.eventHubEndpoints.events.partitionCount|partitions of the IoT hub'
  'Microsoft.DocumentDB/databaseAccounts|properties.capabilities|serverless or not of Cosmos DB'
  'Microsoft.DocumentDB/databaseAccounts|properties.locations|zones of Cosmos DB'
  'Microsoft.DBforPostgreSQL/flexibleServers|properties.backup.geoRedundantBackup|geo-redundant backup of the database'
  'Microsoft.DBforPostgreSQL/flexibleServers|properties.version|version of PostgreSQL'
  'Microsoft.Network/virtualNetworks|properties.addressSpace.addressPrefixes|addresses of the network'
  'Microsoft.Storage/storageAccounts|sku.name|redundancy of a storage account'
  'Microsoft.Web/serverfarms|properties.zoneRedundant|zones of the functions'
)

fixed_query() {
  local rule type path what query=''
  for rule in "${fixed[@]}"; do
    IFS='|' read -r type path what <<<"$rule"
    query+="${query:+, }(changes[?contains(resourceId, '/$type/')].delta[] | [?path=='$path'].join(' ', ['$what:', to_string(before), 'to', to_string(after)]))"
  done
  printf '[%s][]' "$query"
}

# Shows what a run upon an installation would change, and refuses what Azure would refuse half-way.
show_changes() {
  local impossible
  say 'What this changes:'
  az deployment group what-if --name ingest-main "${main[@]}"
  impossible=$(az deployment group what-if --name ingest-main "${main[@]}" --no-pretty-print --query "$(fixed_query)" --output tsv)
  [[ -z $impossible ]] || fail "Azure cannot change what this asks for, so nothing was changed:
       ${impossible//$'\n'/$'\n'       }
       Copy the size's .bicepparam, set these as they are, and pass it: --parameters FILE --resize"
}
