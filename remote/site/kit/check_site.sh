#!/bin/bash
# Does the site's container start, and is each program of site.conf in it? By hand, from anywhere:
#   bash check_site.sh
set -euo pipefail
stage=check
kit=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
source "$kit/common.sh"

bad=0
look_for() { # PROGRAM SETTING
    local found
    if found=$(type -P -- "$1"); then
        printf 'good  %s: %s\n' "$2" "$found"
    else
        printf 'BAD   %s: there is no program %s in PATH=%s%s\n' "$2" "$1" "$PATH" "${IMAGE:+, image $IMAGE}"
        bad=1
    fi
}
look_for "${FIT_COMMAND[0]}" FIT_COMMAND
look_for "${CONVERT_COMMAND[0]}" CONVERT_COMMAND
look_for "${ANALYZE_COMMAND[0]}" ANALYZE_COMMAND
[[ -z ${LAUNCHER[*]:-} ]] || look_for "${LAUNCHER[0]}" LAUNCHER
exit "$bad"
