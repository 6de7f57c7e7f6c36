from __future__ import annotations

from ris_pacs.kernel.errors import Conflict, Invalid, Missing


class NoSuchStep(Missing):
    code = "no-such-step"


class NoSuchRoom(Missing):
    code = "no-such-room"


class SlotTaken(Conflict):
    code = "slot-taken"


class RoomClosed(Conflict):
    code = "room-closed"


class WrongRoom(Invalid):
    code = "wrong-room"
