"""What leaves the house when a report is signed, met as its receivers meet it: a mail server, an EMR, an archive."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Keep
from pydicom import dcmread
from sqlalchemy import select, update

from ris_pacs.archive import queries as archive
from ris_pacs.archive.models import Instance
from ris_pacs.catalog import queries as catalog
from ris_pacs.hl7.er7 import parse
from ris_pacs.kernel.actor import PROGRAM
from ris_pacs.kernel.tables import Job, MessageOut
from ris_pacs.kernel.uow import System, read_only, unit_of_work
from ris_pacs.messages.deliveries import MailDelivery
from ris_pacs.orders.models import Order
from ris_pacs.reporting import queries
from ris_pacs.reporting.deliveries.outputs import send_out
from ris_pacs.reporting.service import amend, key_images
from ris_pacs.reporting.subscribers import SEND_OUT
from tests.archive.files import as_file, image_of_exam, keep_file
from tests.flow.modality import free_port

ADDRESS = "https://images.example"
HOSTILE = "<script>alert(1)</script> & <b>bold</b> | ^ ~ \\ 3 < 5"


def carry_out(system: System) -> int:
    """Does the jobs that signatures have left, as the worker does; how many."""
    with unit_of_work(system) as uow:
        waiting = uow.session.scalars(select(Job).where(Job.kind == SEND_OUT, Job.state == "queued")).all()
        payloads = [one.payload for one in waiting]
        for one in waiting:
            one.state = "done"
            one.key = None
    for payload in payloads:
        send_out(ADDRESS)(system, payload)
    return len(payloads)


def ordered_by_the_hospital(system: System, booked: object) -> None:
    """The order came by HL7 from a partner that takes messages, referred by the doctor who has an account."""
    with unit_of_work(system) as uow:
        partner = catalog.partner(uow, "EMR", "HOSPITAL")
        assert partner is not None
        partner.host, partner.port = "127.0.0.1", 1
        doctor = catalog.search_practitioners(uow, "achterfeld")[0]
        uow.session.execute(
            update(Order)
            .where(Order.accession_number == booked.accession_number)
            .values(
                partner_id=partner.id,
                placer_number="P-17",
                placer_issuer_id=partner.order_issuer_id,
                referrer_id=doctor.id,
            )
        )


def sent(system: System, kind: str) -> list[bytes]:
    with read_only(system) as uow:
        return list(
            uow.session.scalars(select(MessageOut.payload).where(MessageOut.kind == kind).order_by(MessageOut.id))
        )


def documents(system: System) -> list[Path]:
    with read_only(system) as uow:
        rows = uow.session.scalars(
            select(Instance.id).where(Instance.sop_class_uid == "1.2.840.10008.5.1.4.1.1.104.1").order_by(Instance.id)
        )
        return [system.blobs.path(archive.instance(uow, one, PROGRAM).object_key) for one in rows]


def words_of(pdf: bytes) -> str:
    """As a reader of the PDF sees it."""
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())


def pdf_in(file: Path) -> bytes:
    return dcmread(file).EncapsulatedDocument.rstrip(b"\0")


def test_a_final_report_is_a_document_of_its_exam(system, room, attending):
    booked = room.exam(family="Nakamura", given="Yuki")
    version = room.final(booked.exam_id, attending, impression=f"No acute change. {HOSTILE}")
    assert carry_out(system) == 1
    (file,) = documents(system)
    said = dcmread(file)
    assert (said.PatientName, said.AccessionNumber) == ("Nakamura^Yuki", booked.accession_number)
    text = words_of(pdf_in(file))
    for expected in ("Nakamura, Yuki", booked.accession_number, "Lungs clear.", HOSTILE, attending.name, version.hash):
        assert expected in text, expected
    with read_only(system) as uow:
        (study,) = archive.studies_of_exam(uow, booked.exam_id, PROGRAM)
    assert [one.modality for one in study.series] == ["CT", "DOC"]
    with read_only(system) as uow:
        pictures = archive.thumbnails_of_exams(uow, [booked.exam_id])
        shown = archive.instance(uow, pictures[booked.exam_id], PROGRAM)
    assert shown.sop_class_uid != said.SOPClassUID  # The exam is still shown by a picture.


def test_the_document_has_no_error_in_the_eyes_of_dciodvfy(system, room, attending):
    room.final(room.exam().exam_id, attending)
    carry_out(system)
    done = subprocess.run(["dciodvfy", str(documents(system)[0])], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


def test_the_hospital_gets_text_and_pdf(system, room, attending):
    booked = room.exam()
    ordered_by_the_hospital(system, booked)
    room.final(booked.exam_id, attending, findings="First line.\nSecond line.", impression=HOSTILE)
    carry_out(system)
    (raw,) = sent(system, "ORU^R01")
    message = parse(raw)
    assert message.get("OBR-2.1") == "P-17"
    assert message.get("OBR-3.1") == booked.accession_number
    assert message.get("OBR-25") == "F"
    observations = {one.at("3.1").text: one for one in message["OBX"]}
    assert observations["IMPRESSION"].at("5").text == HOSTILE
    assert [one.text for one in observations["FINDINGS"].at("5").repetitions()] == ["First line.", "Second line."]
    assert observations["PDF"].at("2").text == "ED"
    assert base64.b64decode(observations["PDF"].at("5.5").text) == pdf_in(documents(system)[0])


def test_done_twice_nothing_goes_out_twice(system, room, attending):
    booked = room.exam()
    ordered_by_the_hospital(system, booked)
    version = room.final(booked.exam_id, attending)
    carry_out(system)
    before = len(documents(system)), len(sent(system, "ORU^R01")), len(sent(system, "mail"))
    send_out(ADDRESS)(system, {"version": version.id})
    assert before == (1, 1, 1)
    assert (len(documents(system)), len(sent(system, "ORU^R01")), len(sent(system, "mail"))) == before


def test_what_was_of_the_wrong_patient_is_taken_back_everywhere(system, room, attending):
    booked = room.exam()
    ordered_by_the_hospital(system, booked)
    room.final(booked.exam_id, attending, impression="A mass of 4 cm.")
    carry_out(system)
    with unit_of_work(system) as uow:
        amend.withdraw(
            uow, amend.Withdrawal(room.seen(booked.exam_id, attending), "Dictated on the wrong patient"), attending
        )
    carry_out(system)
    message = parse(sent(system, "ORU^R01")[-1])
    assert (message.get("OBR-25"), message.get("OBX-11")) == ("X", "W")
    assert b"mass" not in sent(system, "ORU^R01")[-1]
    text = words_of(pdf_in(documents(system)[-1]))
    assert "withdrawn" in text.lower()
    assert "Dictated on the wrong patient" in text
    assert "mass" not in text


def test_a_preliminary_report_goes_as_text_alone(system, room, resident):
    booked = room.exam()
    ordered_by_the_hospital(system, booked)
    opened, revision = room.written(booked.exam_id, resident)
    room.sign(opened, revision, resident, "preliminary")
    carry_out(system)
    message = parse(sent(system, "ORU^R01")[0])
    assert message.get("OBR-25") == "P"
    assert documents(system) == []
    assert sent(system, "mail") == []


@pytest.fixture
def post_office() -> Iterator[tuple[Controller, list[bytes]]]:
    """A real SMTP server."""
    came: list[bytes] = []

    class Box(Keep):
        def handle_message(self, message) -> None:
            came.append(bytes(message))

    controller = Controller(Box(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller, came
    controller.stop()


def test_the_referring_doctor_is_told_by_mail_that_something_is_there_and_nothing_more(
    system, room, attending, post_office
):
    booked = room.exam(family="Secretname")
    ordered_by_the_hospital(system, booked)
    room.final(booked.exam_id, attending)
    carry_out(system)
    controller, came = post_office
    delivery = MailDelivery(f"smtp://127.0.0.1:{controller.port}")
    delivery.deliver_waiting(system)
    delivery.deliver_waiting(system)
    (mail,) = came
    assert b"referrer@demo.example" in mail
    assert f"{ADDRESS}/a/{booked.accession_number}".encode() in mail
    for secret in (b"Secretname", b"Lungs", b"CT"):
        assert secret not in mail.replace(b"Content-T", b"")
    with read_only(system) as uow:
        assert uow.session.scalars(select(MessageOut.state).where(MessageOut.kind == "mail")).all() == ["sent"]


def test_mail_waits_while_the_server_is_away(system, room, attending, clock):
    booked = room.exam()
    ordered_by_the_hospital(system, booked)
    room.final(booked.exam_id, attending)
    carry_out(system)
    MailDelivery("smtp://127.0.0.1:1").deliver_waiting(system)
    with read_only(system) as uow:
        (waiting,) = uow.session.scalars(select(MessageOut).where(MessageOut.kind == "mail"))
    assert (waiting.state, waiting.attempts) == ("queued", 1)
    assert waiting.next_try_at > clock.now


def test_a_key_image_is_on_the_paper(system, room, attending):

    booked = room.exam()
    study = booked.study_instance_uid
    dataset = image_of_exam(system, booked, 9)
    dataset.SeriesInstanceUID = f"{study}.7"
    uid = keep_file(system, as_file(dataset))
    opened, revision = room.written(booked.exam_id, attending)
    with unit_of_work(system) as uow:
        key_images.add_key_image(
            uow, key_images.NewKeyImage(opened.page, study, uid, 1, 40.0, 400.0, "The <nodule>"), attending
        )
    with read_only(system) as uow:
        revision = queries.live_report(uow, booked.exam_id).revision
    room.sign(opened, revision, attending, "final")
    carry_out(system)
    (file,) = documents(system)
    pdf = pdf_in(file)
    assert "The <nodule>" in words_of(pdf)
    listed = subprocess.run(["pdfimages", "-list", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    assert " jpeg " in listed
