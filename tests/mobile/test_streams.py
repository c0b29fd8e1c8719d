"""What native code prints is kept off the streams, and only as long as it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys

from lookalike.mobile.streams import STDERR, STDOUT, silenced


def test_what_a_descriptor_is_given_meanwhile_is_gone_and_what_comes_later_is_not(capfd):
    with silenced(STDOUT, STDERR):
        os.write(STDOUT, b"banner")
        os.write(STDERR, b"greeting")
    os.write(STDOUT, b"result")
    os.write(STDERR, b"told")
    assert capfd.readouterr() == ("result", "told")


def test_the_other_descriptor_goes_on(capfd):
    with silenced(STDERR):
        os.write(STDOUT, b"result")
        os.write(STDERR, b"greeting")
    assert capfd.readouterr() == ("result", "")


def test_a_closed_descriptor_stays_closed():
    code = """
import os, sys
from lookalike.mobile.streams import silenced
os.close(1)
with silenced(1, 2):
    pass
try:
    os.fstat(1)
except OSError:
    print("closed", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=True)
    assert "closed" in done.stderr
