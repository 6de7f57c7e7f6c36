"""Application entities: registered, changed, retired, and those that nobody knows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from ris_pacs.catalog import queries
from ris_pacs.catalog.errors import AeTitleTaken, NoSuchDevice
from ris_pacs.catalog.models import UnknownCaller
from ris_pacs.catalog.service import devices
from ris_pacs.catalog.service.devices import DeviceFacts
from ris_pacs.kernel.actor import OPERATOR, PROGRAM, Role
from ris_pacs.kernel.errors import Forbidden, Invalid
from ris_pacs.kernel.tables import AuditEntry
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from tests.conftest import THE_MORNING


def register(system: System, **facts: object) -> None:
    with unit_of_work(system) as uow:
        devices.register_device(uow, DeviceFacts(**facts), OPERATOR)  # type: ignore[arg-type]


def known(system: System, title: str) -> queries.KnownDevice | None:
    with read_only(system) as uow:
        return queries.known_device(uow, title)


def test_a_device_is_registered_changed_and_retired(system):
    register(system, ae_title=" CT2 ", modality="CT", host="10.0.0.7", port=104, character_sets=("ISO_IR 100",))
    found = known(system, "CT2")
    assert found is not None
    assert (found.modality, found.host, found.port, found.character_sets) == ("CT", "10.0.0.7", 104, ("ISO_IR 100",))
    actor = found.actor("a1", "10.0.0.7")
    assert (actor.kind, actor.name, actor.role, actor.is_staff) == ("device", "CT2", Role.SYSTEM, True)
    with unit_of_work(system) as uow:
        devices.change_device(uow, DeviceFacts("CT2", modality="CT", host="ct2.meridian.example"), OPERATOR)
    changed = known(system, "CT2")
    assert changed is not None
    assert (changed.id, changed.host, changed.port) == (found.id, "ct2.meridian.example", None)
    with unit_of_work(system) as uow:
        devices.retire_device(uow, "CT2", OPERATOR)
    assert known(system, "CT2") is None
    with read_only(system) as uow:
        assert queries.device(uow, "CT2").retired_at == THE_MORNING
        trail = uow.session.scalars(select(AuditEntry.action).where(AuditEntry.entity_id == "CT2")).all()
    assert trail == ["register device", "change device", "retire device"]


def test_titles_are_told_apart_by_case_and_taken_once(system):
    register(system, ae_title="ct1")
    with pytest.raises(AeTitleTaken):
        register(system, ae_title="CT1 ")
    one, other = known(system, "ct1"), known(system, "CT1")
    assert one is not None
    assert other is not None
    assert one.id != other.id


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"ae_title": "X" * 17}, "ae_title"),
        ({"host": "no host"}, "host"),
        ({"port": 70000}, "port"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"modality": "X" * 17}, "modality"),
        ({"modality": "ct"}, "modality"),
        ({"quiet_minutes": 0}, "quiet_minutes"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_devices_that_cannot_be(system, facts, field):
    with pytest.raises(Invalid) as caught:
        register(system, **{"ae_title": "NEW1", **facts})
    assert caught.value.field == field
    if field != "ae_title":
        with pytest.raises(Invalid), unit_of_work(system) as uow:
            devices.change_device(uow, DeviceFacts(**{"ae_title": "CT1", **facts}), OPERATOR)
    assert known(system, "NEW1") is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_an_administrator_changes_devices(system, desk, technologist):
    for actor in (desk, technologist, PROGRAM):
        with pytest.raises(Forbidden), unit_of_work(system) as uow:
            devices.register_device(uow, DeviceFacts("NEW1"), actor)
        with pytest.raises(Forbidden), unit_of_work(system) as uow:
            devices.change_device(uow, DeviceFacts("CT1"), actor)
        with pytest.raises(Forbidden), unit_of_work(system) as uow:
            devices.retire_device(uow, "CT1", actor)
    for change in (
        devices.retire_device,
        lambda uow, title, actor: devices.change_device(uow, DeviceFacts(title), actor),
    ):
        with pytest.raises(NoSuchDevice), unit_of_work(system) as uow:
            change(uow, "NOSUCH", OPERATOR)


def test_who_knocks_is_counted_per_title_and_place(system, clock):
    for address in ("10.0.0.8", "10.0.0.8", "10.0.0.9"):
        with unit_of_work(system) as uow:
            devices.note_unknown_caller(uow, "STRANGER", "RISPACS", address)
        clock.advance(minutes=1)
    with read_only(system) as uow:
        found = queries.unknown_callers(uow)
    assert [(one.calling, one.address, one.times) for one in found] == [
        ("STRANGER", "10.0.0.9", 1),
        ("STRANGER", "10.0.0.8", 2),
    ]
    assert found[1].last_at - found[1].first_at == timedelta(minutes=1)
    register(system, ae_title="STRANGER")
    with read_only(system) as uow:
        assert queries.unknown_callers(uow) == []


def test_the_list_of_strangers_stays_short_whoever_knocks(system, clock):
    rows = [
        {
            "calling": f"S{number}",
            "called": "X",
            "address": "a",
            "first_at": clock.now,
            "last_at": clock.now,
            "times": 1,
        }
        for number in range(devices.MOST_UNKNOWN_CALLERS)
    ]
    with unit_of_work(system) as uow:
        uow.session.execute(insert(UnknownCaller), rows)
    clock.advance(minutes=1)
    for title in ("NEWEST", "NEWER", "X" * 100):
        with unit_of_work(system) as uow:
            devices.note_unknown_caller(uow, title, title, "f" * 100)
    with read_only(system) as uow:
        assert uow.session.scalar(select(func.count()).select_from(UnknownCaller)) == devices.MOST_UNKNOWN_CALLERS
        assert {one.calling for one in queries.unknown_callers(uow)} >= {"NEWEST", "NEWER", "X" * 16}
        assert len(queries.unknown_callers(uow)) == 100


def test_the_only_device_of_a_modality_is_chosen_and_never_one_of_two(system):
    with read_only(system) as uow:
        site, room = practice_place(uow)
        assert queries.device_by_modality(uow, site, "CT").ae_title == "CT1"
        assert queries.device_by_modality(uow, site, "XA") is None
    register(system, ae_title="CT2", modality="CT", site_id=site, room_id=room)
    with read_only(system) as uow:
        assert queries.device_by_modality(uow, site, "CT") is None
    with unit_of_work(system) as uow:
        devices.retire_device(uow, "CT1", OPERATOR)
    with read_only(system) as uow:
        assert queries.device_by_modality(uow, site, "CT").ae_title == "CT2"
        assert [one.ae_title for one in queries.devices_of_room(uow, room)] == ["CT2"]


def practice_place(uow) -> tuple[int, int]:
    site = queries.sites(uow)[0]
    return site.id, next(room.id for room in queries.rooms(uow, site.id) if room.name == "CT1")
