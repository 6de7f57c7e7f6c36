"""The upper layer's states, events, actions and transitions, as PS3.8 9.2 writes them down.

Nothing but the tables: `upper_layer` carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from ris_pacs.dicom.pdu import AbortSource


class State(IntEnum):
    """PS3.8 Tables 9-1 to 9-5."""

    STA1 = 1  # idle
    STA2 = 2  # transport connection open, awaiting A-ASSOCIATE-RQ
    STA3 = 3  # awaiting the local user's answer to it
    STA4 = 4  # awaiting the transport connection
    STA5 = 5  # awaiting A-ASSOCIATE-AC or -RJ
    STA6 = 6  # association established, ready for data
    STA7 = 7  # awaiting A-RELEASE-RP
    STA8 = 8  # awaiting the local user's answer to A-RELEASE-RQ
    STA9 = 9  # release collision, requestor: awaiting the local user's answer
    STA10 = 10  # release collision, acceptor: awaiting A-RELEASE-RP
    STA11 = 11  # release collision, requestor: awaiting A-RELEASE-RP
    STA12 = 12  # release collision, acceptor: awaiting the local user's answer
    STA13 = 13  # awaiting the end of the transport connection


class Event(Enum):
    """The rows of PS3.8 Table 9-10. RECEIVED_… come off the network, the others from this side."""

    ASSOCIATE_REQUEST = 1
    TRANSPORT_CONFIRM = 2
    RECEIVED_ASSOCIATE_AC = 3
    RECEIVED_ASSOCIATE_RJ = 4
    TRANSPORT_INDICATION = 5
    RECEIVED_ASSOCIATE_RQ = 6
    ACCEPT = 7
    REJECT = 8
    P_DATA_REQUEST = 9
    RECEIVED_P_DATA = 10
    RELEASE_REQUEST = 11
    RECEIVED_RELEASE_RQ = 12
    RECEIVED_RELEASE_RP = 13
    RELEASE_RESPONSE = 14
    ABORT_REQUEST = 15
    RECEIVED_ABORT = 16
    TRANSPORT_CLOSED = 17
    ARTIM_EXPIRED = 18
    RECEIVED_INVALID_PDU = 19


class Artim(Enum):
    """What an action does to the Association Request/Reject/Release Timer."""

    LEAVE = 0
    START = 1
    STOP = 2


@dataclass(frozen=True, slots=True)
class Action:
    """One row of PS3.8 Tables 9-6 to 9-9.

    next: the state after it. send: a PDU leaves. abort: that PDU is an A-ABORT of this source.
    indicate: the local user is told. connect, close: the transport connection is opened or closed.
    """

    name: str
    next: State
    send: bool = False
    abort: AbortSource | None = None
    indicate: bool = False
    connect: bool = False
    close: bool = False
    artim: Artim = Artim.LEAVE


# Table 9-6, association establishment
AE_1 = Action("AE-1", State.STA4, connect=True)
AE_2 = Action("AE-2", State.STA5, send=True)
AE_3 = Action("AE-3", State.STA6, indicate=True)
AE_4 = Action("AE-4", State.STA1, indicate=True, close=True)
AE_5 = Action("AE-5", State.STA2, artim=Artim.START)
AE_6 = Action("AE-6", State.STA3, indicate=True, artim=Artim.STOP)
AE_6_REFUSED = Action("AE-6", State.STA13, send=True, artim=Artim.START)  # its "otherwise"
AE_7 = Action("AE-7", State.STA6, send=True)
AE_8 = Action("AE-8", State.STA13, send=True, artim=Artim.START)

# Table 9-7, data transfer
DT_1 = Action("DT-1", State.STA6, send=True)
DT_2 = Action("DT-2", State.STA6, indicate=True)

# Table 9-8, association release
AR_1 = Action("AR-1", State.STA7, send=True)
AR_2 = Action("AR-2", State.STA8, indicate=True)
AR_3 = Action("AR-3", State.STA1, indicate=True, close=True)
AR_4 = Action("AR-4", State.STA13, send=True, artim=Artim.START)
AR_5 = Action("AR-5", State.STA1, artim=Artim.STOP)
AR_6 = Action("AR-6", State.STA7, indicate=True)
AR_7 = Action("AR-7", State.STA8, send=True)
AR_8 = Action("AR-8", State.STA9, indicate=True)
AR_8_ACCEPTOR = Action("AR-8", State.STA10, indicate=True)
AR_9 = Action("AR-9", State.STA11, send=True)
AR_10 = Action("AR-10", State.STA12, indicate=True)

# Table 9-9, association abort
AA_1 = Action("AA-1", State.STA13, send=True, abort=AbortSource.USER, artim=Artim.START)
AA_2 = Action("AA-2", State.STA1, close=True, artim=Artim.STOP)
AA_3 = Action("AA-3", State.STA1, indicate=True, close=True)
AA_4 = Action("AA-4", State.STA1, indicate=True)
AA_5 = Action("AA-5", State.STA1, artim=Artim.STOP)
AA_6 = Action("AA-6", State.STA13)
AA_7 = Action("AA-7", State.STA13, send=True, abort=AbortSource.PROVIDER)
AA_8 = Action("AA-8", State.STA13, send=True, abort=AbortSource.PROVIDER, indicate=True, artim=Artim.START)

____ = None

# Table 9-10. Two cells have two halves: AE_6 stands for an acceptable request, AR_8 for
# the requestor's side; OTHERWISE has what else they say.
# fmt: off
TABLE: dict[Event, tuple[Action | None, ...]] = {
    #                              Sta1  Sta2  Sta3  Sta4  Sta5  Sta6  Sta7  Sta8  Sta9  Sta10  Sta11 Sta12 Sta13
    Event.ASSOCIATE_REQUEST: (     AE_1, ____, ____, ____, ____, ____, ____, ____, ____, ____,  ____, ____, ____),
    Event.TRANSPORT_CONFIRM: (     ____, ____, ____, AE_2, ____, ____, ____, ____, ____, ____,  ____, ____, ____),
    Event.RECEIVED_ASSOCIATE_AC: ( ____, AA_1, AA_8, ____, AE_3, AA_8, AA_8, AA_8, AA_8, AA_8,  AA_8, AA_8, AA_6),
    Event.RECEIVED_ASSOCIATE_RJ: ( ____, AA_1, AA_8, ____, AE_4, AA_8, AA_8, AA_8, AA_8, AA_8,  AA_8, AA_8, AA_6),
    Event.TRANSPORT_INDICATION: (  AE_5, ____, ____, ____, ____, ____, ____, ____, ____, ____,  ____, ____, ____),
    Event.RECEIVED_ASSOCIATE_RQ: ( ____, AE_6, AA_8, ____, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8,  AA_8, AA_8, AA_7),
    Event.ACCEPT: (                ____, ____, AE_7, ____, ____, ____, ____, ____, ____, ____,  ____, ____, ____),
    Event.REJECT: (                ____, ____, AE_8, ____, ____, ____, ____, ____, ____, ____,  ____, ____, ____),
    Event.P_DATA_REQUEST: (        ____, ____, ____, ____, ____, DT_1, ____, AR_7, ____, ____,  ____, ____, ____),
    Event.RECEIVED_P_DATA: (       ____, AA_1, AA_8, ____, AA_8, DT_2, AR_6, AA_8, AA_8, AA_8,  AA_8, AA_8, AA_6),
    Event.RELEASE_REQUEST: (       ____, ____, ____, ____, ____, AR_1, ____, ____, ____, ____,  ____, ____, ____),
    Event.RECEIVED_RELEASE_RQ: (   ____, AA_1, AA_8, ____, AA_8, AR_2, AR_8, AA_8, AA_8, AA_8,  AA_8, AA_8, AA_6),
    Event.RECEIVED_RELEASE_RP: (   ____, AA_1, AA_8, ____, AA_8, AA_8, AR_3, AA_8, AA_8, AR_10, AR_3, AA_8, AA_6),
    Event.RELEASE_RESPONSE: (      ____, ____, ____, ____, ____, ____, ____, AR_4, AR_9, ____,  ____, AR_4, ____),
    Event.ABORT_REQUEST: (         ____, ____, AA_1, AA_2, AA_1, AA_1, AA_1, AA_1, AA_1, AA_1,  AA_1, AA_1, ____),
    Event.RECEIVED_ABORT: (        ____, AA_2, AA_3, ____, AA_3, AA_3, AA_3, AA_3, AA_3, AA_3,  AA_3, AA_3, AA_2),
    Event.TRANSPORT_CLOSED: (      ____, AA_5, AA_4, AA_4, AA_4, AA_4, AA_4, AA_4, AA_4, AA_4,  AA_4, AA_4, AR_5),
    Event.ARTIM_EXPIRED: (         ____, AA_2, ____, ____, ____, ____, ____, ____, ____, ____,  ____, ____, AA_2),
    Event.RECEIVED_INVALID_PDU: (  ____, AA_1, AA_8, ____, AA_8, AA_8, AA_8, AA_8, AA_8, AA_8,  AA_8, AA_8, AA_7),
}
# fmt: on
OTHERWISE: dict[Action, Action] = {AE_6: AE_6_REFUSED, AR_8: AR_8_ACCEPTOR}


def action_for(event: Event, state: State, *, otherwise: bool = False) -> Action | None:
    """The cell of Table 9-10; None where it is blank.

    otherwise: take the second half of a cell that has two: the provider refuses the request (AE-6),
    or this side is the acceptor (AR-8).
    """
    action = TABLE[event][state - 1]
    if action is not None and otherwise:
        return OTHERWISE.get(action, action)
    return action
