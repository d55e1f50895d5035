# What the three job scripts share. They set `stage` and `kit` (their directory), then source this file, which
#   - reads site.conf, and starts the script again inside the site's container if it names one (container.sh);
#   - gives them: set_number (of numbers.sh), set_name, begin, fill_in, need, run_program, deliver, fail;
#   - removes everything of theirs that is not a finished output, however they end.
# Programs run in the background and are waited for, because bash acts on a signal only between commands.

source "$kit/numbers.sh"
source "$kit/container.sh"
STAGE=$stage
CONTAINER=(none)
IMAGE=
VOLUMES=()
CONTAINER_OPTIONS=()
ENVIRONMENT=()
LAUNCHER=()
RANKS=0
FIT_LIBRARY=libFitEditorAnalytic.so
FIT_WORKERS=1
FIT_VERSION=
FIT_CONFIGFILE=${FIT_CONFIGFILE:-$kit/fit.conf}
FIT_COMMAND=(EventEditor -s 'file://{input}' -S 'file://{output}' -l '{library}' -c '{clump}' -n '{workers}'
    -p '{parallel}')
CONVERT_COMMAND=(eeconverter -s 'file://{input}' -f '{output}')
ANALYZE_COMMAND=(betasort '{input}/' '{output}/' '{run}' '{segments}')
ANALYZE_RESULT='run-{run4}-sorted.root'
if [[ -f $kit/site.conf ]]; then
    # shellcheck source=site.conf.example
    source "$kit/site.conf"
fi
[[ $FIT_CONFIGFILE == /* ]] || FIT_CONFIGFILE=$kit/$FIT_CONFIGFILE
export FIT_CONFIGFILE
for entry in "${ENVIRONMENT[@]}"; do
    [[ $entry =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || fail "no NAME=VALUE: '$entry' (ENVIRONMENT in site.conf)"
    export "${entry?}"
done

# need PROGRAM WHERE: tells what is missing, and in which setting, before bash does.
need() {
    type -P -- "$1" >/dev/null || fail "there is no program $1 ($2 in site.conf${IMAGE:+; image $IMAGE})"
}

set_container
if [[ -n ${container[*]:-} && -z ${FRIB_IN_CONTAINER:-} ]]; then
    export FRIB_IN_CONTAINER=1
    need "${container[0]}" CONTAINER
    # Seen in the log only when nothing runs in it: `begin` writes the log anew.
    printf 'Container %s%s\n' "${container[0]##*/}" "${IMAGE:+, image $IMAGE}"
    exec "${container[@]}" bash "$kit/${0##*/}" "$@"
fi

work= arriving= child=

remove_what_is_unfinished() {
    [[ -z $arriving ]] || rm -f -- "$arriving"
    [[ -z $work ]] || rm -rf -- "$work" || true
}

clean_up() {
    local rc=$? ours=$child
    trap - EXIT
    # Under job.py the process group is ours alone: with a program still running all of it has to end.
    [[ -z $child || -z ${FRIB_OWN_GROUP:-} ]] || ours=0
    if [[ -n $child ]]; then
        trap '' TERM
        kill -TERM "$ours" || true
    fi
    remove_what_is_unfinished
    if [[ -n $child ]]; then
        # mpirun takes a second until it kills ranks that do not end. EventEditor on a full disk ends by KILL only.
        for _ in {1..20}; do kill -0 "$child" 2>/dev/null && sleep 0.1; done
        kill -KILL "$child" 2>/dev/null || true
        remove_what_is_unfinished # which it may have gone on writing
        kill -KILL "$ours" 2>/dev/null || true
    fi
    exit "$rc"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Values go to the variable named first, not through $(...), which would cost a process each.

set_name() { # VARIABLE RUN SEGMENT
    printf -v "$1" 'run-%04d-%02d' "$2" "$3"
}

# begin LOG_DIR NAME: from here on all output goes to the log; makes $work on node-local space, with in/ and out/.
# job.py reads the line with "Work" and looks there how far the output is, and whether the disk is full.
begin() {
    mkdir -p -- "$1"
    exec >"$1/$2.log" 2>&1
    TZ=UTC printf 'JobID %s  Time %(%FT%TZ)T  Node %s  Stage %s\n' "${SLURM_JOB_ID:-none}" -1 "$HOSTNAME" "$STAGE"
    [[ -z ${container[*]:-} ]] || printf 'Container %s%s\n' "${container[0]##*/}" "${IMAGE:+, image $IMAGE}"
    work=$(mktemp -d "${TMPDIR:-/tmp}/frib-$STAGE.XXXXXX") ||
        fail "no directory for temporary files can be made in ${TMPDIR:-/tmp} (TMPDIR)"
    mkdir -- "$work/in" "$work/out"
    printf 'Work %s\n' "$work"
}

# fill_in ARRAY WORD...: the array gets the words with their placeholders filled in, of `values` by name. No value is
# looked through again, and no shell reads any: a word stays one word, whatever is in it.
declare -A values=()
fill_in() {
    local -n filled_in=$1
    local word made name
    shift
    filled_in=()
    for word in "$@"; do
        made=
        while [[ $word == *'{'* ]]; do
            made+=${word%%'{'*} word=${word#*'{'}
            name=${word%%'}'*}
            if [[ $word == *'}'* && $name =~ ^[a-z]+[0-9]?$ && -n ${values[$name]+set} ]]; then
                made+=${values[$name]} word=${word#*'}'}
            else
                made+='{'
            fi
        done
        filled_in+=("$made$word")
    done
}

run_program() {
    local rc=0
    "$@" </dev/null &
    child=$!
    wait "$child" || rc=$?
    child=
    ((rc == 0)) || {
        printf '%s ended with return code %d\n' "${1##*/}" "$rc" >&2
        exit "$rc"
    }
}

# deliver FILE DIRECTORY [NAME]: under a temporary name first, so that a reader finds a whole file or none.
deliver() {
    local name=${3:-${1##*/}}
    [[ -s $1 ]] || fail "the program ended with return code 0 but left no output ${1##*/}"
    printf 'Scratch %d\n' "$(du -sB1 -- "$work" | cut -f1)"
    echo 'Moving output and cleaning up...'
    mkdir -p -- "$2"
    arriving=$(mktemp "$2/.$name.XXXXXX")
    run_program cp -- "$1" "$arriving"
    chmod 0640 -- "$arriving"
    mv -fT -- "$arriving" "$2/$name"
    arriving=
    echo '... All done'
}
