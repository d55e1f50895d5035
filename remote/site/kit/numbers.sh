# What is given as a number is looked at before bash computes with it: in $((...)) it may name a command to run.

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# set_number VARIABLE TEXT: a run or segment number without leading zeros: bash takes 0089 for octal.
set_number() {
    [[ $2 =~ ^[0-9]{1,10}$ ]] || fail "not a number: '$2'"
    printf -v "$1" '%d' "$((10#$2))"
}
