# The command lines of deploy.sh, verify.sh and console.sh. Each sources this and has a function usage.
# shellcheck shell=bash disable=SC2034 # the script that sources this reads what is set here

wrong() {
  printf 'error: %s\n\n' "$1" >&2
  usage >&2
  exit 2
}

# next_option VALUED SWITCHES HINT ARGUMENT…: takes the first argument apart, which has to be --help or one of these
# (options that take a value, options that take none; with spaces between). Sets option, value, and taken, how many
# arguments that were.
next_option() {
  local valued=" $1 " switches=" $2 " hint=$3
  shift 3
  option=$1 value='' taken=1
  if [[ $option == --help || $option == -h ]]; then
    usage
    exit 0
  fi
  [[ $switches != *" $option "* ]] || return 0
  [[ $valued == *" $option "* ]] || wrong "There is no option $option.$hint"
  [[ -n ${2-} ]] || wrong "$option needs a value."
  value=$2 taken=2
}

need_group() {
  [[ -n $group ]] || wrong 'Name the resource group: --resource-group NAME'
}
