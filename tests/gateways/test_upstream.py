"""The scripted gateway itself: each behaviour is what it says, in every dialect, by the request of its own tests."""

from importlib import import_module

from django.test import SimpleTestCase

from generations.gateways import (
    DIALECTS,
    GatewayBusy,
    GatewayMissing,
    GatewayRejected,
    GatewayUnclear,
    TaskStatus,
    VideoRequest,
    VideoTask,
)
from generations.gateways.http import Endpoint, Times, open_download, send_once
from tests.gateways.contract import DialectContract
from tests.upstream import FakeUpstream


def contract_of(dialect: str) -> type[DialectContract]:
    """Return the tests of one dialect, which stand in the file named after it."""
    found = vars(import_module(f"tests.gateways.test_{dialect}")).values()
    tests = [one for one in found if isinstance(one, type) and issubclass(one, DialectContract)]
    return next(one for one in tests if one is not DialectContract and one.dialect.name == dialect)


REQUESTS = {name: contract_of(name).request for name in DIALECTS}
TIMES = Times(connect=5, write=5, read=1.5, overall=5)


class Studio:
    """The least of a client: one gateway, one dialect."""

    def __init__(self, upstream: FakeUpstream, dialect: str) -> None:
        self.endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}))
        self.dialect = DIALECTS[dialect]
        self.request = REQUESTS[dialect]

    def create(self) -> VideoTask:
        return self.dialect.read_create(send_once(self.endpoint, self.dialect.create(self.request), times=TIMES))

    def poll(self, task: VideoTask) -> VideoTask:
        return self.dialect.read_task(send_once(self.endpoint, self.dialect.retrieve(task.upstream_id, {})))

    def polls(self, count: int) -> list[VideoTask]:
        task = self.create()
        return [self.poll(task) for _ in range(count)]

    def fetch(self, target) -> bytes:
        with open_download(self.endpoint, target) as download:
            return b"".join(download.chunks())


class FakeUpstreamTests(SimpleTestCase):
    def each(self):
        for name in DIALECTS:
            with self.subTest(dialect=name), FakeUpstream() as upstream:
                yield upstream, Studio(upstream, name)

    def test_by_default_all_goes_well(self):
        for upstream, studio in self.each():
            task = studio.create()
            running, done = studio.poll(task), studio.poll(task)
            self.assertEqual((task.status, running.status), (TaskStatus.WAITING, TaskStatus.RUNNING))
            self.assertEqual((done.status, len(done.urls)), (TaskStatus.COMPLETED, 1))
            progress = {"kling": (None, None), "runway": (30, None), "xai": (30, None)}
            self.assertEqual((running.progress, done.progress), progress.get(studio.dialect.name, (30, 100)))
            self.assertEqual(studio.fetch(done.urls[0]), upstream.video)
            self.assertEqual((len(upstream.creates), len(upstream.polls), len(upstream.fetches)), (1, 2, 1))
            self.assertEqual(upstream.violations, [])

    def test_lost_answers_are_accepted_orders(self):
        for upstream, studio in self.each():
            upstream.accepts_then_resets().closes_before_answer().cut_head().cut_body().slow(5)
            for count in range(1, 6):
                with self.assertRaises(GatewayUnclear):
                    studio.create()
                self.assertEqual((len(upstream.creates), len(upstream.tasks)), (count, count))
            self.assertEqual(studio.create().status, TaskStatus.WAITING)

    def test_refusals_make_no_task(self):
        for upstream, studio in self.each():
            upstream.busy(9).answers_status(402, {"message": "no money"}).answers_status(524, "<html>")
            with self.assertRaises(GatewayBusy) as caught:
                studio.create()
            self.assertEqual(caught.exception.retry_after, 9)
            with self.assertRaisesRegex(GatewayRejected, "no money"):
                studio.create()
            with self.assertRaises(GatewayUnclear):
                studio.create()
            self.assertEqual((len(upstream.creates), upstream.tasks), (3, {}))

    def test_verdicts_by_script(self):
        for upstream, studio in self.each():
            upstream.fails("no luck").never_ends().says("PONDERING").flips_to_failed().flips_to_completed()
            self.assertEqual([task.error for task in studio.polls(2)], ["", "no luck"])
            self.assertEqual({task.status for task in studio.polls(4)}, {TaskStatus.RUNNING})
            self.assertEqual({task.status for task in studio.polls(2)}, {TaskStatus.UNKNOWN})
            self.assertEqual([str(task.status) for task in studio.polls(3)], ["running", "completed", "failed"])
            self.assertEqual([str(task.status) for task in studio.polls(3)], ["running", "failed", "completed"])

    def test_polls_in_trouble(self):
        for upstream, studio in self.each():
            upstream.missing_at_first().polls_answer(503)
            for expected in (GatewayMissing, GatewayUnclear):
                task = studio.create()
                with self.assertRaises(expected):
                    studio.poll(task)
                self.assertEqual(studio.poll(task).status, TaskStatus.COMPLETED)

    def test_links_that_are_not_there_or_dead(self):
        for upstream, studio in self.each():
            upstream.no_url().expired_link_once()
            self.assertEqual(studio.polls(2)[-1].urls, ())
            task = studio.create()
            [_, first, second] = [studio.poll(task) for _ in range(3)]
            with self.assertRaises(GatewayRejected) as caught:
                studio.fetch(first.urls[0])
            self.assertEqual(caught.exception.status, 403)
            self.assertEqual(studio.fetch(second.urls[0]), upstream.video)

    def test_the_content_route(self):
        with FakeUpstream() as upstream:
            studio = Studio(upstream.no_url(content=True), "openai_videos")
            task = studio.create()
            content = studio.dialect.content(task.upstream_id, {})
            with self.assertRaises(GatewayRejected):
                studio.fetch(content)
            studio.poll(task), studio.poll(task)
            self.assertEqual(studio.fetch(content), upstream.video)

    def test_it_wants_its_key(self):
        for upstream, studio in self.each():
            studio.endpoint = Endpoint(upstream.base_url, "sk-other", studio.endpoint.private_hosts)
            with self.assertRaises(GatewayRejected) as caught:
                studio.create()
            self.assertEqual((caught.exception.is_account, upstream.creates), (True, []))

    def test_it_is_as_strict_as_the_documents(self):
        wrong = [
            ("openai_videos", VideoRequest("wan9", "p", {})),
            ("openai_videos", VideoRequest("wan2.6-t2v", "p", {})),
            ("openai_videos", VideoRequest("wan2.6", "", {})),
            ("openai_videos", VideoRequest("omni-fast", "p", {"seconds": 5})),
            ("openai_videos", VideoRequest("veo3.1", "p", {"input_reference": "words"})),
            ("newapi", VideoRequest("wan2.6-t2v", "p", {"metadata.parameters.duration": "5"})),
            ("newapi", VideoRequest("wan2.6-t2v", "p", {"metadata.parameters.size": "832*480"})),
            ("newapi", VideoRequest("wan2.6-t2v", "p", {"metadata.parameters.shot_type": "multi"})),
            ("newapi", VideoRequest("wan2.5-t2v-preview", "p", {"metadata.parameters.duration": 15})),
            ("newapi", VideoRequest("wan2.5-t2v-preview", "p", {"metadata.parameters.watermark": 1})),
            ("newapi", VideoRequest("wan2.5-t2v-preview", "p", {"size": "1280*720"})),
        ]
        for name, request in wrong:
            with self.subTest(request=request), FakeUpstream() as upstream:
                studio = Studio(upstream, name)
                studio.request = request
                with self.assertRaises(GatewayRejected):
                    studio.create()
                self.assertEqual(len(upstream.violations), 1)

    def test_strictness_can_be_the_callers(self):
        with FakeUpstream(models=lambda create: [] if create.model == "mine" else ["not mine"]) as upstream:
            studio = Studio(upstream, "openai_videos")
            studio.request = VideoRequest("mine", "p", {"anything": "goes"})
            self.assertEqual(studio.create().status, TaskStatus.WAITING)
