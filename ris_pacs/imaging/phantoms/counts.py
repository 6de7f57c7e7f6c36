"""How many images each series gets."""

from __future__ import annotations

from collections.abc import Sequence


def shared_out(usual: Sequence[int], images: int | None) -> list[int]:
    """usual: images of each series by the protocol. images: wanted in all; None leaves it at the usual.

    Every series gets one, the large ones first when there are not enough; the rest in proportion.
    """
    if images is None:
        return list(usual)
    by_size = sorted(range(len(usual)), key=lambda place: (-usual[place], place))
    if images <= len(usual):
        return [int(place in by_size[: max(0, images)]) for place in range(len(usual))]
    shares = [max(1, images * count // sum(usual)) for count in usual]
    largest = by_size[0]
    shares[largest] += images - sum(shares)
    return shares


def places(first: float, last: float, usual: int, count: int) -> tuple[list[float], float]:
    """Where `count` slices lie between two ends, and their distance.

    Fewer than usual are taken from among the usual places, evenly around the middle, so that a short exam
    shows what a long one does (and costs no new drawing); more lie closer together.
    """
    if usual < 2 or count < 1:
        return [(first + last) / 2] * count, abs(last - first)
    if count > usual:
        step = (last - first) / (count - 1)
        return [first + step * place for place in range(count)], abs(step)
    stride = max(1, (usual - 1) // count)
    middle = (usual - 1) // 2
    lowest = min(max(0, middle - stride * (count // 2)), usual - 1 - stride * (count - 1))
    step = (last - first) / (usual - 1)
    return [first + step * (lowest + stride * place) for place in range(count)], abs(step * stride)
