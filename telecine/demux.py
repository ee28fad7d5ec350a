"""How a stranger's file is opened: which containers and codecs, and with which bounds.

Every ffmpeg and ffprobe command gets its input through `input_args`. A file that is really a playlist could make ffmpeg
open other files or hosts, so containers are named one by one (a protocol whitelist alone doesn't stop `file:` entries
of an HLS playlist), decoders too, and the path is always absolute behind `file:`, because a name with a colon would be
read as a protocol. Sources: ffmpeg-formats(1) format_whitelist, max_streams; ffmpeg-codecs(1) max_pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

MAX_PIXELS = 8192 * 8192  # w*h*4*8*1.5 bytes of decoder memory (requirements.md section 2) is 3 GB then, of 8 allowed
MAX_STREAMS = 128
# Bytes and microseconds. Sound that starts seconds into a transport stream or FLV is found only by reading that far;
# what is read is kept in memory.
_NEAR, _FAR = ("25M", "15M"), ("256M", "3600M")

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,live_flv,mp3,wav,w64,flac,ogg,aac,ac3,eac3,aiff,caf,amr"
)

_VIDEO = (
    "h264,hevc,vp8,libvpx,vp9,libvpx-vp9,av1,libdav1d,libaom-av1,mpeg4,mpeg2video,mpeg1video,mpegvideo,msmpeg4v1,"
    "msmpeg4v2,msmpeg4,mjpeg,mjpegb,h261,h263,h263i,h263p,flv,flashsv,flashsv2,vp3,vp5,vp6,vp6a,vp6f,theora,prores,"
    "dnxhd,cfhd,dvvideo,ffv1,ffvhuff,huffyuv,utvideo,magicyuv,lagarith,rawvideo,v210,v410,r210,qtrle,cinepak,svq1,svq3,"
    "rpza,smc,indeo3,indeo4,indeo5,wmv1,wmv2,wmv3,vc1,png,apng,gif,webp,jpeg2000,bmp,tiff,camtasia,tscc2,"
    "zmbv,vvc,speedhq,hap,msvideo1,msrle,fraps,zlib"
)
_AUDIO = (
    "aac,aac_fixed,aac_latm,mp3,mp3float,mp2,mp2float,mp1,mp1float,ac3,ac3_fixed,eac3,dca,truehd,mlp,opus,libopus,vorbis,"
    "libvorbis,flac,alac,wavpack,tta,ape,wmav1,wmav2,wmapro,wmalossless,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,"
    "gsm,gsm_ms,speex,libspeex,nellymoser,adpcm_ima_wav,adpcm_ima_qt,adpcm_ms,adpcm_swf,adpcm_yamaha,g726,"
    "g726le,g722,g723_1,g729,ilbc,qdm2,qdmc,mace3,mace6,cook,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s8_planar,"
    "pcm_s16le,pcm_s16be,pcm_s16le_planar,pcm_s16be_planar,pcm_u16le,pcm_u16be,pcm_s24le,pcm_s24be,pcm_s24le_planar,"
    "pcm_u24le,pcm_u24be,pcm_s32le,pcm_s32be,pcm_s32le_planar,pcm_u32le,pcm_u32be,pcm_s64le,pcm_s64be,pcm_f16le,"
    "pcm_f24le,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_bluray,pcm_dvd,s302m"
)
_TEXT = "mov_text,subrip,srt,webvtt,ass,ssa,text,dvdsub,dvbsub,pgssub,cc_dec,dvb_teletext,libzvbi_teletextdec"
CODECS = f"{_VIDEO},{_AUDIO},{_TEXT}"
# Codecs whose decoder has another name (libavcodec/codec_desc.c beside allcodecs.c).
_DECODERS = {
    "dts": "dca",
    "amr_nb": "amrnb",
    "amr_wb": "amrwb",
    "dvd_subtitle": "dvdsub",
    "dvb_subtitle": "dvbsub",
    "hdmv_pgs_subtitle": "pgssub",
    "eia_608": "cc_dec",
    "dvb_teletext": "libzvbi_teletextdec",
    "msmpeg4v3": "msmpeg4",
    "flv1": "flv",
    "tscc": "camtasia",
    "adpcm_g726": "g726",
    "adpcm_g726le": "g726le",
    "adpcm_g722": "g722",
}
_KNOWN = frozenset(CODECS.split(","))


def decodable(codec: str) -> bool:
    """Whether a codec, as ffprobe names it, is one of those that are decoded."""
    return _DECODERS.get(codec, codec) in _KNOWN


def input_args(
    path: Path, *, before_input: tuple[str, ...] = (), opened: Sequence[str] = (), far: bool = False
) -> list[str]:
    """ffmpeg or ffprobe arguments that open a stranger's file.

    Args:
        path: a file of our own naming in scratch.
        before_input: further input options, for example a seek.
        opened: decoders that ffprobe may open, too, but not feed (telecine/probe/ffprobe.py).
        far: look for the parameters of tracks that start later than the first seconds.
    """
    more = [(f"-codec_whitelist:{kind}", ",".join((CODECS, *opened))) for kind in "vasd"] if opened else []
    size, length = _FAR if far else _NEAR
    return [
        *("-protocol_whitelist", "file"),
        *("-format_whitelist", FORMATS),
        *("-codec_whitelist", CODECS),
        *(word for option in more for word in option),
        *("-max_pixels", str(MAX_PIXELS)),
        *("-max_streams", str(MAX_STREAMS)),
        *("-probesize", size, "-analyzeduration", length),
        *("-fflags", "+genpts"),
        *before_input,
        *("-i", f"file:{path.absolute()}"),
    ]
