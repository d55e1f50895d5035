#!/bin/bash
# Has each line of the fit.conf the columns that the library of the fit reads? By hand, from anywhere:
#   bash check_fit_conf.sh
# The fit job runs it first. The library does not check: with other columns it aborts at the first trace.
set -euo pipefail
stage=fit
kit=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
FRIB_IN_CONTAINER=${FRIB_IN_CONTAINER:-not} # it is where it was started
source "$kit/common.sh"

# The version of DDASToys: what site.conf says, or what is in the path of its library.
path="$FIT_LIBRARY $(readlink -f -- "$FIT_LIBRARY" || true)"
if [[ -n $FIT_VERSION ]]; then
    from='by site.conf'
elif [[ ${path,,} =~ ddastoys[/-]v?([0-9]+\.[0-9]+) ]]; then
    FIT_VERSION=${BASH_REMATCH[1]} from='by the path of the library'
else
    FIT_VERSION=6.4 from=assumed
fi
[[ $FIT_VERSION =~ ^([0-9]{1,3})\.([0-9]{1,3})(-[0-9]+)?$ ]] || fail "FIT_VERSION is no version as 6.4: '$FIT_VERSION'"
version=$((10#${BASH_REMATCH[1]} * 1000 + 10#${BASH_REMATCH[2]}))
if ((version < 6000)); then
    columns=(crate slot channel low high saturation)
elif ((version < 6004)); then
    columns=(crate slot channel low high saturation '"model"')
else
    columns=(crate slot channel length low high saturation '"model"' '"template"')
fi
printf 'Library %s  DDASToys %s (%s)  Columns %d  FitConfig %s\n' \
    "$FIT_LIBRARY" "$FIT_VERSION" "$from" "${#columns[@]}" "$FIT_CONFIGFILE"

[[ -r $FIT_CONFIGFILE ]] || fail "Unable to open the configuration file: $FIT_CONFIGFILE"
column='^[[:space:]]*("([^"\\]|\\.)*"|[^[:space:]]+)(.*)$'
number=0
while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1)) count=0
    while [[ $line =~ $column && ${BASH_REMATCH[1]} != '#'* ]]; do
        count=$((count + 1)) line=${BASH_REMATCH[3]}
    done
    ((count == 0 || count == ${#columns[@]})) ||
        fail "${FIT_CONFIGFILE##*/} line $number: $count columns, but DDASToys $FIT_VERSION reads ${#columns[@]}:" \
            "${columns[*]}"
done <"$FIT_CONFIGFILE"
