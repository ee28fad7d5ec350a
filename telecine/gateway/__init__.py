"""The gateway: what people and programs reach over HTTP. The stack runs one.

Belongs here: routes, pages, what a browser may do (headers), who may have a key. Doesn't belong here: making media, or
knowing where it lies (shelf.py asks the store and the ledger).

    app       the application: routes, headers, errors
    shelf     what there is to watch
    viewing   from a manifest to what the player page needs
    pages     HTML templates
    headers   what browsers are told about every answer
    access    who gets a viewer's token, and how often anybody may ask
    tokens    those tokens
    keys      the endpoints that give keys to who has one
    players   the three player libraries, as published on npm
    __main__  uvicorn
"""
