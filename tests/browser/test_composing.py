"""From a prompt to a playing video, and everything on the way that a form must not lose."""

import io
import re
import time

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Visit, sign_in
from tests.browser.steps import REFUSED, SMALL_MODEL, choose_model, compose, first_card

pytestmark = pytest.mark.browser

VEO = "veo/veo3.1"
JSON_MODEL = "wan/wan2.6-t2v"


@pytest.fixture
def page(visit: Visit) -> Page:
    page = visit("alice")
    page.goto("/")
    return page


def picture(colour: str = "") -> dict:
    """Return a small PNG as a file to choose, named after its colour."""
    file = io.BytesIO()
    Image.new("RGB", (320, 180), colour or "teal").save(file, "PNG")
    return {"name": f"{colour or 'harbour'}.png", "mimeType": "image/png", "buffer": file.getvalue()}


def test_a_prompt_becomes_a_playing_clip(page: Page):
    compose(page, "A paper boat on a canal at noon")
    page.evaluate("""() => {
        window.words = new Set();
        const read = () => document.querySelectorAll("#feed article .stage-words strong")
            .forEach((word) => words.add(word.textContent.replace(/\\d+ %/, "").trim()));
        new MutationObserver(read).observe(document.body, { childList: true, subtree: true });
    }""")
    began = time.monotonic()
    page.get_by_role("button", name="Generate").click()

    card = first_card(page)
    expect(card).to_contain_text("A paper boat on a canal at noon", timeout=3000)
    assert card.get_attribute("data-status") in {"queued", "submitting"}
    uuid = card.get_attribute("id").removeprefix("generation-")
    expect(page.locator("#toasts")).to_contain_text("Video ready.", timeout=30_000)
    card.get_by_role("button", name="Play").click()
    page.wait_for_function("(id) => document.getElementById(`player-${id}`).currentTime > 0.2", arg=uuid)

    assert time.monotonic() - began < 30
    assert "Generating" in page.evaluate("[...words]")
    assert set(page.evaluate("[...words]")) <= {"Waiting", "Sending", "Generating", "Saving"}
    expect(page.locator(".toast-item", has_text="Video ready.")).to_have_count(1)


def test_control_enter_sends_and_keeps_the_place(page: Page):
    compose(page, f"Two geese quarrel about a bench {REFUSED}")
    box = page.get_by_label("Prompt", exact=True)
    box.press("Control+Enter")
    expect(first_card(page)).to_contain_text("Two geese quarrel about a bench")
    expect(first_card(page)).to_contain_text("Refused by the gateway")
    expect(box).to_be_focused()
    expect(box).to_have_value(f"Two geese quarrel about a bench {REFUSED}")


def test_the_keyboard_stays_on_generate(page: Page):
    compose(page, f"A heron waits {REFUSED}")
    button = page.get_by_role("button", name="Generate")
    button.press("Enter")
    expect(first_card(page)).to_contain_text("A heron waits")
    expect(button).to_be_focused()


def test_what_is_open_stays_open_and_the_next_is_another_one(page: Page):
    choose_model(page, JSON_MODEL)
    compose(page, f"A kettle hums {REFUSED}")
    page.get_by_text("Advanced", exact=True).click()
    page.evaluate("document.querySelector('#composer').kept = true")
    for number in (1, 2):
        with page.expect_response(lambda response: response.request.method == "POST"):
            page.get_by_role("button", name="Generate").click()
        expect(page.locator("#feed article", has_text="A kettle hums")).to_have_count(number)
        time.sleep(1.1)  # a second press within a second is taken for a double click
    assert page.evaluate("document.querySelector('#composer').kept && document.querySelector('#options details').open")


def test_two_presses_make_one(page: Page):
    compose(page, f"A door that slams twice {REFUSED}")
    button = page.get_by_role("button", name="Generate")
    button.click()
    expect(first_card(page)).to_contain_text("A door that slams twice")
    button.click()
    expect(first_card(page)).to_contain_text("Refused by the gateway")
    expect(page.locator("#feed article", has_text="A door that slams twice")).to_have_count(1)


def test_a_refused_form_keeps_everything_typed_and_chosen(page: Page, complaints: Complaints):
    choose_model(page, VEO)
    prompt = "word " * 1100
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_role("radio", name="8 s").check()
    page.get_by_role("radio", name="720×1280").check()
    page.get_by_label("First frame").set_input_files(picture())
    expect(page.locator("#options")).to_contain_text("harbour.png")
    page.get_by_role("button", name="Generate").click()

    composer = page.get_by_role("form", name="New video")
    expect(composer).to_contain_text("at most 5000 characters")
    expect(page.get_by_label("Prompt", exact=True)).to_be_focused()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(prompt)
    expect(page.get_by_role("radio", name="8 s")).to_be_checked()
    expect(page.get_by_role("radio", name="720×1280")).to_be_checked()
    thumbnail = page.get_by_role("img", name="The image chosen")
    page.wait_for_function("(image) => image.naturalWidth === 320", arg=thumbnail.element_handle())
    complaints.expect("422")

    page.get_by_label("Prompt", exact=True).fill(f"A harbour at four in the morning {REFUSED}")
    page.get_by_role("button", name="Generate").click()
    expect(first_card(page)).to_contain_text("A harbour at four in the morning")
    first_card(page).get_by_role("link", name="Open").click()
    expect(page.get_by_role("img", name="The image given")).to_be_visible()


def test_a_prompt_box_pulled_larger_breaks_no_policy(page: Page, complaints: Complaints):
    page.get_by_label("Prompt", exact=True).evaluate("(box) => (box.style.height = '20rem')")  # as its corner does
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("form", name="New video")).to_contain_text("Write what the video should show")
    complaints.expect("422")


def test_a_kept_image_follows_to_another_model_and_goes_when_told(page: Page, complaints: Complaints):
    choose_model(page, VEO)
    page.get_by_label("First frame").set_input_files(picture())
    page.get_by_label("Prompt", exact=True).fill(" ")
    page.get_by_role("button", name="Generate").click()
    thumbnail = page.get_by_role("img", name="The image chosen")
    expect(thumbnail).to_be_visible()
    complaints.expect("422")
    choose_model(page, "veo/veo3.1-fast")
    expect(thumbnail).to_be_visible()
    page.get_by_role("button", name="Remove it").click()
    expect(thumbnail).to_have_count(0)
    expect(page.get_by_label("Model", exact=True)).to_have_value("veo/veo3.1-fast")


def test_a_chosen_image_follows_to_a_model_that_calls_it_otherwise(page: Page):
    choose_model(page, VEO)
    page.locator("#options input[type=file]").set_input_files(picture("green"))
    choose_model(page, "grok/grok-imagine-video")
    expect(page.locator("#options input[data-role=first_frame]")).to_have_js_property("files.length", 1)
    compose_prompt = page.get_by_label("Prompt", exact=True)
    compose_prompt.fill(f"A barn owl turns its head {REFUSED}")
    page.get_by_role("button", name="Generate").click()
    expect(first_card(page)).to_contain_text("A barn owl turns its head")
    first_card(page).get_by_role("link", name="Open").click()
    expect(page.get_by_role("img", name="The image given")).to_be_visible()


def test_all_that_was_chosen_outlives_a_session_that_ended_and_typing_goes_on_undisturbed(
    page: Page, complaints: Complaints
):
    compose(page, " ", model=VEO)
    page.get_by_label("First frame").set_input_files(picture("teal"))
    page.locator("#copies").select_option("2")
    page.get_by_role("button", name="Generate").click()
    image = page.get_by_role("img", name="The image chosen")
    expect(image).to_be_visible()
    complaints.expect("422")
    length = page.get_by_role("radio", name="6 s")
    length.check(force=True)
    kept = image.get_attribute("src")
    page.context.clear_cookies(name="studio")
    with page.expect_response("**/prompts/similar/**") as hint:
        page.get_by_label("Prompt", exact=True).press_sequentially("A heron waits")
    assert hint.value.status == 204
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url("**/accounts/login/**")
    sign_in(page, "alice", page.url)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(re.compile("A heron waits"))
    expect(page.get_by_label("Model", exact=True)).to_have_value(VEO)
    expect(page.locator("#copies")).to_have_value("2")
    expect(length).to_be_checked()
    expect(image).to_have_attribute("src", kept)


def test_several_images_are_chosen_at_once_and_one_can_go(page: Page, complaints: Complaints):
    choose_model(page, "seedance/doubao-seedance-2-0")
    page.get_by_label("Reference images").set_input_files([picture("teal"), picture("navy"), picture("olive")])
    expect(page.locator("#options")).to_contain_text("teal.png, 1 KB; navy.png, 1 KB; olive.png, 1 KB")
    page.get_by_label("Prompt", exact=True).fill(" ")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_role("img", name="Image 3")).to_be_visible()
    complaints.expect("422")
    kept = page.locator("#options .thumb img")
    before = [image.get_attribute("src") for image in kept.all()]
    page.get_by_role("button", name="Remove image 2").click()
    expect(kept).to_have_count(2)
    assert [image.get_attribute("src") for image in kept.all()] == [before[0], before[2]]
    compose(page, "[Image 1] meets [Image 2]", model="seedance/doubao-seedance-2-0-fast")
    expect(kept).to_have_count(2)
    page.get_by_role("button", name="Generate").click()
    expect(first_card(page)).to_contain_text("[Image 1] meets [Image 2]")


def test_an_image_that_finds_no_place_is_named_and_comes_back(page: Page):
    choose_model(page, VEO)
    page.get_by_label("First frame").set_input_files(picture())
    choose_model(page, "wan/wan2.7")
    expect(page.locator("#options .notice")).to_contain_text("Wan 2.7 has no first frame: left out")
    choose_model(page, VEO)
    expect(page.locator("#options")).to_contain_text("harbour.png")


def test_an_image_outlives_models_chosen_in_quick_succession(page: Page):
    choose_model(page, VEO)
    page.get_by_label("First frame").set_input_files(picture())
    both = """(keys) => keys.forEach((key) => {
        const select = document.querySelector("#composer select[name=model]");
        select.value = key;
        select.dispatchEvent(new Event("change", { bubbles: true }));
    })"""
    page.evaluate(both, ["veo/veo3.1-fast", "wan/wan2.7"])  # the second waits, and goes out at the swap of the first
    expect(page.locator("#options .notice")).to_contain_text("Wan 2.7 has no first frame: left out")


def test_a_price_that_comes_after_another_model_is_dropped(page: Page):
    """Its place is gone, which the page must not take for an error of its own."""
    choose_model(page, VEO)
    held = []
    page.route("**/price/**", lambda route: held.append(route))
    with page.expect_request("**/price/**"):
        page.get_by_role("radio", name="8 s").check()
    page.get_by_label("Model", exact=True).select_option("wan/wan2.7")
    page.locator("#options input[name=was][value='wan/wan2.7']").wait_for(state="attached")
    with page.expect_response("**/price/**"):
        held[0].continue_()
    page.wait_for_timeout(500)
    expect(page.locator("#price")).to_have_text(", free")


def test_enter_in_an_option_pays_for_nothing(page: Page):
    compose(page, "A fountain that nobody asked for", model="wan/wan2.7")
    before = page.locator("#feed article").count()
    with page.expect_response("/"):
        page.get_by_role("spinbutton", name="Duration").press("Enter")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A fountain that nobody asked for")
    assert page.locator("#feed article").count() == before


def test_what_is_no_image_gets_a_sentence(page: Page, complaints: Complaints):
    choose_model(page, VEO)
    page.get_by_label("Prompt", exact=True).fill("A harbour")
    page.get_by_label("First frame").set_input_files(picture() | {"buffer": b"not a picture at all"})
    before = page.locator("#feed article").count()
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#options .error")).to_contain_text(re.compile("JPEG|image", re.IGNORECASE))
    expect(page.get_by_label("First frame")).to_be_focused()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A harbour")
    assert page.locator("#feed article").count() == before
    complaints.expect("422")


def test_another_model_brings_its_options_and_names_what_changed(page: Page):
    choose_model(page, "wan/wan2.6")
    page.get_by_label("Prompt", exact=True).fill("A lantern festival")
    page.get_by_role("radio", name="10 s").check()
    page.get_by_role("radio", name="1088×832").check()
    choose_model(page, VEO)
    changes = page.locator("#options .notice")
    expect(changes).to_contain_text("10 s is not offered by Veo 3.1")
    expect(page.get_by_role("radio", name="10 s")).to_have_count(0)
    expect(page.get_by_label("First frame")).to_be_visible()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A lantern festival")

    changes.get_by_role("link", name="Undo").click()
    expect(page.get_by_role("radio", name="10 s")).to_be_checked()
    expect(page.get_by_role("radio", name="1088×832")).to_be_checked()
    expect(page.get_by_label("Model", exact=True)).to_have_value("wan/wan2.6")


def test_what_both_models_offer_stays(page: Page):
    choose_model(page, "veo/veo3.1-fast")
    page.get_by_role("radio", name="8 s").check()
    page.get_by_label("First frame").set_input_files(picture())
    choose_model(page, VEO)
    expect(page.get_by_role("radio", name="8 s")).to_be_checked()
    expect(page.locator("#options .notice")).to_have_count(0)
    assert page.get_by_label("First frame").evaluate("(input) => input.files[0]?.name") == "harbour.png"
    expect(page.locator("#options")).to_contain_text("harbour.png")


def test_a_slider_and_its_number_say_the_same(page: Page):
    choose_model(page, "wan/wan2.7")
    slider, number = page.get_by_role("slider"), page.get_by_role("spinbutton", name="Duration")
    before = int(number.input_value())
    slider.press("ArrowRight")
    expect(number).to_have_value(str(before + 1))
    number.fill("12")
    expect(slider).to_have_value("12")


def test_a_draft_survives_a_reload_until_it_is_sent(page: Page):
    compose(page, f"A draft about moss {REFUSED}")
    page.reload()
    box = page.get_by_label("Prompt", exact=True)
    expect(box).to_have_value(f"A draft about moss {REFUSED}")
    choose_model(page, SMALL_MODEL)
    page.get_by_role("button", name="Generate").click()
    expect(first_card(page)).to_contain_text("A draft about moss")
    page.goto("/")
    expect(box).to_have_value("")


def test_the_counter_counts(page: Page):
    page.get_by_label("Prompt", exact=True).fill("four")
    expect(page.locator("#prompt-counter")).to_have_text("4 / 5000")


def test_an_unreachable_studio_is_said_and_nothing_is_lost(page: Page, complaints: Complaints):
    compose(page, "A tunnel without a signal")
    page.context.set_offline(True)
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#toasts")).to_contain_text("Nothing you typed is lost")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A tunnel without a signal")
    expect(page.get_by_role("button", name="Generate")).to_be_enabled()
    for words in ("ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest"):
        complaints.expect(words)
