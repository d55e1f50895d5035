#!/bin/bash
# What a job of a stage finds where it runs: bash probe.sh fit|convert|analyze. Inside the container when there is one, as
# the jobs are. Prints lines of words with tabs between them:
#   inside HOST, container WORDS, program NAME PATH (of one that is not there the path is empty),
#   fitconf RC LINE (what check_fit_conf.sh says)
set -euo pipefail
stage=$1
kit=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
source "$kit/common.sh"

printf 'inside\t%s\n' "$HOSTNAME"
printf 'container\t%s\n' "${container[*]:-}"
case $stage in
    fit) programs=("${FIT_COMMAND[0]}" ${LAUNCHER[0]:+"${LAUNCHER[0]}"}) ;;
    convert) programs=("${CONVERT_COMMAND[0]}") ;;
    analyze) programs=("${ANALYZE_COMMAND[0]}") ;;
    *) fail "not a stage: $stage" ;;
esac
for program in "${programs[@]}"; do
    printf 'program\t%s\t%s\n' "$program" "$(type -P -- "$program" || true)"
done
if [[ $stage == fit ]]; then
    said=$(bash "$kit/check_fit_conf.sh" 2>&1) && rc=0 || rc=$?
    while IFS= read -r line; do printf 'fitconf\t%d\t%s\n' "$rc" "$line"; done <<<"$said"
fi
