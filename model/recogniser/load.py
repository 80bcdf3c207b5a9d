"""Which recogniser: by name."""

from model.recogniser.contract import Recogniser, RecogniserError


def load_recogniser(name: str, device: str = "cpu") -> Recogniser:
    """Load "whisper:FOLDER_OR_HUB_ID", "ctc:FOLDER_OR_HUB_ID" or "torchaudio:BUNDLE" onto a device.

    Raises RecogniserError where the weights are missing or are no such network.
    """
    kind = name.partition(":")[0]
    if kind == "whisper":
        from model.recogniser.whisper import load_whisper  # transformers takes seconds to import

        return load_whisper(name, device)
    if kind == "ctc":
        from model.recogniser.ctc import load_ctc

        return load_ctc(name, device)
    if kind == "torchaudio":
        from model.recogniser.bundle import load_bundle

        return load_bundle(name, device)
    raise RecogniserError(
        f'no recogniser "{name}": use whisper:FOLDER_OR_HUB_NAME, ctc:FOLDER_OR_HUB_NAME or torchaudio:BUNDLE'
    )
