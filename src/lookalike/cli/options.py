"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

GalleryOption = Annotated[
    str | None,
    typer.Option(
        "--gallery",
        "-g",
        metavar="PATH",
        help="The gallery's folder, or the folder that holds it. Default: .lookalike here or in the nearest parent.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")]
MaxPixelsOption = Annotated[
    int, typer.Option("--max-pixels", min=1, help="Refuse images with more pixels.", show_default=True)
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Threads that read and decode images. Default: one for each core that this process may use.",
        show_default=False,
    ),
]
MaxBytesOption = Annotated[
    int, typer.Option("--max-bytes", min=1, help="Refuse files with more bytes.", show_default=True)
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="Where the encoder runs: auto, cpu, cuda, mps.", show_default=True)
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        "--runtime",
        help="What runs a transformers model: auto (OpenVINO on the CPU if the model converts), openvino or torch.",
        show_default=True,
    ),
]
PoolingOption = Annotated[
    str,
    typer.Option(
        "--pooling",
        help="auto, cls, mean, gem, pooler, image-features or average, for a transformers model; cls@-4 at a layer.",
        show_default=True,
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        help="f32; bf16 where the processor has it, or f16 for a transformers model: faster, slightly coarser, and "
        "what auto takes on a GPU; or int8 on the CPU: faster still on most, calibrated on a new gallery's images. "
        "A gallery keeps to its own.",
        show_default=True,
    ),
]
TrustOption = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run Python code that a model's checkpoint brings along.")
]
ExactOption = Annotated[
    bool,
    typer.Option("--exact-preprocessing", help="Prepare images by the model's own processor, from a full decode."),
]
