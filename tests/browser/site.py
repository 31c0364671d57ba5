"""A site whose pages have tailrace.js: an origin of its own, and as strict as a site can be about what pages may do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "browser.md").read_text("utf-8")
_PAGE = """<!doctype html>
<html lang="en"><head>{title}
{tag}
<script src="/page.js" defer></script></head>
<body>{body}</body></html>"""
_POLICY = (
    "default-src 'none'; script-src 'self' {server}; connect-src {endpoint}; require-trusted-types-for 'script'; "
    "form-action 'none'; base-uri 'none'"
)


def block(language: str) -> str:
    """The one block of the documentation in a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
    return str(text)


@dataclass
class Site:
    """Every path has the same page, with the script as it is documented. `server` is the origin of the script,
    `endpoint` that of what it sends to, `code` the page's own script.
    """

    server: str
    endpoint: str
    title: str = "<title>Shop</title>"
    body: str = ""
    code: str = ""
    attributes: str = ""
    url: str = field(default="", init=False)

    def answer(self, path: str) -> tuple[str, str]:
        """What is answered, and its type."""
        if path == "/page.js":
            return self.code, "text/javascript"
        return _PAGE.format(title=self.title, tag=self.tag, body=self.body), "text/html"

    @property
    def tag(self) -> str:
        """The tag of the documentation for this server and app, with further attributes."""
        tag = block("html").replace("https://tailrace.example.com", self.server).replace("wk_demo_puzzle", "wk_waves")
        return tag.replace(" defer", f" {self.attributes} defer")

    @property
    def policy(self) -> str:
        """What its pages may do: run no other scripts, and connect to nobody else."""
        return _POLICY.format(server=self.server, endpoint=self.endpoint)


@contextmanager
def served(site: Site) -> Iterator[Site]:
    """The site, listening until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text, kind = site.answer(self.path.partition("?")[0])
            body = text.encode()
            self.send_response(200)
            self.send_header("content-type", f"{kind}; charset=utf-8")
            self.send_header("content-security-policy", site.policy)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        site.url = f"http://127.0.0.1:{listener.server_address[1]}"
        thread = Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            listener.shutdown()
            thread.join()
