"""Whole exams, as a modality would send them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from pydicom.dataset import Dataset

from ris_pacs.imaging.phantoms import ct, es, mr, nm, pt, us, xray
from ris_pacs.imaging.phantoms.headers import LOSSLESS, Session
from ris_pacs.imaging.phantoms.subject import Subject

VARIANTS: dict[str, tuple[str, ...]] = {
    "CT": tuple(ct.PROTOCOLS),
    "MR": tuple(mr.PROTOCOLS),
    "DX": tuple(xray.PARTS),
    "CR": tuple(xray.PARTS),
    "US": tuple(us.PARTS),
    "MG": ("screening", "diagnostic"),
    "NM": tuple(nm.PARTS),
    "PT": tuple(pt.RANGES),
    "ES": tuple(es.PARTS),
}
"""What can be drawn, by modality; the first is the usual one."""

# For which Body Part Examined (PS3.16 annex L), or words for it, a variant is the nearest.
_NEAREST = {
    "CT": {
        "chest": "CHEST LUNG HEART THORAX TSPINE",
        "aorta": "AORTA",
        "head": "HEAD BRAIN SKULL",
        "sinuses": "SINUS",
        "neck": "NECK THYROID CSPINE",
        "abdomen pelvis": "ABDOMENPELVIS COLON WHOLEBODY",
        "abdomen": "ABDOMEN LIVER KIDNEY",
        "pelvis": "PELVIS HIP",
        "lumbar spine": "LSPINE SSPINE",
    },
    "MR": {
        "brain": "BRAIN HEAD",
        "cervical spine": "CSPINE NECK",
        "lumbar spine": "LSPINE TSPINE SSPINE",
        "knee": "KNEE",
        "ankle": "ANKLE FOOT",
        "shoulder": "SHOULDER",
        "abdomen": "ABDOMEN LIVER KIDNEY CHEST HEART BREAST",
        "pelvis": "PELVIS PROSTATE UTERUS",
        "hip": "HIP",
    },
    "US": {
        "abdomen": "ABDOMEN LIVER GALLBLADDER",
        "kidney": "KIDNEY",
        "pelvis": "BLADDER PELVIS PROSTATE",
        "obstetric": "UTERUS",
        "thyroid": "THYROID",
        "vessels": "NECK LEG CAROTID HEART",
        "breast": "BREAST",
    },
    "NM": {
        "bone scan": "WHOLEBODY",
        "thyroid": "THYROID NECK",
        "kidney": "KIDNEY",
        "heart": "HEART",
    },
    "PT": {
        "brain": "BRAIN HEAD",
        "whole body": "WHOLEBODY",
    },
    "ES": {
        "colonoscopy": "COLON",
        "gastroscopy": "STOMACH ABDOMEN",
        "bronchoscopy": "BRONCHUS CHEST",
    },
    "MG": {"screening": "BREAST"},
}
_FILMS = {
    "abdomen": "ABDOMENPELVIS KIDNEY",
    "chest": "TSPINE LUNG HEART RIBS",
    "cervical spine": "NECK HEAD SKULL SINUS",
    "knee": "LEG",
    "elbow": "ARM",
    "hand": "FINGER",
}


def variant_for(modality: str, body_part: str) -> str:
    """The nearest picture there is: `variant_for("CT", "LIVER")` is "abdomen".

    body_part: Body Part Examined, or a variant. Raises KeyError for an unknown modality.
    """
    variants = VARIANTS[modality]
    if body_part.lower() in variants:
        return body_part.lower()
    wanted = body_part.upper().replace(" ", "")
    if modality in ("DX", "CR"):
        drawn = {part: variant for variant, part in xray.PARTS.items()}
        if wanted in drawn:
            return drawn[wanted]
    nearest = _FILMS if modality in ("DX", "CR") else _NEAREST[modality]
    return next((variant for variant, parts in nearest.items() if wanted in parts.split()), variants[0])


def acquire(
    modality: str,
    variant: str,
    subject: Subject,
    *,
    uid: Callable[[], str],
    seed: int,
    images: int | None = None,
    lossless: str = "",
) -> Iterator[Dataset]:
    """The objects of one exam in the order of acquisition, each with its file meta information.

    modality, variant: of VARIANTS. uid: mints Series, SOP Instance and Frame of Reference UIDs. seed: the same
    seed, subject and source of UIDs give the same bytes; another one gives another body, noise and findings.
    images: how many objects; None for what is usual. lossless: "jpeg-ls", "j2k" or "htj2k" to compress what
    is not JPEG already. Raises KeyError for what is not in VARIANTS or not known as compression.
    """
    if variant not in VARIANTS[modality]:
        raise KeyError(variant)
    if lossless and lossless not in LOSSLESS:
        raise KeyError(lossless)
    return _acquire(modality, variant, Session(subject, uid, np.random.default_rng(seed), seed, lossless), images)


def _acquire(modality: str, variant: str, session: Session, images: int | None) -> Iterator[Dataset]:
    if modality in ("DX", "CR"):
        return xray.acquire(session, modality, variant, images)
    if modality == "MG":
        return xray.mammograms(session, variant, images)
    others: dict[str, Callable[[Session, str, int | None], Iterator[Dataset]]] = {
        "CT": ct.acquire,
        "MR": mr.acquire,
        "US": us.acquire,
        "NM": nm.acquire,
        "PT": pt.acquire,
        "ES": es.acquire,
    }
    return others[modality](session, variant, images)
