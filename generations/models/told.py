"""What was written down in English, in the reader's language: the sentences of the engine, with their facts.

Rows keep English, which logs, exports and programs read. A sentence that is not in the list is shown as it is: the
words of gateways and of people are theirs.
"""

import re
from functools import cache

from django.conf import settings
from django.utils.translation import get_language, gettext, gettext_noop

SENTENCES = (
    gettext_noop("reserve"),
    gettext_noop("settle"),
    gettext_noop("release"),
    gettext_noop("adjust"),
    gettext_noop("asked for"),
    gettext_noop("accepted by the gateway"),
    gettext_noop("finished upstream"),
    gettext_noop("withdrawn before it was sent"),
    gettext_noop("upstream id attached by hand"),
    gettext_noop("confirmed not created"),
    gettext_noop("sent again by decision; it may cost twice"),
    gettext_noop("sent again by decision"),
    gettext_noop("asked upstream again"),
    gettext_noop("held again: upstream is asked again"),
    gettext_noop("as the gateway says"),
    gettext_noop("the gateway says what it took in another currency"),
    gettext_noop("sending"),
    gettext_noop("stored"),
    gettext_noop("brought back from the trash"),
    gettext_noop("{host} could not be reached, so nothing was sent: {why}."),
    gettext_noop("The request was sent to {host}, but no whole answer came back: {why}."),
    gettext_noop("The gateway answered {status}, but not with a JSON object of at most 1 MiB."),
    gettext_noop("The gateway gave no task but an error: {sentence}"),
    gettext_noop("The gateway's answer was too long to read ({status}): {sentence}"),
    gettext_noop("The gateway's answer was too long to read ({status})."),
    gettext_noop("The gateway sent us elsewhere; is its base URL right? ({status}): {sentence}"),
    gettext_noop("The gateway sent us elsewhere; is its base URL right? ({status})."),
    gettext_noop("The gateway is busy ({status}): {sentence}"),
    gettext_noop("The gateway is busy ({status})."),
    gettext_noop("The gateway refused the request ({status}): {sentence}"),
    gettext_noop("The gateway refused the request ({status})."),
    gettext_noop("The gateway failed while answering ({status}): {sentence}"),
    gettext_noop("The gateway failed while answering ({status})."),
    gettext_noop("The gateway does not know this task ({status}): {sentence}"),
    gettext_noop("The gateway does not know this task ({status})."),
    gettext_noop("The gateway accepted the request but named no usable task id: {sentence}"),
    gettext_noop("The gateway accepted the request but named no usable task id."),
    gettext_noop("given up"),
    gettext_noop("moved to the trash"),
    gettext_noop("files removed 30 days after it was deleted"),
    gettext_noop("the gateway changed its verdict to {word}; the first one stands"),
    gettext_noop("{person} confirmed with the gateway that this request was never accepted."),
    gettext_noop("Given up by {person}. The gateway never reported an end and may still bill it."),
    gettext_noop("No verdict from the gateway yet, although it is late."),
    gettext_noop("No answer from the gateway lately. {sentence}"),
    gettext_noop("The request was interrupted while it was being sent. It may have been accepted and billed."),
    gettext_noop("The database was away for a moment before the request was sent."),
    gettext_noop("Waiting for a free place at the gateway {gateway}."),
    gettext_noop("The gateway {gateway} is switched off."),
    gettext_noop("{model} is switched off."),
    gettext_noop("{model} is switched off: {reason}."),
    gettext_noop("The gateway {gateway} is paused: {sentence}"),
    gettext_noop("The gateway {gateway} has not answered lately. It is tried again by itself."),
    gettext_noop("Paused by {person}."),
    gettext_noop("Nobody speaks the dialect {dialect} any more."),
    gettext_noop("The model {model} is no longer in the catalogue."),
    gettext_noop("{model} no longer takes an image as {option}."),
    gettext_noop("The image that goes with this prompt is no longer stored. Upload it again."),
    gettext_noop("The gateway had accepted attempt {number} after all, as {id}."),
    gettext_noop("The gateway answered with an id that another generation already holds: {id}."),
    gettext_noop("The answer to attempt {number} came late. {sentence}"),
    gettext_noop("It could not be sent for 24 hours. {sentence}"),
    gettext_noop("The gateway reports that the task was cancelled there."),
    gettext_noop("The gateway reports that the task has expired."),
    gettext_noop("The model failed without saying why."),
    gettext_noop("The gateway says it is finished, but names no file."),
    gettext_noop("The gateway had said that it is finished, and now says {word}: {sentence}"),
    gettext_noop("The gateway had said that it is finished, and now says {word}."),
    gettext_noop("The gateway answered about another task: {id}."),
    gettext_noop("The gateway no longer knows this task. {sentence}"),
    gettext_noop("The file is not there (any more). {sentence}"),
    gettext_noop("The file cannot be taken from there. {sentence}"),
    gettext_noop("What the gateway gave is no video. {sentence}"),
    gettext_noop("The file could not be fetched for 24 hours. {sentence}"),
    gettext_noop("The file could not be fetched yet. {sentence}"),
    gettext_noop("The disk is full. It goes on by itself when there is room."),
    gettext_noop("The disk is nearly full ({free} MB left). It goes on by itself when there is room."),
    gettext_noop("The media folder cannot be written. It goes on by itself when it can."),
    gettext_noop("The disk does not take the file ({why}). It is tried again."),
    gettext_noop("The webhook was switched off before this was delivered."),
    gettext_noop("{host} answered 410: it wants no more."),
    gettext_noop("Nothing got through to {host} for a day; the last time it answered {status}."),
    gettext_noop("Nothing got through to {host} for a day; the last time it did not answer."),
    gettext_noop("Before: {before}. Now: {now}."),
    gettext_noop("{name} is not in the gateway's list any more."),
    gettext_noop("The gateway's list of models cannot be used: there is no video model in it."),
)

# The parts of the engine, as they sign what they did.
ACTORS = (
    gettext_noop("submitter"),
    gettext_noop("poller"),
    gettext_noop("downloader"),
    gettext_noop("sweep"),
    gettext_noop("trash"),
    gettext_noop("import"),
)


def actor_words(name: str) -> str:
    """Return who did something in the reader's language: a part of the engine; a person's name is as it is."""
    return gettext(name) if name in ACTORS else name


@cache
def patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return each sentence that has facts as what it is written like; the longest are the most particular."""
    with_facts = sorted((text for text in SENTENCES if "{" in text), key=len, reverse=True)
    return [
        (re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(text)), re.DOTALL), text) for text in with_facts
    ]


def told(text: str) -> str:
    """Return a stored sentence in the reader's language; as it is when nothing of ours is written so."""
    if not text or get_language() == settings.LANGUAGE_CODE:
        return text
    if text in SENTENCES:
        return gettext(text)
    for pattern, sentence in patterns():
        if found := pattern.fullmatch(text):
            return gettext(sentence).format(**{name: told(fact) for name, fact in found.groupdict().items()})
    return gettext(text)
