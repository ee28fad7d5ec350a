"""The embedded stack: object store, database and Dagster on one machine, from Python wheels alone.

Belongs here: starting, supervising, inspecting and stopping the programs, and telling clients where they are
(`environment()`). Doesn't belong here: anything a deployment needs too. Everything outside this package reads
`telecine.settings` and can't tell an embedded service from an external one.

    layout       where things live on disk, also when another user id has to reach them
    ports        which ports, remembered from start to start
    credentials  keys made at the first start
    postgres, object_store, engine    one module per service: argv, preparation, readiness
    parts        the supervised programs as data
    supervision  supervisord's configuration as a pure function of the parts
    supervisor   talking to supervisord
    leftovers    finding and ending what a crash left behind
    launcher     the small program that every part is started through
    stack        up, down, status, environment
"""

from telecine.local.stack import Status, clean, down, environment, status, up

__all__ = ["Status", "clean", "down", "environment", "status", "up"]
