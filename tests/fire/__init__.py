"""Fire: the whole thing, real processes, while somebody kills them. What must hold afterwards is in `verdict`.

python -m tests.fire --kills 200        random SIGKILLs, SIGSTOPs and lost connections while runs arrive
python -m tests.fire --streaming        the same while runs are worked on as they are recorded
python -m tests.fire --points           SIGKILL at every durable step of launch, retry, cancel, takeover and early work
"""
