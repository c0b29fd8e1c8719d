"""What clients are told of errors: what is theirs, and nothing of the server's disk."""

from __future__ import annotations

import pytest

from lookalike.errors import ConditionError, ImageDecodeError, InputError, SourceError, StoreCorruptError
from lookalike.server.problems import as_refusal

FOLDER = "/srv/secret photos/gallery"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SourceError(f"{FOLDER}/a.jpg", "no such file"), 404),
        (StoreCorruptError(FOLDER, "cut short"), 503),
        (InputError(f"the encoder of this gallery ({FOLDER}) has no patches"), 422),
        (InputError(f"there is no {FOLDER}/a.jpg, nor '{FOLDER}/b.jpg'"), 422),
        (InputError(f"{FOLDER}/: nothing"), 422),
        (ImageDecodeError(f"{FOLDER}/a.jpg: not a picture"), 422),
    ],
)
def test_no_folder_of_the_disk_is_told(error, status):
    told = as_refusal(error)
    assert told.status == status
    assert "secret" not in told.message


@pytest.mark.parametrize(
    "message", ["width/height/size > (1/2/3) fails", "https://example.org/a/b.jpg: 404", "send image/png or 1 / 2 / 3"]
)
def test_what_is_no_path_stays(message):
    assert as_refusal(InputError(message)).message == message


def test_a_condition_is_told_with_what_clients_can_use():
    error = ConditionError("ur = 'a'", "there is no attribute 'ur' (did you mean uri?)", ["id", "uri", "label"])
    told = as_refusal(error)
    assert (told.status, told.kind) == (422, "InputError")
    assert told.message == (
        "the condition \"ur = 'a'\" cannot be used: there is no attribute 'ur'; the attributes are: id, label"
    )
