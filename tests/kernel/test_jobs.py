from __future__ import annotations

import threading

from ris_pacs.kernel import jobs
from ris_pacs.kernel.uow import System, unit_of_work


def claim(system: System) -> jobs.Claimed | None:
    with unit_of_work(system) as uow:
        return jobs.claim(uow)


def leave(system: System, number: int = 1, **how: object) -> None:
    with unit_of_work(system) as uow:
        jobs.enqueue(uow, "test", {"number": number}, **how)


def test_each_job_is_claimed_once_however_many_ask(system):
    for number in range(30):
        leave(system, number)
    got: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        while (job := claim(system)) is not None:
            with lock:
                got.append(job.payload["number"])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(30))


def test_a_key_is_queued_once_until_it_is_begun(system):
    leave(system, 1, key="k")
    leave(system, 2, key="k")
    job = claim(system)
    assert job is not None
    assert job.payload == {"number": 1}
    assert claim(system) is None
    leave(system, 3, key="k")  # Begun: what changed meanwhile needs another go.
    again = claim(system)
    assert again is not None
    assert again.payload == {"number": 3}


def test_a_job_of_a_dead_worker_goes_to_another(system, clock):
    leave(system)
    assert claim(system) is not None
    assert claim(system) is None
    clock.advance(minutes=6)
    taken_over = claim(system)
    assert taken_over is not None
    assert taken_over.attempts == 2


def test_a_failing_job_waits_longer_each_time_and_ends_dead(system, clock):
    leave(system)
    pauses = []
    for _ in range(jobs.MOST_ATTEMPTS):
        job = claim(system)
        assert job is not None
        with unit_of_work(system) as uow:
            jobs.fail(uow, job, "no answer")
        before = clock.now
        while (probe := claim(system)) is None and (clock.now - before).total_seconds() < 700:
            clock.advance(seconds=1)
        if probe is None:
            break
        pauses.append((clock.now - before).total_seconds())
        with unit_of_work(system) as uow:  # Give the probe back as it was.
            uow.session.execute(
                jobs.update(jobs.Job)
                .where(jobs.Job.id == probe.id)
                .values(state="queued", attempts=probe.attempts - 1, leased_until=None)
            )
    assert pauses == sorted(pauses)
    assert pauses[0] == 2
    with unit_of_work(system) as uow:
        assert jobs.counts(uow) == {"dead": 1}
