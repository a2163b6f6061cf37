"""When a task is asked about again, and what an answer, or none, makes of its row: without a database."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest import mock

from django.test import SimpleTestCase

from generations.gateways import GatewayBusy, GatewayError, GatewayMissing, GatewayUnclear, TaskStatus, VideoTask
from generations.lifecycle.cadence import PolledRow, Step, after_answer, after_silence, interval, not_asked

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROW = PolledRow(
    pk=1,
    gateway_id=1,
    dialect="openai_videos",
    upstream_id="task_1",
    upstream_state={},
    upstream_status="in_progress",
    progress=30,
    detail="",
    tries=0,
    submitted_at=NOW - timedelta(seconds=30),
    overdue_at=None,
    due_at=NOW,
)


def task(word: str = "in_progress", progress: int | None = None, status: TaskStatus = TaskStatus.RUNNING) -> VideoTask:
    return VideoTask("task_1", status, word, progress, (), "", raw={"status": word, "progress": progress})


def aged(**age: float) -> PolledRow:
    return replace(ROW, submitted_at=NOW - timedelta(**age))


def seconds(step: Step) -> float:
    return (step.due_at - NOW).total_seconds()


class Plain(SimpleTestCase):
    """Without jitter."""

    def setUp(self):
        self.enterContext(mock.patch.object(random, "uniform", side_effect=lambda low, high: (low + high) / 2))


class IntervalTests(SimpleTestCase):
    def test_intervals_grow_with_age(self):
        for age, expected in ((0, 5), (59, 5), (60, 10), (299, 10), (300, 20), (1799, 20), (1800, 60), (86400, 60)):
            with self.subTest(age=age):
                self.assertEqual(interval(timedelta(seconds=age), 5), expected)

    def test_a_longer_first_interval_is_never_undercut(self):
        for age in (0, 60, 300, 1800):
            self.assertGreaterEqual(interval(timedelta(seconds=age), 45), 45)

    def test_overdue_tasks_are_asked_about_slowly(self):
        self.assertEqual(interval(timedelta(0), 5, overdue=True), 300)

    def test_jitter_is_a_tenth_and_never_faster_than_a_second(self):
        found = [seconds(after_answer(ROW, task(), NOW, 5)) for _ in range(300)]
        self.assertTrue(all(4.5 <= delay <= 5.5 for delay in found))
        self.assertGreater(max(found) - min(found), 0.5)
        self.assertTrue(all(seconds(after_answer(ROW, task(), NOW, 1)) >= 1 for _ in range(100)))


class LatenessTests(Plain):
    """A poll is counted from when the last one was due, or the cadence would be stretched by each claim and answer."""

    def after(self, late: float, first: float = 5) -> float:
        return seconds(after_answer(replace(ROW, due_at=NOW - timedelta(seconds=late)), task(), NOW, first))

    def test_a_moment_of_lateness_is_made_up_for(self):
        for late, expected in ((0, 5), (0.3, 4.7), (1, 4)):
            with self.subTest(late=late):
                self.assertAlmostEqual(self.after(late), expected)

    def test_no_more_than_a_second_is_made_up_for(self):
        for late in (2, 60, 86400):
            with self.subTest(late=late):
                self.assertEqual(self.after(late), 4)

    def test_a_task_is_not_asked_about_twice_within_a_second(self):
        self.assertEqual(self.after(1, first=1), 1)

    def test_a_poll_before_its_time_does_not_put_off_the_next(self):
        self.assertEqual(self.after(-3), 5)


class AnswerTests(Plain):
    def test_progress_and_word_are_shown_as_given(self):
        step = after_answer(ROW, task("processing", 55), NOW, 5)
        self.assertEqual((step.progress, step.upstream_status, step.is_news), (55, "processing", True))
        self.assertEqual(step.answer, {"status": "processing", "progress": 55})
        self.assertEqual((seconds(step), step.tries, step.detail), (5, 0, ""))

    def test_progress_never_falls(self):
        for given in (0, 29, None):
            self.assertEqual(after_answer(ROW, task(progress=given), NOW, 5).progress, 30)

    def test_100_without_a_verdict_is_99(self):
        step = after_answer(ROW, task(progress=100), NOW, 5)
        self.assertEqual(step.progress, 99)
        again = after_answer(replace(ROW, progress=99), task(progress=100), NOW, 5)
        self.assertEqual((again.progress, again.is_news), (99, False))

    def test_the_same_answer_again_is_no_news(self):
        step = after_answer(ROW, task(progress=30), NOW, 5)
        self.assertFalse(step.is_news)
        self.assertIsNone(step.answer)

    def test_a_word_nobody_knows_is_shown_and_asked_about_again(self):
        step = after_answer(ROW, task("marinating", status=TaskStatus.UNKNOWN), NOW, 5)
        self.assertEqual((step.upstream_status, step.overdue_at, seconds(step)), ("marinating", None, 5))

    def test_an_answer_ends_a_spell_of_silence(self):
        step = after_answer(replace(ROW, tries=7, detail="No answer from the gateway lately."), task(), NOW, 5)
        self.assertEqual((step.tries, step.detail, step.is_news), (0, "", True))

    def test_without_a_verdict_for_an_hour_it_is_overdue_and_stays_so(self):
        self.assertIsNone(after_answer(aged(minutes=59), task(), NOW, 5).overdue_at)
        step = after_answer(aged(minutes=61), task(), NOW, 5)
        self.assertEqual((step.overdue_at, seconds(step), step.is_news), (NOW, 300, True))
        self.assertIn("late", step.detail)
        earlier = NOW - timedelta(hours=5)
        self.assertEqual(after_answer(replace(aged(hours=6), overdue_at=earlier), task(), NOW, 5).overdue_at, earlier)


class SilenceTests(Plain):
    def silence(self, row: PolledRow = ROW, error: GatewayError | None = None, first: float = 5) -> Step:
        return after_silence(row, error or GatewayUnclear("The gateway failed while answering (502)."), NOW, first)

    def test_waits_double_to_a_minute(self):
        delays = [seconds(self.silence(replace(ROW, tries=tries))) for tries in range(7)]
        self.assertEqual(delays, [5, 10, 20, 40, 60, 60, 60])
        self.assertEqual(seconds(self.silence(replace(ROW, tries=4_000_000))), 60)

    def test_nothing_shown_changes_but_the_words_and_those_only_when_it_lasts(self):
        step = self.silence()
        self.assertEqual((step.progress, step.upstream_status, step.tries), (30, "in_progress", 1))
        self.assertEqual((step.detail, step.is_news), ("", False))
        lasting = self.silence(replace(ROW, tries=2))
        self.assertIn("No answer from the gateway lately. The gateway failed", lasting.detail)
        self.assertTrue(lasting.is_news)
        self.assertFalse(self.silence(replace(ROW, tries=3, detail=lasting.detail)).is_news)

    def test_a_missing_task_is_ignored_while_it_is_young(self):
        missing = GatewayMissing("The gateway does not know this task (404).", status=404)
        step = self.silence(replace(aged(seconds=119), tries=50), missing)
        self.assertEqual((seconds(step), step.detail, step.overdue_at), (5, "", None))

    def test_a_missing_task_is_overdue_after_five_sightings_and_ten_minutes_and_never_ended(self):
        missing = GatewayMissing("The gateway does not know this task (404).", status=404)
        for minutes, tries, is_overdue in ((3, 9, False), (11, 3, False), (11, 4, True), (61, 0, True)):
            with self.subTest(minutes=minutes, tries=tries):
                step = self.silence(replace(aged(minutes=minutes), tries=tries), missing)
                self.assertEqual(step.overdue_at, NOW if is_overdue else None)
                self.assertEqual(step.is_news, is_overdue or tries >= 2)

    def test_silence_for_an_hour_is_overdue_and_news(self):
        self.assertIsNone(self.silence(aged(minutes=59)).overdue_at)
        step = self.silence(aged(minutes=61))
        self.assertEqual((step.overdue_at, seconds(step), step.is_news), (NOW, 300, True))

    def test_retry_after_is_honoured(self):
        self.assertEqual(seconds(self.silence(error=GatewayBusy("busy", retry_after=120))), 120)
        self.assertEqual(seconds(self.silence(error=GatewayBusy("busy", retry_after=1))), 5)

    def test_a_row_whose_gateway_came_to_rest_is_given_back_as_it_was(self):
        row = replace(ROW, tries=3, detail="words", overdue_at=NOW)
        step = not_asked(row, NOW)
        self.assertEqual((step.due_at, step.is_news, step.answer), (NOW, False, None))
        for name in ("pk", "progress", "upstream_status", "detail", "tries", "overdue_at"):
            self.assertEqual(getattr(step, name), getattr(row, name))
