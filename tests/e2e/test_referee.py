"""The algorithm that this project began with, written out plainly, gives the same hits.

``dataset.map`` over a chain of transforms and the first token of a ViT, then ``torch.cosine_similarity`` and a sort.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike

datasets = pytest.importorskip("datasets")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SIZE = 32
K = 10
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.encoders.checkpoints import save_vit

    return save_vit(tmp_path_factory.mktemp("vit"), size=SIZE, patch=8)


@pytest.fixture(autouse=True)
def one_thread():
    """Keep so small a model from losing its time to threads that wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def load_split(beans: Path, split: str):
    """Read a split as the hub gives it: images, and labels as class numbers."""
    files = sorted((beans / split).rglob("*.jpg"))
    names = sorted({file.parent.name for file in files})
    features = datasets.Features({"image": datasets.Image(), "labels": datasets.ClassLabel(names=names)})
    rows = {"image": [str(file) for file in files], "labels": [names.index(file.parent.name) for file in files]}
    return datasets.Dataset.from_dict(rows, features=features, split=split)


def transformation_chain(image: Image.Image, processor) -> torch.Tensor:
    """Resize(int(256 / 224 * size)), CenterCrop(size), ToTensor(), Normalize(mean, std)."""
    short = int(256 / 224 * SIZE)
    width, height = image.size
    if width <= height:
        resized = image.resize((short, int(short * height / width)), Image.Resampling.BILINEAR)
    else:
        resized = image.resize((int(short * width / height), short), Image.Resampling.BILINEAR)
    left, top = round((resized.width - SIZE) / 2.0), round((resized.height - SIZE) / 2.0)
    pixels = torch.from_numpy(np.array(resized.crop((left, top, left + SIZE, top + SIZE)))).permute(2, 0, 1)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (processor.image_mean, processor.image_std))
    return (pixels.float() / 255 - mean) / std


def plain_scores(checkpoint: Path, candidates, queries) -> np.ndarray:
    """Return the cosine of every query and candidate; shape (queries, candidates)."""
    model = transformers.AutoModel.from_pretrained(checkpoint).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(checkpoint)

    def extract_embeddings(batch):
        images = torch.stack([transformation_chain(image.convert("RGB"), processor) for image in batch["image"]])
        with torch.no_grad():
            return {"embeddings": model(pixel_values=images).last_hidden_state[:, 0].numpy()}

    def embed(rows):
        mapped = rows.map(extract_embeddings, batched=True, batch_size=24, remove_columns=["image"])
        return torch.tensor(np.array(mapped["embeddings"]))

    gallery = embed(candidates)
    return np.stack([torch.nn.functional.cosine_similarity(gallery, query[None]).numpy() for query in embed(queries)])


def test_hits_are_those_of_the_plain_algorithm(beans, checkpoint, tmp_path):
    candidates, queries = load_split(beans, "train"), load_split(beans, "test")
    assert (len(candidates), len(queries)) == (1034, 128)
    scores = plain_scores(checkpoint, candidates, queries)

    encoder = lookalike.load_encoder(str(checkpoint), pooling="cls", preprocessing="resize-crop")
    gallery = lookalike.open(tmp_path / "gallery", encoder=encoder)
    assert gallery.add(candidates).added == 1034
    files = queries.cast_column("image", datasets.Image(decode=False))["image"]
    answers = gallery.search_batch([Path(file["path"]) for file in files], K)

    labels = candidates.features["labels"].names
    for hits, row in zip(answers, scores, strict=True):
        places = [int(item.rpartition("/")[2]) for item in hits.ids]
        assert len(set(places)) == K
        best = np.sort(row)[::-1][:K]
        np.testing.assert_allclose(hits.scores, best, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(row[places], best, rtol=0, atol=TOLERANCE)
        gaps = -np.diff(np.sort(row)[::-1][: K + 1])
        if gaps.min() > TOLERANCE:
            assert places == np.argsort(-row)[:K].tolist()
        assert hits.labels == [labels[candidates["labels"][place]] for place in places]
    # most queries have no ties, so that the ids were compared
    apart = (-np.diff(np.sort(scores, axis=1)[:, ::-1][:, : K + 1], axis=1)).min(axis=1) > TOLERANCE
    assert apart.mean() > 0.5
