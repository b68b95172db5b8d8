# What deploy.sh may do, asked before it makes anything. Sourced by deploy.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # the script that sources this sets and reads the others

# Everything that the deployment does and a mere reader may not. Roles are assigned, so Contributor alone is too little.
needed_in_group=(
  Microsoft.Authorization/roleAssignments/write
  Microsoft.Authorization/roleAssignments/delete
  Microsoft.Resources/deployments/write
  Microsoft.Resources/deployments/cancel/action
  Microsoft.Resources/deploymentScripts/write
  Microsoft.ManagedIdentity/userAssignedIdentities/assign/action
  Microsoft.Network/virtualNetworks/write
  Microsoft.Devices/IotHubs/write
  Microsoft.Devices/IotHubs/listkeys/action
  Microsoft.Storage/storageAccounts/write
  Microsoft.Storage/storageAccounts/listKeys/action
  Microsoft.KeyVault/vaults/write
  Microsoft.KeyVault/vaults/secrets/write
  Microsoft.DocumentDB/databaseAccounts/write
  Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/write
  Microsoft.DBforPostgreSQL/flexibleServers/write
  Microsoft.DBforPostgreSQL/flexibleServers/administrators/write
  Microsoft.Web/sites/write
  Microsoft.Web/sites/publish/action
)

# What a size with locks (lockData) needs besides.
needed_for_locks=(Microsoft.Authorization/locks/write Microsoft.Authorization/locks/delete)

needed_providers=(ContainerInstance DBforPostgreSQL Devices DocumentDB Insights KeyVault ManagedIdentity Network
  OperationalInsights Storage Web)

# covers ACTIONS ACTION: whether one of the comma-separated patterns fits. In Azure a star stands for anything, slashes
# too, and case does not count.
covers() {
  local pattern patterns
  IFS=, read -r -a patterns <<<"$1"
  for pattern in "${patterns[@]-}"; do
    # shellcheck disable=SC2053 # the pattern is a pattern
    [[ -n $pattern && $2 == $pattern ]] && return 0
  done
  return 1
}

# denied_at SCOPE ACTION…: prints the actions that whoever is signed in may not do there.
denied_at() {
  local scope=$1 permissions action allowed excepted found
  shift
  permissions=$(az rest --method get --url "$scope/providers/Microsoft.Authorization/permissions?api-version=2022-04-01" --output tsv \
    --query "value[].join('|', [join(',', actions), join(',', notActions)])") || return 1
  shopt -s nocasematch
  for action; do
    found=
    while IFS='|' read -r allowed excepted; do
      if covers "$allowed" "$action" && ! covers "$excepted" "$action"; then
        found=yes
      fi
    done <<<"$permissions"
    [[ -n $found ]] || printf '%s\n' "$action"
  done
  shopt -u nocasematch
}

# What is missing in the subscription is only asked for where it is needed: both can be done beforehand by somebody else.
ask_for_rights() {
  local scope=$subscription_id denied lacking registered provider unregistered=()
  registered=$(az provider list --query "[?registrationState=='Registered'].namespace" --output tsv)
  for provider in "${needed_providers[@]}"; do
    grep -qix "Microsoft.$provider" <<<"$registered" || unregistered+=("Microsoft.$provider")
  done
  lacking=''
  if ((${#unregistered[@]} > 0)); then
    denied=$(denied_at "$scope" "${unregistered[@]/%//register/action}")
    [[ -z $denied ]] || lacking+="
  in the subscription: $(tr '\n' ' ' <<<"$denied")
    Without them: have somebody who is Contributor there run, for each of these, az provider register --namespace NAME"
  fi
  if [[ $exists != true ]]; then
    denied=$(denied_at "$scope" Microsoft.Resources/subscriptions/resourceGroups/write)
    [[ -z $denied ]] || lacking+="
  in the subscription: $denied
    Without it: have somebody make the group and you its Owner: az group create --name '$group' --location $location"
  else
    scope+=/resourceGroups/$group
  fi
  denied=$(denied_at "$scope" "${needed_in_group[@]}")
  [[ -z $denied ]] || lacking+="
  in the resource group: $(tr '\n' ' ' <<<"$denied")
    Be its Owner, or its Contributor and Role Based Access Control Administrator without conditions."
  denied=
  [[ -z $locks ]] || denied=$(denied_at "$scope" "${needed_for_locks[@]}")
  [[ -z $denied ]] || lacking+="
  in the resource group: $(tr '\n' ' ' <<<"$denied")
    Be its Owner or its User Access Administrator, or set lockData to false in a parameters file of your own."
  [[ -z $lacking ]] || fail "You lack rights, and nothing was changed:$lacking"

  for provider in "${unregistered[@]-}"; do
    [[ -n $provider ]] || continue
    say "Registering $provider in the subscription …"
    az provider register --namespace "$provider" --wait
  done
}
