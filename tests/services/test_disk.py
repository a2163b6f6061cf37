"""A disk that is full, nearly full or read-only under a whole studio: videos wait and say why; no half one is kept."""

import pytest

from generations.lifecycle.files import FREE_FLOOR
from tests.processes import wait_for
from tests.services.base import StudioTestCase
from tests.services.disk import MEGABYTE, SmallDisk
from tests.services.studio import Studio

FLOOR = FREE_FLOOR // MEGABYTE
PAGES = ("/", "/generations/", "/prompts/", "/models/", "/queue/")


@pytest.mark.services
@pytest.mark.timeout(600)
class DiskTests(StudioTestCase):
    def new_studio(self) -> Studio:
        self.disk = self.enterContext(SmallDisk(FLOOR + 32))
        studio = super().new_studio()
        (studio.data / "media").symlink_to(self.disk.folder)
        return studio

    def assert_waits(self, uuid: str, words: str) -> None:
        """The row waits with these words on its page, nothing of its file is to be had or left, other pages work."""
        wait_for(lambda: words in self.studio.record(uuid).get("detail", ""), seconds=120, why=self.studio.said())
        self.assertEqual(self.studio.status(uuid), "downloading")
        self.assertIn(words, self.studio.client.get(f"/generations/{uuid}/").text)
        for path in PAGES:
            self.assertEqual(self.studio.client.get(path).status_code, 200, path)
        self.assertEqual(self.studio.client.get(f"/generations/{uuid}/video/").status_code, 404)
        self.assertEqual([path for path in (self.disk.folder / "videos").rglob("*") if path.is_file()], [])

    def assert_goes_on_by_itself(self, uuid: str) -> None:
        self.take_time_from("downloading")
        self.assert_all_completed_from_one_create_each([uuid])
        self.assert_nothing_amiss()
        self.assert_no_trace_in_the_log()

    def test_below_the_floor_nothing_is_fetched(self):
        self.disk.fill_but(FLOOR - 1)
        [uuid] = self.generate(1)
        left = f"({FLOOR - 1} MB left)"
        self.assert_waits(uuid, f"The disk is nearly full {left}. It goes on by itself when there is room.")
        self.assertEqual(self.upstream.fetches, [])
        self.disk.make_room()
        self.assert_goes_on_by_itself(uuid)

    def test_a_disk_that_runs_full_in_the_middle_of_a_file_keeps_none_of_it(self):
        self.upstream.halfway(self.disk.run_full)
        [uuid] = self.generate(1)
        self.assert_waits(uuid, "The disk is full. It goes on by itself when there is room.")
        self.disk.make_room()
        self.assert_goes_on_by_itself(uuid)

    def test_a_media_folder_that_cannot_be_written_is_waited_for(self):
        self.disk.become_read_only()
        [uuid] = self.generate(1)
        self.assert_waits(uuid, "The media folder cannot be written. It goes on by itself when it can.")
        self.assertEqual(self.studio.client.get("/readyz").json()["problems"], ["the media folder cannot be written"])
        self.disk.become_writable()
        self.assert_goes_on_by_itself(uuid)
