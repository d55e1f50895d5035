"""How fast is it: `./venvcmd python -m tests.benchmarks [NAME...] [--json] [--list]`.

NAME is a group or a benchmark. One module per group; each has `BENCHMARKS`, a tuple of functions without arguments
that measure one thing and return a `Result`. A benchmark has the name of its function, and `--list` tells the first
line of the function's docstring.
To add one: write the function, add it to its group's `BENCHMARKS`; a new group also to `GROUPS` in `__main__`.

    commands   what every command costs before it does anything: version_time, venvcmd_overhead
    work       the computing: fit_in_200s, fit_in_4000s (ms per trace), walk_items_per_second
    queries    how often the ledger is asked: queries_launch, queries_poll, queries_look
    watching   10,000 x 20 on disk: idle_look_*, idle_calls_*, first_start, restart_of_watcher
    memory     2,000 runs of simulated time through a driver: driver_growth
    screen     the console on a real terminal: first_paint, quit_time, also of --sandbox
    starting   the screen on 0 to 100,000 runs: first_paint_*, memory_*, read_10000, read_100000
    campaign   2,000 and 10,000 runs on a real terminal, beside DataTables and htop: idle_bytes, key_p99...
    takeover   from the end of a driver to the next one that acts: takeover_after_kill, takeover_after_stop
    pipeline   from the end of a run to its flow run and to its result: end_to_launch, end_to_result
    streaming  a run worked on while it is recorded, and not: streaming_result, streaming_off_result...
    retry      the work of a retry against that of the whole run: retry_of_one_in_8
    restarting a driver that comes back to 20 flow runs under way: restart_500, restart_requests_50, _500
    orchestrator    the same with the real polling intervals of Flows: end_to_result_real_polling, waiting_for_flows
    engines    40 tasks on two workers, by the Executor and by the real endpoint: forty_tasks_workers, _endpoint
"""
