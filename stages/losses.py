"""What is lost of a recording, in the words that all stages use."""

from schemas.recording import SAMPLE_RATE_HZ, Recording
from schemas.rejection import Reason, Rejection
from stages.plan import Piece


def lost(recording: Recording, stage: str, reason: Reason, detail: str, place: tuple[int, int]) -> Rejection:
    """What lies in `place` of a recording, samples at 24 kHz, is not in the data."""
    return Rejection(
        uri=recording.source.uri,
        stage=stage,
        reason=reason,
        detail=detail,
        recording_id=recording.recording_id,
        start_s=place[0] / SAMPLE_RATE_HZ,
        end_s=place[1] / SAMPLE_RATE_HZ,
    )


def why_left_out(piece: Piece, max_span_s: float, min_clip_s: float) -> str:
    """Why a piece of a plan is no span."""
    length_s = (piece.end - piece.start) / SAMPLE_RATE_HZ
    if piece.reason is Reason.SILENCE:
        return f"nobody speaks for {length_s:.1f} s"
    if piece.reason is Reason.TOO_SHORT:
        return f"only {length_s:.1f} s between silences; a clip takes at least {min_clip_s:g} s"
    return f"{length_s:.1f} s without a pause of both speakers to cut at; a span takes {max_span_s:g} s at most"


def why_no_conversation(speech_s: tuple[float, float], min_speech_s: float) -> str:
    """Why two channels, of which one is hardly ever active, are no conversation."""
    return (
        f"channel 0 speaks for {speech_s[0]:.1f} s and channel 1 for {speech_s[1]:.1f} s; "
        f"a conversation takes at least {min_speech_s:g} s of each"
    )
