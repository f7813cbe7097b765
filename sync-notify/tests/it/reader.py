"""Reads mails as a mail program does, and prints as JSON what a person would see."""

import email
import email.policy
import html.parser
import json
import pathlib
import sys


class Seen(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.text, self.tags, self.loads, self.hidden = [], set(), [], 0

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.loads += [name for name, _ in attributes if name in ("src", "href", "background", "onerror", "onload")]
        self.hidden += tag in ("title", "style", "script")
        if tag in ("tr", "p", "div", "h2", "h3", "code"):
            self.text.append("\n")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("title", "style", "script")
        if tag == "td":
            self.text.append(" ")

    def handle_data(self, data):
        if not self.hidden:
            self.text.append(data)


def read(path):
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    page = mail.get_body(("html",)).get_content()
    seen = Seen()
    seen.feed(page)
    lines = "".join(seen.text)
    return {
        "headers": [[name.lower(), str(value)] for name, value in mail.items()],
        "defects": [str(defect) for part in mail.walk() for defect in part.defects],
        "types": [part.get_content_type() for part in mail.walk()],
        "date": mail["Date"].datetime.isoformat(),
        "text": mail.get_body(("plain",)).get_content(),
        "html": "\n".join(" ".join(line.split()) for line in lines.split("\n") if line.strip()),
        "tags": sorted(seen.tags),
        "loads": seen.loads,
        "longest": max(len(line) for line in path.read_bytes().split(b"\r\n")),
        "envelope": json.loads(path.with_suffix(".json").read_text()) if path.with_suffix(".json").exists() else None,
    }


print(json.dumps([read(pathlib.Path(path)) for path in sys.argv[1:]]))
