"""Decisions of reporting, by tables: text, checks before signing, states, the seal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ris_pacs.reporting.errors import BadText, WrongReportState
from ris_pacs.reporting.rules import checks, seal, states, text
from ris_pacs.reporting.rules.checks import Check, Facts, Finding, Severity
from ris_pacs.reporting.rules.states import Kind

WELL = {"findings": "Lungs clear.", "impression": "No acute change."}


def found(**facts: object) -> list[str]:
    sections = {**WELL, **facts.pop("sections", {})}  # type: ignore[arg-type]
    return [str(one.check) for one in checks.check_report(Facts(sections=sections, **facts))]  # type: ignore[arg-type]


def test_a_report_with_nothing_against_it():
    assert found(laterality="R", sex="F") == []


# side of the exam, findings, impression, what is found
SIDES = [
    ("R", "Right knee: intact.", "Normal.", []),
    ("R", "Knee: intact.", "Normal.", []),
    ("R", "Left knee: intact.", "Normal.", ["wrong-side"]),
    ("R", "Knee intact.", "Normal LEFT knee.", ["wrong-side"]),
    ("L", "Right-sided effusion.", "Effusion.", ["wrong-side"]),
    ("L", "Rt. meniscus torn.", "Tear.", ["wrong-side"]),
    ("R", "Lt knee", "x", ["wrong-side"]),
    ("R", "Right knee as the left one.", "Normal.", ["both-sides"]),
    ("L", "Left knee.", "Compare with the right.", ["both-sides"]),
    ("B", "Left and right.", "Normal.", []),
    ("", "Left lower lobe.", "Right pleura.", []),
    ("R", "Called the clinic right away; left ventricle of normal size.", "Normal.", []),
    ("R", "The cleft is bright, the upright view leftover.", "Normal.", []),
    ("L", "Told right away. Left knee.", "Normal.", []),
]


@pytest.mark.parametrize(("side", "findings", "impression", "expected"), SIDES)
def test_sides(side, findings, impression, expected):
    assert found(laterality=side, sections={"findings": findings, "impression": impression}) == expected


def test_what_others_said_about_the_other_side_does_not_count():
    assert found(laterality="R", sections={"clinical": "Left knee replaced.", "comparison": "Left knee, 2024."}) == []


# sex, text, whether it is found
SEXES = [
    ("F", "Prostate enlarged.", True),
    ("F", "prostatic urethra", True),
    ("F", "Uterus and ovaries normal.", False),
    ("M", "Uterus normal.", True),
    ("M", "Ovarian cyst.", True),
    ("M", "Endometrium of 4 mm.", True),
    ("M", "Testes normal, scrotal wall thin.", False),
    ("F", "Testicular vein", True),
    ("M", "Prostate 40 ml.", False),
    ("U", "Prostate and uterus.", False),
    ("O", "Prostate and uterus.", False),
    ("M", "Recovery after ovations; the novary.", False),
]


@pytest.mark.parametrize(("sex", "findings", "wrong"), SEXES)
def test_organs_that_the_record_s_sex_does_not_have(sex, findings, wrong):
    assert found(sex=sex, sections={"findings": findings}) == (["other-sex"] if wrong else [])


FIELDS = [
    ("Effusion: [none|small|large].", ["[none|small|large]"]),
    ("[size] cm, [side]", ["[size]", "[side]"]),
    ("[3] and [ ] and [] and [12.5]", []),
    ("[two\nlines]", []),
    ("[[side]]", ["[side]"]),
    ("unclosed [side", []),
    ("[" + "x" * 81 + "]", []),
    ("[Größe]", ["[Größe]"]),
]


@pytest.mark.parametrize(("said", "fields"), FIELDS)
def test_fields(said, fields):
    assert text.fields_of(said) == fields
    assert found(sections={"technique": said}) == (["unfilled-fields"] if fields else [])


OTHERS = [
    ({"sections": {"impression": " \n"}}, ["empty-impression"]),
    ({"sections": {"findings": ""}}, ["empty-findings"]),
    ({"images": 3, "images_seen": 2}, ["new-images"]),
    ({"images": 1, "images_seen": 2}, ["new-images"]),
    ({"images": 0, "images_seen": 0}, ["no-images"]),
    ({"foreign_images": ["Nodule"]}, ["foreign-image"]),
    ({"merged_with": "M0001"}, ["patient-merged"]),
    (
        {"sections": {"impression": ""}, "merged_with": "M1", "foreign_images": ["a"], "images": 2},
        ["empty-impression", "foreign-image", "new-images", "patient-merged"],
    ),
]


@pytest.mark.parametrize(("facts", "expected"), OTHERS)
def test_other_checks_with_stops_first(facts, expected):
    assert found(**facts) == expected


def test_every_check_is_a_stop_or_can_be_confirmed():
    assert set(checks.SEVERITIES) == set(Check)
    stops = {check for check, severity in checks.SEVERITIES.items() if severity is Severity.STOP}
    assert stops == {Check.EMPTY_IMPRESSION, Check.UNFILLED_FIELDS, Check.WRONG_SIDE, Check.FOREIGN_IMAGE}
    for check in Check:
        left = checks.outstanding([Finding(check, "")], frozenset({str(check)}))
        assert bool(left) is (check in stops)


# --- text


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("  indented  \n\n", "  indented"),
        ("\n\nfirst", "first"),
        ("bell\x07 and nul\x00", "bell and nul"),
        ("tab\tstays <b>&amp;</b>", "tab\tstays <b>&amp;</b>"),
    ],
)
def test_clean_text(said, kept):
    assert text.clean(said) == kept


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        (".Normal", "x", None),
        ("no-change2", "x", None),
        ("2nd", "x", "letters"),
        ("a b", "x", "letters"),
        ("", "x", "letters"),
        ("ok", " \n", "empty"),
        ("ok", "x" * 4001, "4,000"),
    ],
)
def test_autotext(name, body, problem):
    if problem is None:
        assert text.check_autotext(name, body) == (name.removeprefix(".").lower(), body)
    else:
        with pytest.raises(BadText, match=problem):
            text.check_autotext(name, body)


def test_the_difference_of_two_versions_is_told_by_words():
    before = {"findings": "Nodule of 6 mm.\nNo effusion.", "impression": "Nodule."}
    after = {"findings": "Nodule of 8 mm.\nNo effusion.", "impression": "Nodule."}
    found = {one.key: one for one in text.difference(before, after)}
    assert [(piece.kind, piece.text) for piece in found["findings"].pieces] == [
        ("same", "Nodule of "),
        ("removed", "6"),
        ("added", "8"),
        ("same", " mm.\nNo effusion."),
    ]
    assert [one.key for one in found.values() if one.changed] == ["findings"] == text.changed_sections(before, after)


# --- states


TABLE = {
    ("draft", Kind.PRELIMINARY): "preliminary",
    ("draft", Kind.FINAL): "final",
    ("preliminary", Kind.FINAL): "final",
    ("preliminary", Kind.WITHDRAWN): "withdrawn",
    ("final", Kind.ADDENDUM): "final",
    ("final", Kind.CORRECTED): "final",
    ("final", Kind.WITHDRAWN): "withdrawn",
}


@pytest.mark.parametrize("state", ["draft", "preliminary", "final", "withdrawn"])
@pytest.mark.parametrize("kind", Kind)
def test_every_state_with_every_version(state, kind):
    expected = TABLE.get((state, kind))
    if expected:
        assert states.next_state(state, kind) == expected
    else:
        with pytest.raises(WrongReportState):
            states.next_state(state, kind)


# --- the seal

SIGNED = seal.Signed(
    report_id=1,
    number=1,
    kind="final",
    sections=WELL,
    addenda=[],
    key_images=[],
    identity={"mrn": "M1", "accession_numbers": [["A1", "X"]]},
    author_id=3,
    author_name="Ingrid Solberg",
    author_role="radiologist",
    reason="",
    signed_at=datetime(2026, 11, 24, 15, 42, tzinfo=UTC),
    previous_hash=seal.FIRST_HASH,
)
OTHERWISE = {
    "report_id": 2,
    "number": 2,
    "kind": "preliminary",
    "sections": {**WELL, "findings": "Lungs clear"},
    "addenda": [{"text": "x", "by": "y", "at": "z"}],
    "key_images": [{"instance": "1.2"}],
    "identity": {"mrn": "M2", "accession_numbers": [["A1", "X"]]},
    "author_id": 4,
    "author_name": "Tomas Lindgren",
    "author_role": "resident",
    "reason": "x",
    "signed_at": datetime(2026, 11, 24, 15, 42, 0, 1, tzinfo=UTC),
    "previous_hash": "1" * 64,
}


def test_the_seal_covers_everything_that_was_signed():
    assert set(OTHERWISE) == set(SIGNED.__dataclass_fields__)
    digests = {seal.digest(replace(SIGNED, **{name: value})) for name, value in OTHERWISE.items()}
    assert len(digests | {seal.digest(SIGNED)}) == len(OTHERWISE) + 1


def test_the_seal_does_not_depend_on_the_order_of_keys():
    turned = replace(SIGNED, sections=dict(reversed(WELL.items())))
    assert seal.digest(turned) == seal.digest(SIGNED)
    assert seal.digest(SIGNED) == "69d3eefe2c98997abdcc7a00b8bce6f44d27002a255d0a367fc751aa8826cdd8"
