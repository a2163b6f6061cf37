"""A sheet of small pictures of a video, in order: what a player shows while somebody looks for a place."""

import os
from pathlib import Path

import av
from PIL import Image

from generations.media.poster import scaled, write_webp
from generations.media.probe import NotAVideo, measure, open_video, pictures

COLUMNS, ROWS = 5, 2
TILE_WIDTH = 160


def make_spritesheet(video_path: str | os.PathLike[str], destination: str | os.PathLike[str]) -> None:
    """Writes a WebP of ten pictures, evenly through the video, five in a row, each 160 pixels wide at most.

    A video with fewer pictures shows some of them twice. The file appears whole or not at all. Raises NotAVideo,
    OSError.
    """
    tiles = _tiles(video_path)
    width, height = tiles[0].size
    sheet = Image.new("RGB", (COLUMNS * width, ROWS * height))
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (place % COLUMNS * width, place // COLUMNS * height))
    write_webp(sheet, Path(destination))


def _tiles(video_path: str | os.PathLike[str]) -> list[Image.Image]:
    """The picture at the middle of each tenth."""
    count = COLUMNS * ROWS
    length = measure(video_path).seconds
    wanted = [length * (place + 0.5) / count for place in range(count)]
    tiles: list[Image.Image] = []
    with open_video(video_path) as (container, stream):
        began = float((stream.start_time or 0) * stream.time_base)
        for at in wanted:
            container.seek(int((began + at) * av.time_base))
            last = None
            for last in pictures(container, stream):
                if (last.time or 0.0) - began >= at:
                    break
            if last is not None:
                tiles.append(scaled(last, TILE_WIDTH))
            elif tiles:
                tiles.append(tiles[-1])
    if not tiles:
        raise NotAVideo("The file has a video track, but no picture can be decoded from it.")
    return [*tiles, *[tiles[-1]] * (count - len(tiles))]
