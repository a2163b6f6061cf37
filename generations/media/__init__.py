"""Files: what they are, pictures of them, pictures people give, and how they are sent.

Imports PyAV and Pillow, and Django's HTTP classes in `serving` alone; nothing else of the project.
"""

from generations.media.images import AcceptedImage, ImageRefused, accept_image
from generations.media.poster import make_poster
from generations.media.preview import make_preview
from generations.media.probe import HEAD_BYTES, Measured, NotAVideo, content_kind, measure, video_kind
from generations.media.serving import STREAM_SLOTS, StreamSlots, serve_file

__all__ = [
    "HEAD_BYTES",
    "STREAM_SLOTS",
    "AcceptedImage",
    "ImageRefused",
    "Measured",
    "NotAVideo",
    "StreamSlots",
    "accept_image",
    "content_kind",
    "make_poster",
    "make_preview",
    "measure",
    "serve_file",
    "video_kind",
]
