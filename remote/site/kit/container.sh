# The words that start a job script inside the site's container: set_container makes the array `container` of CONTAINER,
# IMAGE, VOLUMES and CONTAINER_OPTIONS of site.conf. Empty: it runs on the node itself.

FROM_OUTSIDE=(FRIB_IN_CONTAINER FRIB_OWN_GROUP SLURM_JOB_ID SLURM_JOB_END_TIME)

set_container() {
    local top=${TOP:-${kit%/*}}
    container=()
    # Several words, or none of these names: the words themselves, of whatever else starts a command in a container.
    if ((${#CONTAINER[@]} != 1)) || [[ $CONTAINER != @(none|shifter|podman-hpc|apptainer) ]]; then
        [[ -z ${CONTAINER[*]:-} ]] || container=("${CONTAINER[@]}")
        return
    fi
    [[ $CONTAINER != none ]] || return 0
    [[ -n $IMAGE ]] || fail "no image for $CONTAINER (IMAGE in site.conf)"
    case $CONTAINER in
        shifter) # has the file systems of the site, and the environment
            container=(shifter "--image=$IMAGE" "${CONTAINER_OPTIONS[@]}")
            add_volumes --volume "${VOLUMES[@]}"
            ;;
        podman-hpc) # has neither
            container=(podman-hpc run --rm "${FROM_OUTSIDE[@]/#/--env=}" "${CONTAINER_OPTIONS[@]}")
            add_volumes --volume "${VOLUMES[@]}" "$top:$top" "$kit:$kit"
            container+=("$IMAGE")
            ;;
        apptainer) # has the environment
            container=(apptainer exec "${CONTAINER_OPTIONS[@]}")
            add_volumes --bind "${VOLUMES[@]}" "$top:$top" "$kit:$kit"
            container+=("$IMAGE")
            ;;
    esac
}

add_volumes() { # OPTION VOLUME...
    local option=$1 volume
    shift
    for volume in "$@"; do
        [[ $volume == /*:/* ]] || fail "no volume FROM:TO: '$volume' (VOLUMES in site.conf)"
        container+=("$option=$volume")
    done
}
