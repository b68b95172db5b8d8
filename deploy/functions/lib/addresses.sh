# Addresses: as they are given, and this machine's own. Sourced by deploy.sh and console.sh.
# shellcheck shell=bash disable=SC2154,SC2034 # the script that sources this sets and reads the others

# Prints an address as CIDR. It is digits, dots, colons and hexadecimals, so it needs no escaping in JSON.
as_cidr() {
  local option=$1 address=$2
  [[ $address =~ ^[0-9a-fA-F.:]+(/[0-9]{1,3})?$ ]] || wrong "$option '$address' is no address such as 203.0.113.7/32."
  [[ $option != --device-address || $address != *:* ]] ||
    wrong "$option '$address' is an IPv6 address. IoT Hub's filter knows IPv4 alone, and devices come to it by IPv4."
  case $address in
    */*) printf '%s' "$address" ;;
    *:*) printf '%s/128' "$address" ;;
    *) printf '%s/32' "$address" ;;
  esac
}

scm_status() { curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' "https://$scm_host/" || true; }

# The front end says in its refusal which address it refused: behind a proxy that is another one than others would see.
find_deployer_address() {
  local refused
  [[ -z $deployer_address ]] || return 0
  refused=$(curl --silent --max-time 20 --output /dev/null --dump-header - "https://$scm_host/" |
    tr -d '\r[]' | awk 'tolower($1) == "x-ms-forbidden-ip:" { print $2 }') || true
  # An administrator is let in there. The vault lets no machine in, and says so with its address.
  [[ $refused =~ ^[0-9a-fA-F.:]+$ ]] ||
    refused=$(az keyvault secret list --vault-name "$vault" --query '[].name' --output tsv 2>&1 |
      sed -n 's/.*Client address: *\([0-9a-fA-F.:]*\).*/\1/p' | head -n 1) || true
  [[ $refused =~ ^[0-9a-fA-F.:]+$ ]] ||
    fail 'Neither the scm site nor the vault said from which address this machine comes. Name it: --deployer-address ADDRESS'
  deployer_address=$(as_cidr --deployer-address "$refused")
}
