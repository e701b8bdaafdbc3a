#!/usr/bin/env python3
"""read_html.py FILE: the page as an HTML parser sees it, as JSON: {"elements": {name: count}, "scripts": n, "data": the
report's data, "texts": {id: text}, "policy": ..., "hashes_fit": bool, "unclosed": [...], "outside": [...]}.
outside: attributes and style rules by which a browser would load something."""
import base64
import collections
import hashlib
import html.parser
import json
import re
import sys

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.elements = collections.Counter()
        self.open, self.unclosed, self.outside, self.inline = [], [], [], []
        self.texts, self.raw, self.policy = {}, [], ""

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements[tag] += 1
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]
        for name, value in attributes.items():
            if name in ("src", "srcset", "href", "action", "data", "poster", "background", "style"):
                self.outside.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.inline.append(f"{tag} {name}")
        if tag in ("script", "style"):
            self.raw.append([tag, attributes.get("type", ""), attributes.get("id", ""), ""])
        if tag not in VOID:
            self.open.append((tag, attributes.get("id")))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.unclosed.append(tag)
        else:
            self.open.pop()

    def handle_data(self, text):
        if self.open and self.open[-1][0] in ("script", "style"):
            self.raw[-1][3] += text
        elif self.open:
            name = self.open[-1][1] or self.open[-1][0]
            self.texts[name] = self.texts.get(name, "") + text


def main():
    page = Page()
    with open(sys.argv[1], encoding="utf-8") as file:
        page.feed(file.read())
    page.close()
    run = [text for tag, kind, _, text in page.raw if tag == "script" and kind == ""]
    styles = [text for tag, _, _, text in page.raw if tag == "style"]
    data = [text for tag, kind, name, text in page.raw if kind == "application/json" and name == "data"]
    fits = len(run) == 1 and len(styles) == 1 and all(
        "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'" in page.policy
        for text in run + styles)
    loads = [found for text in styles + run for found in re.findall(r"url\(|@import|https?://[a-z]|fetch\(|XMLHttp|innerHTML", text)]
    print(json.dumps({"elements": page.elements, "data": json.loads(data[0]), "scripts": len(run), "texts": page.texts,
                      "policy": page.policy, "hashes_fit": fits, "unclosed": page.unclosed + [one[0] for one in page.open],
                      "outside": page.outside + page.inline + loads}))


main()
