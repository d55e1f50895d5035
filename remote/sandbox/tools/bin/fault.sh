# What a fault of the sandbox has a program do instead of its work; sourced by the launchers beside it.
# FRIB_SANDBOX_FAULT: "crash", "silent", or "hang SECONDS", after which the program does its work. "full" is for the
# program itself (../disk.py).
case $FRIB_SANDBOX_FAULT in
crash)
    echo '*** stack smashing detected ***: terminated' >&2
    ulimit -c 0
    kill -ABRT $$
    ;;
silent) exit 0 ;;
hang\ *) sleep "${FRIB_SANDBOX_FAULT#hang }" ;;
esac
