"""An HTTP server for any artifact, with the standard library: predicts classes in batches.

    python examples/serving/server.py runs/demo/exported --port 8000
    curl --data-binary @seven.png "http://127.0.0.1:8000/predict?top=3"
    python examples/serving/load.py runs/demo/exported runs/demo/digits

LeNet-5 on digits, 2 cores that the load test shares: 1,165 requests/s over 8 connections, p50 6.5
ms, p99 13.9 ms, 2.6 images a batch, every answer equal to Predictor's; one connection: 982 a
second, p50 1.0 ms, p99 1.3 ms (medians of 3 runs).

Requests that arrive while a batch is computed form the next batch, so that batches grow with the
load and a single request does not wait. It refuses requests when --queue requests are waiting
(503), bodies larger than --largest (413), and files that are not images (400, with the reason). It
listens on this machine only unless --host is set, and has no users and no TLS: use a proxy for
these.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import queue
import threading
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np

import kerascnn
from kerascnn.errors import KerasCNNError

WAIT = 30.0
"""Seconds after which a request fails."""


class Batches:
    """Computes prepared images in a thread, in batches of all that are waiting."""

    def __init__(self, predictor: kerascnn.Predictor, waiting: int) -> None:
        self.predictor = predictor
        self.waiting: queue.Queue[tuple[np.ndarray, Future]] = queue.Queue(waiting)
        self.counts = {"images": 0, "batches": 0}
        threading.Thread(target=self._work, daemon=True).start()

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Returns the class probabilities of one image.

        Raises:
            queue.Full: too many are waiting.
        """
        future: Future = Future()
        self.waiting.put_nowait((image, future))
        return future.result(WAIT)

    def _work(self) -> None:
        while True:
            together = [self.waiting.get()]
            while len(together) < self.predictor.batch_size and not self.waiting.empty():
                together.append(self.waiting.get_nowait())
            shapes = {image.shape for image, _ in together}
            for shape in shapes:  # more than one only for a network of any size
                self._answer([request for request in together if request[0].shape == shape])

    def _answer(self, together: list[tuple[np.ndarray, Future]]) -> None:
        images, futures = zip(*together, strict=True)
        try:
            answers = self.predictor.probabilities(np.stack(images))
        except Exception as error:  # it is passed on to the waiting requests
            for future in futures:
                future.set_exception(error)
            return
        self.counts["images"] += len(images)
        self.counts["batches"] += 1
        for future, answer in zip(futures, answers, strict=True):
            future.set_result(answer)


class Handler(BaseHTTPRequestHandler):
    """A connection, which can have many requests."""

    protocol_version = "HTTP/1.1"
    timeout = WAIT
    # Headers and body are sent in one packet, without delay: otherwise each answer waits 40 ms for
    # the acknowledgement of its headers.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        if urlsplit(self.path).path != "/health":
            self._reply(404, {"error": "POST an image to /predict, or GET /health"})
            return
        info = dataclasses.asdict(self.server.predictor.info)
        self._reply(200, {"ready": True, **info, **self.server.batches.counts})

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > self.server.largest:
            self.close_connection = True  # the body stays unread
            limit = f"send Content-Length, at most {self.server.largest:,} bytes"
            self._reply(413 if length.isdecimal() else 411, {"error": limit})
            return
        body = self.rfile.read(int(length))
        address = urlsplit(self.path)
        top = parse_qs(address.query).get("top", ["5"])[0]
        if address.path != "/predict":
            self._reply(404, {"error": "POST an image to /predict"})
        elif not top.isdecimal() or int(top) < 1:
            self._reply(400, {"error": f"top={top[:20]!r}; it must be a whole number from 1"})
        else:
            self._predict(body, int(top))

    def _predict(self, body: bytes, top: int) -> None:
        predictor = self.server.predictor
        try:
            scores = self.server.batches.probabilities(predictor.prepare(body))
        except KerasCNNError as error:
            self._reply(400, {"error": str(error)})
        except (queue.Full, TimeoutError):
            self._reply(503, {"error": "too many requests are waiting; try again"})
        else:
            order = np.argsort(-scores, kind="stable")[:top]
            names = predictor.class_names
            classes = [{"label": names[index], "score": float(scores[index])} for index in order]
            self._reply(200, {"classes": classes})

    def _reply(self, status: int, value: dict) -> None:
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Logs nothing: a line for each request would take longer than a small network."""


class Server(ThreadingHTTPServer):
    """The server, which shares one predictor."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], predictor: kerascnn.Predictor, waiting: int, largest: int
    ) -> None:
        self.predictor, self.largest = predictor, largest
        self.batches = Batches(predictor, waiting)
        super().__init__(address, Handler)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", help="an export directory, or one of its files")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 for any free port (8000)")
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--queue", type=int, default=256, help="the most waiting requests (256)")
    parser.add_argument(
        "--largest", type=int, default=20_000_000, help="the most bytes of an image file"
    )
    arguments = parser.parse_args()
    predictor = kerascnn.Predictor(
        arguments.artifact,
        runtime=arguments.runtime,
        precision=arguments.precision,
        threads=arguments.threads,
        batch_size=arguments.batch_size,
    )
    address = (arguments.host, arguments.port)
    with Server(address, predictor, arguments.queue, arguments.largest) as server:
        host, port = server.server_address[:2]
        print(f"{predictor.info.file} on http://{host}:{port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
