"""Objects in folders: a name that was given is durable, whoever made its folder."""

from __future__ import annotations

from pathlib import Path

from ris_pacs.kernel import blobs
from ris_pacs.kernel.blobs import FolderStore


def put(store: FolderStore, key: str) -> bool:
    incoming = store.incoming()
    incoming.write(key.encode())
    incoming.finish()
    return store.place(incoming, key)


def test_a_folder_that_another_thread_is_making_durable_is_not_relied_on(tmp_path, monkeypatch):
    store = FolderStore(tmp_path)
    store.prepare()
    synced: list[str] = []
    by_the_second: list[str] = []
    truly = blobs._sync_folder

    def sync(folder: str) -> None:
        truly(folder)
        synced.append(Path(folder).name)
        if len(synced) == 2:  # The first has the study's folder durable, and not yet all of those above.
            already = len(synced)
            assert put(store, "1f/1.2.3/second.dcm")
            by_the_second.extend(synced[already:])

    monkeypatch.setattr(blobs, "_sync_folder", sync)
    assert put(store, "1f/1.2.3/first.dcm")
    assert by_the_second == ["1.2.3", "1f", "objects"]
    synced[:] = ["a third", "would not be asked"]
    assert put(store, "1f/1.2.3/third.dcm")
    assert synced[2:] == ["1.2.3"]


def test_a_name_is_given_once(tmp_path):
    store = FolderStore(tmp_path)
    store.prepare()
    assert put(store, "1f/1.2.3/one.dcm")
    assert not put(store, "1f/1.2.3/one.dcm")
    with store.open("1f/1.2.3/one.dcm") as file:
        assert file.read() == b"1f/1.2.3/one.dcm"
