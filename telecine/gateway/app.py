"""The application: routes, headers, errors.

`create_app` takes everything it needs, so that tests serve one over folders; __main__.py serves a running house.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from telecine import __version__
from telecine.errors import TelecineError
from telecine.gateway.access import is_local
from telecine.gateway.headers import allowed_hosts, security_headers
from telecine.gateway.keys import KeyStore, key_routes
from telecine.gateway.pages import page
from telecine.gateway.players import BY_PATH
from telecine.gateway.shelf import Shelf
from telecine.gateway.tokens import Tokens
from telecine.gateway.viewing import viewing
from telecine.partition import is_partition_key

_RECENT = 48
_TOKEN_S = 900.0  # and twice the length: time to look, and to stop for a coffee
_FOR_EVER = "public, max-age=31536000, immutable"
_GET = ["GET", "HEAD"]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Keys:
    """What the gateway needs to give keys out.

    Attributes:
        store: where they are.
        origins: other origins whose pages may ask for them.
    """

    store: KeyStore
    tokens: Tokens
    origins: Sequence[str] = ()


def create_app(shelf: Shelf, *, outputs_url: str, gateway_url: str, keys: Keys | None = None) -> FastAPI:
    """The gateway over a shelf.

    Args:
        outputs_url: base URL at which browsers read the output bucket, without a trailing slash.
        gateway_url: base URL at which people reach this gateway.
        keys: of protected streams; without it nobody gets one.
    """
    # Its documentation pages would fetch scripts from elsewhere.
    app = FastAPI(title="Telecine", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(gateway_url), www_redirect=False)
    _speak_safely(app, outputs_url)
    _explain_errors(app)

    @app.api_route("/", methods=_GET)
    def start() -> Response:
        return RedirectResponse("/watch")

    @app.api_route("/healthz", methods=_GET)
    def healthz() -> Response:
        return JSONResponse({"status": "ok"})

    @app.api_route("/watch", methods=_GET)
    def index() -> Response:
        found = [(viewing(item.manifest, outputs_url), item.published_at) for item in shelf.recent(_RECENT)]
        return HTMLResponse(page("index", found=found))

    @app.api_route("/watch/{partition}", methods=_GET)
    def watch(partition: str, request: Request) -> Response:
        manifest = shelf.manifest(partition) if is_partition_key(partition) else None
        if manifest is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "Nothing is published under this name.")
        media = viewing(manifest, outputs_url)
        token = None
        if keys is not None and is_local(request):
            token = keys.tokens.issue(partition, _TOKEN_S + 2 * (media.duration_s or 0.0))
        html = page("watch", media=media, token=token)
        return HTMLResponse(html, headers={"Cache-Control": "no-store"})

    if keys is not None:
        app.router.routes.extend(key_routes(keys.store, keys.tokens, keys.origins))

    @app.api_route("/players/{name}", methods=_GET)
    def player(name: str, request: Request) -> Response:
        library = BY_PATH.get(f"/players/{name}")
        if library is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "There is no such player.")
        gzipped = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        if gzipped:
            headers["Content-Encoding"] = "gzip"
        content = library.packed() if gzipped else library.unpacked()
        return Response(content, media_type="text/javascript", headers=headers)

    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
    return app


def _speak_safely(app: FastAPI, outputs_url: str) -> None:
    """Put the security headers on every answer, and let nothing be kept that doesn't say so itself."""
    headers = security_headers(outputs_url)

    @app.middleware("http")
    async def add(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in headers.items():
            response.headers[name] = value
        response.headers.setdefault("Cache-Control", "no-cache")
        return response


def _explain_errors(app: FastAPI) -> None:
    """Errors in words: a page for whoever takes HTML, JSON for the others."""

    def answer(request: Request, status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            title = HTTPStatus(status).phrase
            return HTMLResponse(page("error", status=status, title=title, sentence=sentence), status, headers)
        return JSONResponse({"status": status, "detail": sentence}, status, headers)

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        return answer(request, error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(TelecineError)
    async def failed(request: Request, error: TelecineError) -> Response:
        log.warning("gateway.failed", path=request.url.path, code=error.code.value, reason=error.message)
        return answer(request, HTTPStatus.SERVICE_UNAVAILABLE, f"{error.message}. {error.code.remedy}")
