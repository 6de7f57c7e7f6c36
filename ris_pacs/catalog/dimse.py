"""Who may open an association: registered devices, under our title, from their address."""

from __future__ import annotations

import secrets

from ris_pacs.catalog import queries
from ris_pacs.catalog.service.devices import note_unknown_caller
from ris_pacs.dicom.handlers import Admission, Caller, Device, Rejection
from ris_pacs.kernel.uow import System, read_only, unit_of_work


class Registered:
    """The listener's lookup. Whoever is refused stands on a list where one click registers it."""

    def __init__(self, system: System, ae_title: str) -> None:
        self._system = system
        self._ae_title = ae_title

    def __call__(self, caller: Caller) -> Admission:
        if caller.called != self._ae_title:
            self._note(caller)
            return Rejection.CALLED_AE
        with read_only(self._system) as uow:
            device = queries.known_device(uow, caller.calling)
        if device is None or (device.address_check and device.host != caller.address):
            self._note(caller)
            return Rejection.CALLING_AE
        occasion = f"a{secrets.token_hex(8)}"
        return Device(device.id, device.ae_title, device.character_sets, device.actor(occasion, caller.address))

    def _note(self, caller: Caller) -> None:
        with unit_of_work(self._system) as uow:
            note_unknown_caller(uow, caller.calling, caller.called, caller.address)
