"""Webhooks: telling other systems what happened, at least once, signed, without hammering anybody.

    settings   TELECINE_WEBHOOK_* variables
    guard      which URLs and addresses may be called
    network    connections to checked addresses only
    body       an event as JSON
    sign       headers with signatures
    verdict    what an answer means: delivered, again later, never, switch off
    send       one attempt
    slots      who gets how many of the parallel attempts
    listen     being woken by the database
    deliver    the loop of `telecine deliver`

What was promised to whom, and how it went, is in telecine/ledger (events, endpoints, deliveries, deliverers).
"""
