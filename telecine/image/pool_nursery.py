"""What the image pool's fork server imports first; only ever imported there (pool.py).

It dies with the process that started it, and its own children with it (pool_child.py).
"""

import os

from telecine.image import pool_child

pool_child.die_with_parent(os.getppid())
pool_child.fork_server = os.getpid()
