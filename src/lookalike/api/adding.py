"""Add a source to a gallery, which is made if it is new."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lookalike.api.label_rules import NO_LABELS, recalled, with_rule
from lookalike.api.new_spec import new_spec
from lookalike.building.build import build
from lookalike.building.sample import sample_images
from lookalike.encoders.base import KeptEncoder
from lookalike.encoders.precomputed import NAME as PRECOMPUTED
from lookalike.errors import InputError, SourceGoneError, StoreMissingError
from lookalike.gallery.lance_errors import store_errors
from lookalike.gallery.lance_store import LanceStore
from lookalike.gallery.location import locate
from lookalike.gallery.lock import writer_lock
from lookalike.gallery.manifest import Manifest
from lookalike.search.index_plan import checked_spec
from lookalike.sources.combined import damage_noted, parts_of
from lookalike.sources.labelled import labelled_by
from lookalike.sources.precomputed_files import parquet_embeddings
from lookalike.sources.resolve import open_source

if TYPE_CHECKING:
    from lookalike.api.gallery import Gallery
    from lookalike.building.build import BuildOptions
    from lookalike.building.report import BuildReport
    from lookalike.errors import SourceError
    from lookalike.sources.base import Source


def open_for(gallery: Gallery, source: Any, *, embedding_column: str | None = None) -> Source:
    """Return what a user named as a source of images, or of embeddings if a column of these is named.

    Raises
    ------
    SourceGoneError : if it does not exist; where the gallery holds some of it, the message says how to remove these.
    LookalikeError : for all else that is wrong with it.
    """
    try:
        if embedding_column is not None:
            return parquet_embeddings(source, embedding_column, base=gallery.location.base)
        return open_source(source, base=gallery.location.base)
    except SourceGoneError as error:
        raise _with_remedy(gallery, error) from error


def add_source(gallery: Gallery, source: Source, options: BuildOptions, *, label_from: str | None) -> BuildReport:
    """Bring a gallery up to date with a source; see :meth:`lookalike.api.gallery.Gallery.add`.

    Raises
    ------
    SourceGoneError : if the source holds no images; where the gallery holds some of it, the message says how to remove
        these.
    LookalikeError : for all else that goes wrong.
    """
    try:
        return _add(gallery, source, options, label_from)
    except SourceGoneError as error:
        raise _with_remedy(gallery, error) from error


def _add(gallery: Gallery, source: Source, options: BuildOptions, label_from: str | None) -> BuildReport:
    base = gallery.location.base
    column = None if label_from == NO_LABELS else label_from
    if not gallery.location.exists():
        _check_first_items(source, column)
    store = _store_for_writing(gallery, source, options)
    if options.index is not None:
        checked_spec(options.index.spec, dim=store.manifest.dim)
    _note_moved_encoder(gallery)
    rules = store.manifest.label_rules
    if label_from is not None:
        rules = with_rule(rules, source, label_from, base=base)
    source = recalled(source, rules, base=base) if column is None else labelled_by(source, column)
    report = build(store.for_writing(), source, lambda: gallery.encoder, replace(options, label_rules=rules))
    store.refresh()
    return report


def _check_first_items(source: Source, label_column: str | None) -> None:
    """Raise the source's own error before a gallery is made for it.

    Of the source or a part that is empty, if none is readable, and of a first item that lacks the attribute of labels.
    """
    parts = parts_of(source)
    errors: list[SourceError] = []
    for part in parts:
        with damage_noted() as damage:
            next(iter(part if label_column is None else labelled_by(part, label_column)), None)
        errors += damage
    if len(errors) == len(parts):
        raise errors[0]


def _store_for_writing(gallery: Gallery, source: Source, options: BuildOptions) -> LanceStore:
    try:
        return gallery.store
    except StoreMissingError:
        # asked for only by an encoder that has to be calibrated
        sample = partial(sample_images, source, options.limits)
        load = partial(gallery.load_encoder, sample)
        spec = new_spec(source, load, options.limits, is_chosen=gallery.has_chosen_encoder)
    with writer_lock(gallery.location, on_wait=lambda _: None):
        try:  # another run may have made it meanwhile
            return gallery.store
        except StoreMissingError:
            if spec.name != PRECOMPUTED and isinstance(gallery.encoder, KeptEncoder):
                with store_errors(gallery.location):
                    gallery.encoder.keep_in(gallery.location.encoders)
            LanceStore.create(gallery.location, Manifest(encoder=spec.to_dict(), dim=spec.dim))
    return gallery.store


def _note_moved_encoder(gallery: Gallery) -> None:
    """Write down where the encoder is now, so that a search finds it there."""
    if not gallery.choice.may_have_moved(gallery.spec):
        return
    with writer_lock(gallery.location, on_wait=lambda _: None):
        store, now = gallery.store, gallery.encoder.spec
        store.refresh()
        encoder = {**store.manifest.encoder, "name": now.name, "revision": now.revision}
        store.describe(replace(store.manifest, encoder=encoder))


def _with_remedy(gallery: Gallery, error: SourceGoneError) -> SourceGoneError:
    """Return the error for a source that is gone, with the way to let its items go if the gallery holds any."""
    try:
        held = len(gallery.remove(error.uri, dry_run=True).ids)
    except (InputError, StoreMissingError):
        held = 0
    if not held:
        return error
    at = "" if locate().folder == gallery.path else f" --gallery {shlex.quote(str(gallery.path))}"
    remedy = f"its {held:,} images stay in the gallery until: lookalike remove {shlex.quote(error.uri)}{at}"
    return SourceGoneError(error.uri, f"{error.reason}{' ' if error.reason.endswith('?') else '; '}{remedy}")
