"""A page as a browser would see it, and names that try to break out of their place in it."""

from __future__ import annotations

from html.parser import HTMLParser

# Elements that have no closing tag.
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """What a browser would make of a page: its tags, its attributes, the text of each element."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(str(html))  # Markup would escape the parts of it again.
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in VOID:
            self._open.append(tag)
            self.texts.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.texts:
            tag, text = self.texts[-1]
            self.texts[-1] = (tag, text + data)

    def texts_of(self, tag: str) -> list[str]:
        """Returns the text right after each opening tag of a kind."""
        return [" ".join(text.split()) for name, text in self.texts if name == tag]


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "double quote": '"><img src=x onerror=alert(1)>',
    "single quote": "' onmouseover='alert(1)",
    "entity": "&lt;b&gt; &amp; co",
    "closing": "</td></table></pre></style>",
    "template": "{{ 7 * 7 }}{% raw %}",
    "newline": "two\nlines",
    "unicode": "Kätzchen 猫 \u202e",
}
