"""Streaming at the size of a real experiment: `./venvcmd python -m tests.model` prints the tables of
docs/streaming-model.md.

What is the project's own: the driver's launch rounds, discovery, the ledger, the flow definition and the engine of the
sandbox's Flows, on a clock that is set forward from one thing that happens to the next. What is simulated: the DAQ, the
line, the workers (`site`), the time of a request (`clients`), and what the driver notices of flow runs (`following`).

    assumptions  what is assumed, and from where
    world        the clock, and what is to happen by it
    site         the line, the blocks of workers, the files at the site
    clients      the driver's clients, without HTTP
    following    when an end is noticed, and what follows
    course       runs, from BEGIN_RUN to their results
    whole        the same by the whole driver, to compare
    tables       what is told of them
"""
