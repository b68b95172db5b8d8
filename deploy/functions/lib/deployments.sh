# Deployments in Azure go on when the program that began them ends. Sourced by common.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # the script that sources this sets and reads the others

# The names of a deployment's parts that are not over; a part's name begins with the whole's (see main.bicep).
parts_running() {
  az deployment group list --resource-group "$group" --output tsv --query \
    "[?starts_with(name, '$1') && !contains(['Succeeded', 'Failed', 'Canceled'], properties.provisioningState)].name"
}

# Cancels a deployment that is still running, and waits until it has ended: what it was making is made by then or not,
# and nothing comes after it.
stop_deployment() {
  local name=$1 running part attempt
  running=$(parts_running "$name") || return 1
  [[ -n $running ]] || return 0
  say "Cancelling the deployment $name in Azure, and waiting until it has ended …"
  for attempt in $(seq 1 180); do
    for part in $running; do
      # What ended this moment cannot be cancelled any more, and need not be.
      az deployment group cancel --resource-group "$group" --name "$part" --output none 2>/dev/null || true
    done
    sleep 10
    running=$(parts_running "$name") || return 1
    [[ -n $running ]] || return 0
  done
  say "error: The deployment $name is still running in Azure after $attempt attempts to cancel it. Look at it:"
  say "       az deployment group list --resource-group '$group' --output table"
  return 1
}

# A script whose deployment was cancelled can still run in its container.
stop_scripts() {
  local scripts script
  scripts=$(az deployment-scripts list --resource-group "$group" --output tsv --query \
    "[?starts_with(name, '$installation-') && !contains(['Succeeded', 'Failed', 'Canceled'], provisioningState)].name") || return 1
  for script in $scripts; do
    az deployment-scripts delete --resource-group "$group" --name "$script" --yes --output none || return 1
  done
}

# Two at once would undo each other.
refuse_a_second_deployment() {
  local running
  running=$(parts_running ingest-)
  [[ -z $running ]] || fail "A deployment is running in '$group' already: ${running//$'\n'/, }. Wait until it has ended, or cancel it:
       az deployment group cancel --resource-group '$group' --name ingest-main"
}
