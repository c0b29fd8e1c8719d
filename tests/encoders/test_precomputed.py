from __future__ import annotations

import pytest

from lookalike.encoders.base import EncoderSpec
from lookalike.encoders.loading import load_encoder_for
from lookalike.encoders.precomputed import precomputed_spec
from lookalike.errors import EncoderError


def test_a_spec_is_stored_and_read_back_and_has_no_encoder():
    spec = precomputed_spec(7)
    assert EncoderSpec.from_dict(spec.to_dict()) == spec
    assert spec.dim == 7
    with pytest.raises(EncoderError, match=r"no encoder.*ask with id:ID or a vector, or index the embeddings"):
        load_encoder_for(spec)
