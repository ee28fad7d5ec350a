"""Whether playlists and an MPD that lie side by side offer the same: segments, sizes of pictures, times.

Doesn't belong here: rules about either alone.
"""

from __future__ import annotations

from telecine.stream.verify.dash_rules import Offer
from telecine.stream.verify.hls_rules import Presentation
from telecine.stream.verify.rendition import Rendition
from telecine.stream.verify.report import Notebook

_ROUNDING_S = 0.1  # playlists round each of their segments to a millisecond


def check(notes: Notebook, hls: Presentation, dash: Offer) -> None:
    """Compare by segments: a rendition is the same when it lists the same bytes."""
    where = dash.mpd.name
    listed = {_key(r): r for r in (*hls.pictures(), *hls.sounds())}
    offered = {_key(r): r for r in (*dash.of("video"), *dash.of("audio"))}
    if not listed.keys() & offered.keys():
        notes.skip("TC-AGREE", "playlists and MPD list different files")
        return
    missing = [rendition.name for key, rendition in listed.items() if key not in offered]
    more = [rendition.name for key, rendition in offered.items() if key not in listed]
    notes.check("TC-AGREE", not missing, where, f"not in the MPD: {', '.join(missing)}" if missing else "same segments")
    notes.check("TC-AGREE", not more, where, f"only in the MPD: {', '.join(more)}" if more else "same segments")
    for key in listed.keys() & offered.keys():
        a, b = listed[key].declared_s, offered[key].declared_s
        name = f"{listed[key].name} and {offered[key].name}"
        notes.check("TC-AGREE", abs(a - b) <= _ROUNDING_S, name, f"{a:.3f} s in the playlist", f"{b:.3f} s in the MPD")


def _key(rendition: Rendition) -> tuple[str, ...]:
    return tuple(str(piece.media) for piece in rendition.pieces)
