"""Who gets how many of the parallel attempts."""

from __future__ import annotations

from telecine.webhooks.slots import Slots


def prove(slots: Slots, name: str, times: int = 4) -> None:
    """Answer quickly a few times."""
    for _ in range(times):
        slots.begun(name)
        slots.ended(name, 0.05, True)


def fill(slots: Slots, *names: str) -> dict[str, int]:
    given = slots.rooms(names)
    for name, number in given.items():
        for _ in range(number):
            slots.begun(name)
    return given


def test_an_endpoint_that_answers_quickly_gets_more_but_never_all() -> None:
    slots = Slots(32)
    assert slots.rooms(["a"]) == {"a": 4}
    prove(slots, "a")
    assert slots.rooms(["a"]) == {"a": 24}


def test_a_hundred_hanging_endpoints_leave_half_of_the_slots_to_a_quick_one() -> None:
    slots = Slots(32)
    prove(slots, "quick")
    hanging = [f"hang-{n}" for n in range(100)]
    assert sum(fill(slots, *hanging).values()) == 16
    assert fill(slots, *hanging, "quick") == {"quick": 16}


def test_one_that_fails_or_dawdles_goes_back_to_one_attempt() -> None:
    slots = Slots(32)
    prove(slots, "a")
    slots.begun("a")
    slots.ended("a", 0.01, False)
    assert slots.rooms(["a"]) == {"a": 1}
    prove(slots, "a")
    slots.begun("a")
    slots.ended("a", 5.0, True)
    assert slots.rooms(["a"]) == {"a": 1}


def test_who_made_us_wait_comes_after_who_is_unknown() -> None:
    for _ in range(20):
        slots = Slots(4)
        for name in ("slow-1", "slow-2", "slow-3"):
            slots.begun(name)
            slots.ended(name, 9.0, True)
        assert "new" in slots.rooms(["slow-1", "slow-2", "slow-3", "new"])


def test_more_endpoints_than_slots_all_get_their_turn() -> None:
    slots = Slots(8)
    seen: set[str] = set()
    names = [f"e{n}" for n in range(40)]
    for _ in range(200):
        given = fill(slots, *names)
        assert sum(given.values()) <= 8
        seen |= set(given)
        for name, number in given.items():
            for _ in range(number):
                slots.ended(name, 0.01, True)
    assert seen == set(names)
    assert slots.free == 8


def test_a_single_slot_works() -> None:
    slots = Slots(1)
    assert slots.rooms(["a", "b"]).keys() <= {"a", "b"}
    assert sum(slots.rooms(["a", "b"]).values()) == 1
