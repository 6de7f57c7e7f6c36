"""The parts of the design system as the markup that they give."""

from __future__ import annotations

import pytest
from flask import Flask, render_template_string

from tests.web.parts_app import PAGES, build_app

INJECTION = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def app() -> Flask:
    return build_app()


def render(app: Flask, source: str, **values: object) -> str:
    with app.test_request_context():
        return render_template_string(source, **values)


@pytest.mark.parametrize("url", [url for url, _ in PAGES])
def test_page_renders(app: Flask, url: str) -> None:
    assert app.test_client().get(url).status_code == 200


MACROS_THAT_SHOW_A_NAME = {
    "name": '{% from "parts/table.html" import name %}{{ name(x, "/p") }}',
    "chip": '{% from "parts/chip.html" import chip %}{{ chip("final", x) }}',
    "button": '{% from "parts/button.html" import button %}{{ button(x, attrs={"title": x}) }}',
    "pill": '{% from "parts/button.html" import pill %}{{ pill(x, "/p", set=True) }}',
    "note": '{% from "parts/message.html" import note %}{{ note("stop", x, x) }}',
    "toast": '{% from "parts/message.html" import toast %}{{ toast(x) }}',
    "page_head": '{% from "parts/page.html" import page_head %}{{ page_head(x, x) }}',
    "facts": '{% from "parts/facts.html" import facts %}{{ facts([(x, x)]) }}',
    "timeline": '{% from "parts/timeline.html" import timeline %}{{ timeline([{"state": "final", "word": x}]) }}',
    "raw": '{% from "parts/difference.html" import raw %}{{ raw(x, "id") }}',
    "option": '{% from "parts/listbox.html" import option %}{% call option("o", word=x) %}{{ x }}{% endcall %}',
    "token": '{% from "parts/field.html" import token %}{{ token("n", x, x) }}',
    "drawer": '{% from "parts/drawer.html" import drawer %}{% call drawer(x, "/p") %}{{ x }}{% endcall %}',
}


@pytest.mark.parametrize("macro", MACROS_THAT_SHOW_A_NAME)
def test_a_script_in_a_name_stays_text(app: Flask, macro: str) -> None:
    html = render(app, MACROS_THAT_SHOW_A_NAME[macro], x=INJECTION)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_every_state_has_hue_icon_and_word(app: Flask) -> None:
    html = render(
        app,
        '{% from "parts/states.html" import STATES %}{% from "parts/chip.html" import chip %}'
        "{% for key, state in STATES.items() %}{{ state.hue }}|{{ state.icon }}|{{ chip(key) }}\n{% endfor %}",
    )
    for line in filter(None, html.splitlines()):
        hue, icon, chip = line.split("|", 2)
        assert f"hue-{hue}" in chip
        assert f"#{icon}" in chip
        assert chip.split("</svg>")[1].removesuffix("</span>").strip()


@pytest.mark.parametrize(("minutes", "hue"), [(15, "slate"), (16, "amber"), (30, "amber"), (31, "red")])
def test_waiting_is_coloured_by_its_length(app: Flask, minutes: int, hue: str) -> None:
    html = render(app, '{% from "parts/chip.html" import waiting %}{{ waiting(minutes) }}', minutes=minutes)
    assert f"hue-{hue}" in html


def test_a_wrong_field_keeps_what_was_typed_and_says_why(app: Flask) -> None:
    html = app.test_client().get("/order").get_data(as_text=True)
    assert 'aria-describedby="authorisation-error" aria-invalid="true"' in html
    assert 'value="NW-88"' in html
    assert 'id="authorisation-error"' in html
    assert "1 thing to mend" in html
