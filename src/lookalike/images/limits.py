"""How large a picture may be before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.errors import ImageDecodeError


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest picture that is read; a larger one is refused from its header, before anything is allocated."""

    max_pixels: int = 200_000_000
    """Width times height. 200 megapixels take 600 MB decoded."""
    max_bytes: int = 200_000_000
    """Of the encoded file."""

    def check_bytes(self, size: int) -> None:
        """Refuse a file by its size in bytes.

        Raises
        ------
        ImageDecodeError : if it is above the limit.
        """
        if size > self.max_bytes:
            reason = (
                f"the file has {_millions(size)} MB, above the limit of {_millions(self.max_bytes)}; "
                "raise it with --max-bytes"
            )
            raise ImageDecodeError(reason)

    def check_pixels(self, width: int, height: int) -> None:
        """Refuse a picture by its size in pixels.

        Raises
        ------
        ImageDecodeError : if it is above the limit, or empty.
        """
        if width < 1 or height < 1:
            reason = f"it has no pixels ({width}x{height})"
            raise ImageDecodeError(reason)
        if width * height > self.max_pixels:
            reason = (
                f"{width}x{height} is {_millions(width * height)} megapixels, above the limit of "
                f"{_millions(self.max_pixels)}; raise it with --max-pixels"
            )
            raise ImageDecodeError(reason)


DEFAULT_LIMITS = Limits()


def _millions(value: int) -> str:
    return f"{value / 1e6:,.0f}" if value >= 10_000_000 else f"{value / 1e6:.4g}"
