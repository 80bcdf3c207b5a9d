"""Which aligner: by name."""

from model.aligner.contract import Aligner


def load_aligner(name: str = "builtin", device: str = "cpu") -> Aligner:
    """Load an aligner: "builtin" (English, PocketSphinx), or the folder or hub name of a CTC model for transformers.

    The built-in one runs on the CPU whatever the device. Raises AlignerError where the model is missing or is no such
    model.
    """
    if name == "builtin":
        from model.aligner.sphinx import SphinxAligner  # reads the dictionary's package

        return SphinxAligner()
    from model.aligner.ctc import load_ctc  # transformers takes seconds to import

    return load_ctc(name, device)
