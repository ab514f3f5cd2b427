"""An HTTP server with OpenAI's chat completions whose every answer a test decides."""

import dataclasses
import http.server
import json
import ssl
import threading
import time

MODEL = "tiny-model"


@dataclasses.dataclass
class Request:
    """One question as it arrived."""

    path: str
    headers: dict  # names in lower case
    body: dict
    time: float
    at_once: int  # requests under way, this one included

    @property
    def messages(self):
        return self.body["messages"]

    @property
    def sentence(self):
        """What stands last behind `Expression:` in the first message."""
        return self.messages[0]["content"].rsplit("Expression: ", 1)[1].split("\nAnswer:")[0]


@dataclasses.dataclass
class Response:
    """What goes back; `raw` bytes replace all of it, and end the connection."""

    status: int = 200
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)
    raw: bytes | None = None


def completion(content, prompt_tokens=100, completion_tokens=10):
    document = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens},
    }
    return Response(body=json.dumps(document).encode())


def failure(status, message, headers=None, **more):
    body = json.dumps({"error": {"message": message, **more}}).encode()
    return Response(status, body, headers or {})


def two_cues(sentence):
    """Not what the rules say: the sentence and its last word."""
    return [sentence, sentence.split()[-1]]


def take_apart(request, _number):
    return completion(json.dumps(two_cues(request.sentence)))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.chat.connections.add(self.connection)

    def finish(self):
        self.server.chat.connections.discard(self.connection)
        super().finish()

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the program hung up

    def do_GET(self):
        chat = self.server.chat
        chat.gets.append(self.path)
        chat.before_get()
        if self.path.endswith("/models") and chat.models is not None:
            listed = {"object": "list", "data": [{"id": name} for name in chat.models]}
            self.answer(Response(body=json.dumps(listed).encode()))
        else:
            self.answer(failure(404, "no such path"))

    def do_POST(self):
        chat = self.server.chat
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with chat.lock:
            chat.under_way += 1
            number = len(chat.requests)
            request = Request(self.path, headers, body, time.monotonic(), chat.under_way)
            chat.requests.append(request)
        try:
            response = chat.script(request, number)
        finally:
            with chat.lock:
                chat.under_way -= 1
        if isinstance(response, str):
            response = completion(response)
        self.answer(response)

    def answer(self, response):
        if response.raw is not None:
            self.wfile.write(response.raw)
            self.close_connection = True
            return
        lines = {"Content-Type": "application/json", "Content-Length": len(response.body)}
        self.send_response(response.status)
        for name, value in {**lines, **response.headers}.items():
            self.send_header(name, str(value))
        self._headers_buffer.append(b"\r\n" + response.body)  # one packet: no wait for the second
        self.flush_headers()


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # a connection that a fault of a test broke


class ChatServer:
    """Listens on a port of its own from its making until `stop`; `start` begins again there.

    `script(request, number)` gives the Response, or the text of a completion.
    """

    def __init__(self, script=take_apart, models=(MODEL,), certificate=None):
        self.script, self.models, self.certificate = script, models, certificate
        self.requests, self.gets = [], []
        self.before_get = lambda: None  # may keep the list of models waiting
        self.connections = set()
        self.lock = threading.Lock()
        self.under_way = 0
        self.port = 0
        self.listener = None
        self.start()

    def start(self):
        self.listener = Listener(("127.0.0.1", self.port), Handler)
        self.listener.chat = self
        self.port = self.listener.server_address[1]
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.listener.socket = context.wrap_socket(self.listener.socket, server_side=True)
        target = self.listener.serve_forever
        threading.Thread(target=target, args=(0.02,), daemon=True).start()

    def stop(self):
        """Nothing listens any more, and every connection is cut."""
        if self.listener is None:
            return
        self.listener.shutdown()
        self.listener.server_close()
        self.listener = None
        for connection in list(self.connections):
            try:
                connection.shutdown(2)
            except OSError:
                pass  # it has ended

    @property
    def url(self):
        scheme, host = ("https", "localhost") if self.certificate else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}"

    @property
    def sentences(self):
        return [request.sentence for request in self.requests]
